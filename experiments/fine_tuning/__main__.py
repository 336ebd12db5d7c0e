"""Command line: `python -m experiments.fine_tuning pretrain|fits|judge|all [--quick]`."""

import argparse
from pathlib import Path

import jax

from experiments.fine_tuning import __doc__ as about


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m experiments.fine_tuning",
        description=about,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("stage", choices=("pretrain", "fits", "judge", "all"), nargs="?", default="all")
    parser.add_argument("--quick", action="store_true", help="a run of a minute or two that shows only that all works")
    parser.add_argument("--output", type=Path, default=Path("outputs/fine_tuning"))
    given = parser.parse_args(arguments)
    jax.config.update("jax_enable_x64", True)
    from experiments.fine_tuning.size import FULL, QUICK

    size = QUICK if given.quick else FULL
    if given.stage in ("pretrain", "all"):
        from experiments.fine_tuning.pretraining import pretrain

        pretrain(size, given.output)
    if given.stage in ("fits", "all"):
        from experiments.fine_tuning.fits import make_fits

        make_fits(size, given.output)
    if given.stage in ("judge", "all"):
        from experiments.fine_tuning.judge import judge

        judge(size, given.output)


if __name__ == "__main__":
    main()
