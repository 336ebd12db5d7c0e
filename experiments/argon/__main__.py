"""Command line: `python -m experiments.argon data|train|judge|engineer|solid [conservative|direct] [--quick]`."""

import jax

from experiments.argon import __doc__ as about
from experiments.command import parser_of


def main(arguments: list[str] | None = None) -> None:
    parser = parser_of("argon", about, ("data", "train", "judge", "engineer", "solid"))
    parser.add_argument("model", choices=("conservative", "direct"), nargs="?")
    given = parser.parse_args(arguments)
    jax.config.update("jax_enable_x64", True)
    from experiments.argon.size import FULL, QUICK

    size = QUICK if given.quick else FULL
    if given.stage == "data":
        from experiments.argon.data import make_frames

        make_frames(size, given.output)
    if given.stage == "train":
        from experiments.argon.training import train_models

        train_models([given.model] if given.model else ["conservative", "direct"], size, given.output)
    if given.stage == "judge":
        from experiments.argon.judge import judge

        judge(size, given.output)
    if given.stage == "engineer":
        from experiments.argon.engineering import engineer

        engineer(size, given.output)
    if given.stage == "solid":
        from experiments.argon.solid import look

        look(size, given.output)


if __name__ == "__main__":
    main()
