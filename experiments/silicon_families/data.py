"""Which structures are learned from, and which are not."""

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from diffsim import Configuration, read_configurations

FILE = "silicon_configurations/configurations.xyz.gz"
COUNTS = (10, 30, 100, 1000)  # to learn from; the last stands for all
FAR = ("liquid", "strongly rattled", "vacancy")  # the other kinds are crystals
_TEST, _VALIDATION = (3, 9, 16), (6, 13)  # of each twenty of a kind: the same when more has been labelled
_TWENTY = 20


class Parts(NamedTuple):
    """Three parts, each with its share of every kind."""

    training: list[Configuration]
    validation: list[Configuration]
    test: list[Configuration]


def parts(count: int) -> Parts:
    """The first `count` of what may be learned from, and a quarter as many, if there are, to validate with.

    The file begins with some of each kind.
    """
    found, seen = Parts([], [], []), Counter[str]()
    for one in read_configurations(FILE, group="config_type"):
        place = seen[one.group] % _TWENTY
        seen[one.group] += 1
        part = found.test if place in _TEST else found.validation if place in _VALIDATION else found.training
        part.append(one)
    return found._replace(training=found.training[:count], validation=found.validation[: max(count // 4, 2)])


def crystalline(configurations: Sequence[Configuration]) -> list[Configuration]:
    """Crystals that are not much rattled, without holes."""
    return [one for one in configurations if one.group not in FAR]
