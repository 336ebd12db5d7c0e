"""The hop of a vacancy at rest: its path, its barrier, and what transition-state theory makes of them."""

from typing import NamedTuple

import numpy as np

from diffsim.paths import harmonic_rate, minimum_energy_path, saddle_point, vacancy_hop
from diffsim.paths.profile import MinimumEnergyPath
from diffsim.potentials.base import AbstractPotential
from diffsim.potentials.direct import AbstractDirectForces, no_energy
from diffsim.relax import relax
from diffsim.system import System

_EQUAL = 1.02  # ways that are hardly longer than the shortest lead out of the vacancy as well
_ANY = 300.0  # K: prefactors do not depend on it


class Migration(NamedTuple):
    """The nearest atom of the same element goes into the vacancy of the crystal's first atom."""

    barrier: float  # eV
    path: MinimumEnergyPath
    exits: int  # ways as long as the nearest, all of which are taken to have its barrier
    prefactor: float | None  # THz, of all of them, by harmonic transition-state theory; None without a saddle point
    by_work: float  # eV, the barrier by the work of the forces along the path
    lacking: str = ""  # why there is no saddle point


def migration(potential: AbstractPotential, crystal: System, repeats: tuple[int, int, int]) -> Migration:
    """By the simplified string method, and Newton's to the saddle point from its highest image.

    Where that finds none, and of forces that are those of no energy, the barrier is that of the work along the path.

    **Raises** `ValueError` where no path is found.
    """
    path = minimum_energy_path(potential, *vacancy_hop(crystal, repeats))
    exits = ways_out(crystal, repeats)
    if isinstance(potential, AbstractDirectForces):
        return Migration(path.barrier, path, exits, None, path.barrier, no_energy(potential))
    try:
        saddle = saddle_point(potential, path.image(path.highest), path.tangent)
        found = harmonic_rate(potential, relax(potential, path.image(0)), saddle, _ANY)
    except ValueError as reason:
        return Migration(path.barrier, path, exits, None, path.barrier, f"{reason}")
    return Migration(float(found.barrier), path, exits, exits * float(found.prefactor), path.barrier)


def ways_out(crystal: System, repeats: tuple[int, int, int]) -> int:
    """How many sites of the same element are as near to the first atom's as the nearest, within 2 %.

    The barrier of one of these ways stands for all of them, also where no symmetry makes them equal: in hcp those
    within a plane and those out of it.
    """
    from ase.geometry import find_mic

    whole = crystal.supercell(repeats)
    alike = np.asarray(whole.numbers) == int(whole.numbers[0])
    ways = np.asarray(whole.positions)[alike] - np.asarray(whole.positions)[0]
    lengths = np.sort(find_mic(ways, np.asarray(whole.cell))[1])[1:]
    return int(np.sum(lengths < _EQUAL * lengths[0]))
