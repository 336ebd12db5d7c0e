"""Crystals of silicon as cells with right angles of eight and sixteen atoms, near the volumes that PBE gives them."""

import numpy as np
from ase import Atoms
from ase.build import bulk
from ase.spacegroup import crystal

EDGE = 5.475  # Å, of diamond's cube in PBE (silicon_pbe)
# β-tin's minimum in PBE: 15.54 Å³/atom, c/a 0.549 (silicon_pbe)
_TIN_EDGE, _TIN_HEIGHT = 4.838, 2.655  # Å, of the tetragonal cell of four atoms


def cube() -> Atoms:
    """Diamond, the cube of eight atoms."""
    return bulk("Si", a=EDGE, cubic=True)


def two_cubes() -> Atoms:
    """Diamond, two cubes on each other: sixteen atoms."""
    return cube() * (1, 1, 2)


def beta_tin() -> Atoms:
    """β-tin, two tetragonal cells on each other: eight atoms."""
    places = [(0, 0, 0), (0.5, 0, 0.25), (0.5, 0.5, 0.5), (0, 0.5, 0.75)]
    cell = np.diag([_TIN_EDGE, _TIN_EDGE, _TIN_HEIGHT])
    return Atoms("Si4", scaled_positions=places, cell=cell, pbc=True) * (1, 1, 2)


def hexagonal_diamond() -> Atoms:
    """Lonsdaleite with bonds as long as diamond's."""
    a = EDGE / np.sqrt(2)
    places = [(1 / 3, 2 / 3, 1 / 16), (1 / 3, 2 / 3, 7 / 16), (2 / 3, 1 / 3, 9 / 16), (2 / 3, 1 / 3, 15 / 16)]
    return _orthorhombic(places, a, a * np.sqrt(8 / 3))


def simple_hexagonal() -> Atoms:
    """Si-V, which follows β-tin under pressure."""
    return _orthorhombic([(0, 0, 0)], 2.64, 2.48) * (2, 1, 2)


def bc8() -> Atoms:
    """Si-III, in which silicon is left after pressure: the cube of sixteen atoms."""
    return crystal("Si", [(0.1003, 0.1003, 0.1003)], spacegroup=206, cellpar=[6.66] * 3 + [90] * 3)


OTHERS = {
    "hexagonal diamond": hexagonal_diamond,
    "bc8": bc8,
    "simple cubic": lambda: bulk("Si", "sc", a=2.53) * (2, 2, 2),
    "simple hexagonal": simple_hexagonal,
}


def _orthorhombic(places: list[tuple[float, ...]], a: float, c: float) -> Atoms:
    """A hexagonal cell taken twice, as the one with right angles."""
    cell = np.array([[a, 0, 0], [-a / 2, a * np.sqrt(3) / 2, 0], [0, 0, c]])
    twice = Atoms(["Si"] * len(places), scaled_positions=places, cell=cell, pbc=True) * (1, 2, 1)
    twice.set_cell([a, a * np.sqrt(3), c])
    twice.wrap()
    return twice
