"""Command line: `python -m experiments.fine_tuning pretrain|fits|judge|universal|all [--quick]`."""

import jax

from experiments.command import parser_of
from experiments.fine_tuning import __doc__ as about


def main(arguments: list[str] | None = None) -> None:
    parser = parser_of("fine_tuning", about, ("pretrain", "fits", "judge", "universal", "all"), "all")
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
    if given.stage in ("universal", "all"):
        from experiments.fine_tuning.universal import tune
        from experiments.fine_tuning.universality import judge_universal

        tune(size, given.output)
        judge_universal(size, given.output)


if __name__ == "__main__":
    main()
