"""Frames that the training set has not, a few of each kind: which of them teach a network what it lacks?"""

from collections.abc import Callable

import numpy as np

from diffsim import Configuration, System
from experiments.argon.crystal import hopping, without
from experiments.argon.data import EDGE, EXPANSION, SHEAR, cubes, trajectory
from experiments.argon.size import Size

_WARM, _HOT = (20.0, 40.0, 60.0, 80.0), (90.0, 95.0, 100.0, 105.0)  # K; crystals that have not the time to melt
_STRETCHED = 0.03  # of the edge
_WAY = (0.2, 0.3, 0.4, 0.5)  # of the way into the vacancy


def vacancies(size: Size) -> list[list[Configuration]]:
    """Crystals that lack an atom."""
    cells = [(without(_warm(t, size)), t) for t in _WARM[: size.additions]]
    return [trajectory("vacancy", cell, [t], size, 2000 + n) for n, (cell, t) in enumerate(cells)]


def hops(size: Size) -> list[list[Configuration]]:
    """Crystals that lack an atom, a neighbour of it held on its way into the vacancy."""
    found = []
    for number, (temperature, way) in enumerate(zip(_WARM[: size.additions], _WAY, strict=False)):
        system, atom = hopping(_warm(temperature, size), way)
        mobile = np.arange(len(system.numbers)) != atom
        found.append(trajectory("hop", system, [temperature], size, 3000 + number, mobile))
    return found


def stretched(size: Size) -> list[list[Configuration]]:
    """Crystals hotter and farther from rest than those of the training set."""
    rng, found = np.random.default_rng(1), []
    for number, temperature in enumerate(_HOT[: size.additions]):
        edge = (EDGE + EXPANSION * temperature) * (1 + rng.uniform(-_STRETCHED, _STRETCHED))
        cell = cubes(edge, size, rng.uniform(-2 * SHEAR, 2 * SHEAR, (3, 3)))
        found.append(trajectory("stretched", cell, [temperature], size, 4000 + number))
    return found


def _warm(temperature: float, size: Size) -> System:
    return cubes(EDGE + EXPANSION * temperature, size)


ADDITIONS: dict[str, Callable[[Size], list[list[Configuration]]]] = {
    "vacancies": vacancies,
    "hops": hops,
    "stretched": stretched,
}
