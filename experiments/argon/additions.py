"""Frames that the training set has not, a few of each kind: which of them teach a network what it lacks?"""

from collections.abc import Callable

import numpy as np

from diffsim import Configuration, System
from experiments.argon.courses import KINDS
from experiments.argon.crystal import hopping
from experiments.argon.data import EDGE, EXPANSION, SHEAR, cubes, trajectory
from experiments.argon.size import Size

_WARM, _HOT = (20.0, 40.0, 60.0, 80.0), (90.0, 95.0, 100.0, 105.0)  # K; crystals that have not the time to melt
_STRETCHED = 0.03  # of the edge
_WAY = (0.2, 0.3, 0.4, 0.5)  # of the way into the vacancy


def vacancies(size: Size, repeats: int, seed: int) -> list[list[Configuration]]:
    """Crystals that lack an atom."""
    cells = [(hopping(_warm(t, repeats), 0.0)[0], t) for t in _WARM[: size.additions]]
    return [trajectory("vacancy", cell, [t], size, seed + n) for n, (cell, t) in enumerate(cells)]


def hops(size: Size, repeats: int, seed: int) -> list[list[Configuration]]:
    """Crystals that lack an atom, a neighbour of it held on its way into the vacancy."""
    found = []
    for number, (temperature, way) in enumerate(zip(_WARM[: size.additions], _WAY, strict=False)):
        system, atom = hopping(_warm(temperature, repeats), way)
        mobile = np.arange(len(system.numbers)) != atom
        found.append(trajectory("hop", system, [temperature], size, seed + number, mobile))
    return found


def stretched(size: Size) -> list[list[Configuration]]:
    """Crystals hotter and farther from rest than those of the training set."""
    rng, found = np.random.default_rng(1), []
    for number, temperature in enumerate(_HOT[: size.additions]):
        edge = (EDGE + EXPANSION * temperature) * (1 + rng.uniform(-_STRETCHED, _STRETCHED))
        cell = cubes(edge, size.repeats, rng.uniform(-2 * SHEAR, 2 * SHEAR, (3, 3)))
        found.append(trajectory("stretched", cell, [temperature], size, 4000 + number))
    return found


def _warm(temperature: float, repeats: int) -> System:
    return cubes(EDGE + EXPANSION * temperature, repeats)


_MAKERS: tuple[Callable[[Size], list[list[Configuration]]], ...] = (
    lambda size: vacancies(size, size.repeats, 2000),
    lambda size: vacancies(size, size.small, 5000),
    lambda size: hops(size, size.repeats, 3000),
    lambda size: hops(size, size.small, 6000),
    stretched,
)
ADDITIONS = dict(zip(KINDS, _MAKERS, strict=True))
