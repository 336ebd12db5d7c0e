"""The command line that experiments of several stages share."""

import argparse
from collections.abc import Sequence
from pathlib import Path


def parser_of(
    name: str, about: str | None, stages: Sequence[str], default: str | None = None
) -> argparse.ArgumentParser:
    """`python -m experiments.NAME STAGE [--quick] [--output FOLDER]`; without a `default` the stage must be said."""
    parser = argparse.ArgumentParser(
        prog=f"python -m experiments.{name}", description=about, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("stage", choices=tuple(stages), nargs="?" if default else None, default=default)
    parser.add_argument("--quick", action="store_true", help="a run of a minute or two that shows only that all works")
    parser.add_argument("--output", type=Path, default=Path("outputs") / name)
    return parser
