"""A missing atom at rest: what it costs, and what its hop into the next site costs."""

from typing import NamedTuple

import numpy as np

from diffsim.mechanics import energy
from diffsim.neighbors import Neighbors
from diffsim.observables import VacancyFormationEnergy
from diffsim.potentials.base import AbstractPotential
from diffsim.simulators import State
from diffsim.system import System

_ROOMS = (0.5, 1.0, 2.0)  # Å: how much further lists reach than the cutoff


class Vacancy(NamedTuple):
    """E(N − 1 atoms) − (N − 1)/N E(N atoms), one element's first atom missing, the cell that of the crystal."""

    relaxed: float  # eV
    rigid: float  # eV, the other atoms left where they were
    atoms: int  # N


def vacancy(potential: AbstractPotential, crystal: System, repeats: tuple[int, int, int]) -> Vacancy:
    """The vacancy of the crystal's first atom in the crystal repeated.

    **Raises** `ValueError` for a supercell of a single atom, where the other atoms find no rest, and for potentials
    without an energy.
    """
    reach = float(potential.cutoff)
    observables = [VacancyFormationEnergy(crystal, repeats, reach + room) for room in _ROOMS]
    per_atom = float(energy(potential, crystal)) / len(crystal.numbers)
    lacking = observables[0].defective.piece.of(crystal)
    left = len(lacking.numbers)
    rigid = float(energy(potential, lacking)) - left * per_atom
    state = State(crystal, Neighbors.allocate(crystal, reach + _ROOMS[0]))
    for observable in observables:
        relaxed = float(observable.record(potential, state))
        if np.isfinite(relaxed):
            return Vacancy(relaxed, rigid, left + 1)
    raise ValueError("the atoms around the vacancy find no rest: there is no minimum near the perfect sites")
