"""Which structures are learned from, and which are not."""

from collections.abc import Sequence
from typing import NamedTuple

from diffsim import Configuration, read_configurations, split

FILE = "silicon_configurations/configurations.xyz.gz"
COUNTS = (10, 30, 100, 1000)  # to learn from; the last stands for all
FAR = ("liquid", "strongly rattled", "vacancy")  # the other kinds are crystals


class Parts(NamedTuple):
    """Three parts, each with its share of every kind."""

    training: list[Configuration]
    validation: list[Configuration]
    test: list[Configuration]


def parts(count: int) -> Parts:
    """The first `count` of what may be learned from: the file begins with some of each kind."""
    training, validation, test = split(read_configurations(FILE, group="config_type"), (0.75, 0.1, 0.15))
    return Parts(training[:count], validation, test)


def crystalline(configurations: Sequence[Configuration]) -> list[Configuration]:
    """Crystals that are not much rattled, without holes."""
    return [one for one in configurations if one.group not in FAR]
