"""Command line: `python -m experiments.silicon_melt_pbe snapshots|label|reweight|all`."""

import argparse
from pathlib import Path

import jax

from experiments.silicon_melt_pbe import __doc__ as about
from experiments.silicon_pbe.espresso import PwCache

DATA = Path(__file__).parents[2] / "diffsim" / "data" / "silicon_melt_pbe"


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m experiments.silicon_melt_pbe",
        description=about,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("stage", choices=("snapshots", "label", "reweight", "all"), nargs="?", default="all")
    parser.add_argument("--work", type=Path, default=Path("build/silicon_melt_pbe"), help="melts and cached results")
    parser.add_argument("--pseudo-dir", type=Path, default=Path("/usr/share/espresso/pseudo"))
    parser.add_argument("--data", type=Path, default=DATA, help="where the data set goes")
    parser.add_argument("--output", type=Path, default=Path("outputs/silicon_melt_pbe"), help="where the figure goes")
    given = parser.parse_args(arguments)
    jax.config.update("jax_enable_x64", True)
    if given.stage in ("snapshots", "label", "all"):
        from experiments.silicon_melt_pbe.generations import advance
        from experiments.silicon_melt_pbe.truth import make_truth

        cache = PwCache(given.work.resolve(), given.pseudo_dir.resolve())
        generations = advance(cache, given.data)
        if given.stage != "snapshots":
            make_truth(cache, given.data, generations)
    if given.stage in ("reweight", "all"):
        from experiments.silicon_melt_pbe.reweight import reweight

        reweight(given.data, given.output)


if __name__ == "__main__":
    main()
