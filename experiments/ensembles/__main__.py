"""Command line: `python -m experiments.ensembles reference|judge`."""

import argparse
from pathlib import Path

import jax

from experiments.ensembles import __doc__ as about


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m experiments.ensembles", description=about, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("stage", choices=("reference", "judge"))
    parser.add_argument("fitted", type=Path, nargs="?", help="potential.json of a fit, to be judged")
    parser.add_argument("--work", type=Path, default=Path("build/ensembles"), help="frames that were sampled")
    parser.add_argument("--output", type=Path, default=Path("outputs/ensembles"))
    given = parser.parse_args(arguments)
    jax.config.update("jax_enable_x64", True)
    if given.stage == "reference":
        from experiments.ensembles.reference import make_reference

        make_reference()
        return
    if given.fitted is None:
        parser.error("judge whom? give the potential.json of a fit")
    from experiments.ensembles.judge import judge

    judge(given.fitted, given.work, given.output)


if __name__ == "__main__":
    main()
