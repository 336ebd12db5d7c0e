"""The structures that checks are made on, where the user has given none."""

import math
from collections.abc import Sequence

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from diffsim.data.configurations import Configuration
from diffsim.fields import ArrayLike
from diffsim.potentials.base import AbstractPotential
from diffsim.system import System


def known_crystal(potential: AbstractPotential, data: Sequence[Configuration]) -> System | None:
    """The crystal of a potential's element as ASE knows it; else the structure of the data with the smallest forces.

    Elements are those of the potential, or those of the data where it takes all atoms alike. None where there is
    neither one element nor a structure that is periodic in three directions.
    """
    from ase.build import bulk
    from ase.data import chemical_symbols

    numbers = potential.species or tuple({int(z) for one in data for z in np.asarray(one.system.numbers)})
    if len(numbers) == 1:
        try:
            return System.from_ase(bulk(chemical_symbols[numbers[0]]))
        except (ValueError, RuntimeError):  # not a lattice that ASE can make of the element's name alone
            pass
    periodic = [one for one in data if all(one.system.pbc)]
    return (
        min(periodic, key=lambda one: np.nan_to_num(np.abs(one.forces), nan=np.inf).max()).system if periodic else None
    )


def repeats(system: System, atoms: int, *, even: bool = False) -> tuple[int, int, int]:
    """How often to repeat a cell so that it has so many atoms at least, and edges of similar length."""
    lengths, step = np.linalg.norm(np.asarray(system.cell), axis=1), 2 if even else 1
    for size in np.arange(1.0, 100.0, 0.25):
        a, b, c = (step * math.ceil(size / (step * length)) for length in lengths)
        if a * b * c * len(system.numbers) >= atoms:
            return a, b, c
    raise ValueError(f"a cell with edges of {lengths.tolist()} Å cannot be repeated to {atoms} atoms")


def rattled(system: System, amplitude: float, strain: float = 0.0, seed: int = 0) -> System:
    """Atoms displaced by `amplitude` Å (standard deviation) in a cell under a random strain."""
    rng = np.random.default_rng(seed)
    given = rng.uniform(-1, 1, (3, 3))
    moved = system.positions + amplitude * rng.standard_normal(system.positions.shape)
    return system.replace(positions=moved).strained(jnp.asarray(0.5 * strain * (given + given.T)))


def in_a_box(positions: ArrayLike, numbers: Sequence[int], cutoff: float) -> System:
    """Atoms in the middle of a periodic box so large that they see no image of each other."""
    from ase.data import atomic_masses

    x = np.asarray(positions, float)
    size = 3 * cutoff + float(np.ptp(x))
    return System(x - x.mean(0) + 0.5 * size, size * np.eye(3), numbers, [atomic_masses[z] for z in numbers])


def bond_length(first: int, second: int) -> float:
    """The sum of two covalent radii in Å (doi:10.1039/b801115j)."""
    from ase.data import covalent_radii

    return float(covalent_radii[first] + covalent_radii[second])


def strain_between(start: System, end: System) -> Float[np.ndarray, "3 3"]:
    """The symmetric strain that takes one cell into the other."""
    deformation = np.linalg.solve(np.asarray(start.cell), np.asarray(end.cell)).T
    return 0.5 * (deformation + deformation.T) - np.eye(3)


def rearrangement(start: System, end: System) -> float:
    """How far in Å (root mean square) atoms have moved apart from the strain of the cell and their centre of mass."""
    before, after = (np.asarray(one.positions) @ np.linalg.inv(np.asarray(one.cell)) for one in (start, end))
    moved = (after - before) @ np.asarray(end.cell)
    moved -= np.average(moved, axis=0, weights=np.asarray(start.masses))
    return float(np.sqrt(np.mean(np.sum(moved**2, axis=1))))
