"""Command line: `python -m experiments.silicon_liquid truth|fits|limit|judge|all`."""

import argparse
from pathlib import Path

import jax

from experiments.silicon_liquid import __doc__ as about

DATA = Path(__file__).parents[2] / "diffsim" / "data" / "silicon_liquid"


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m experiments.silicon_liquid",
        description=about,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("stage", choices=("truth", "fits", "limit", "judge", "all"), nargs="?", default="all")
    parser.add_argument("--work", type=Path, default=Path("build/silicon_liquid"), help="frames that were sampled")
    parser.add_argument("--output", type=Path, default=Path("outputs/silicon_liquid"))
    given = parser.parse_args(arguments)
    jax.config.update("jax_enable_x64", True)
    if given.stage in ("truth", "all"):
        from experiments.silicon_liquid.truth import make_truth

        make_truth(given.work, DATA)
    if given.stage in ("fits", "all"):
        from experiments.silicon_liquid.fits import make_fits

        make_fits(given.output)
    if given.stage in ("limit", "all"):
        from experiments.silicon_liquid.fits import make_limit

        make_limit(given.output)
    if given.stage in ("judge", "all"):
        from experiments.silicon_liquid.judge import judge

        judge(given.work, given.output)


if __name__ == "__main__":
    main()
