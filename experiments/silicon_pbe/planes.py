"""Slabs and stacks of lattice planes of diamond-structure silicon, cut by hand from the primitive cell.

The first vector lies along x, the first two in the xy plane, so the normal is z.  Planes are counted as in
``diffsim.observables``: each holds both atoms of a primitive cell.
"""

from dataclasses import dataclass

import numpy as np
from ase import Atoms
from ase.build import bulk


@dataclass(frozen=True)
class Face:
    """A face (hkl): integers that lead from the vectors of ``ase.build.bulk("Si")`` to two in the plane and one up.

    ``cuts`` are heights, in units of the distance of the planes, between whose copies the crystal is cleaved.
    """

    miller: tuple[int, int, int]
    matrix: tuple[tuple[int, int, int], ...]
    cuts: dict[str, float]

    @property
    def name(self) -> str:
        """Return hkl without brackets."""
        return "".join(str(index) for index in self.miller)


# The atoms of (111) are 0 and 3/4 high, of (110) 0 and 0 after a whole plane, of (100) 0 and 1/2.
FACES = {
    "111": Face((1, 1, 1), ((1, -1, 0), (0, 1, -1), (1, 0, 0)), {"shuffle": 0.4, "glide": 0.9}),
    "110": Face((1, 1, 0), ((1, 1, -1), (-1, 1, 0), (1, 0, 0)), {"only": 0.5}),
    "100": Face((1, 0, 0), ((0, -1, 1), (1, 0, 0), (0, 1, 0)), {"only": 0.75}),
}


def stack(lattice_constant: float, face: Face, cut: str, layers: int) -> Atoms:
    """Return ``layers`` planes of the perfect crystal, periodic, that begin just above the cut."""
    crystal = bulk("Si", a=lattice_constant)
    vectors = np.array(face.matrix) @ crystal.cell.array
    normal = np.cross(vectors[0], vectors[1])
    normal /= np.linalg.norm(normal)
    spacing = vectors[2] @ normal
    first = np.ceil(face.cuts[cut] - crystal.positions @ normal / spacing)
    steps = first[None, :] + np.arange(layers)[:, None]
    positions = (crystal.positions + steps[..., None] * vectors[2]).reshape(-1, 3)
    atoms = Atoms(f"Si{len(positions)}", positions=positions, cell=vectors * [[1], [1], [layers]], pbc=True)
    upright, _ = atoms.cell.standard_form()
    atoms.set_cell(upright, scale_atoms=True)
    return atoms


def cleave(lattice_constant: float, face: Face, cut: str, layers: int, vacuum: float) -> Atoms:
    """Return the slab with ``vacuum`` Å more than the crystal has between its faces."""
    atoms = stack(lattice_constant, face, cut, layers)
    cell = atoms.cell.array
    atoms.set_cell([cell[0], cell[1], [0.0, 0.0, cell[2, 2] + vacuum]])
    return atoms


def measure_area(atoms: Atoms) -> float:
    """Return the area (Å²) of the first two vectors."""
    return float(np.linalg.norm(np.cross(*atoms.cell.array[:2])))


def shift(lattice_constant: float, face: Face, cut: str, layers: int, displacement: np.ndarray) -> Atoms:
    """Return the stack whose images above are displaced (Å, in the cubic axes): one fault a cell, at the cut."""
    atoms = stack(lattice_constant, face, cut, layers)
    vectors = np.array(face.matrix) @ bulk("Si", a=lattice_constant).cell.array
    in_plane = np.linalg.lstsq(vectors.T, displacement, rcond=None)[0]
    cell = atoms.cell.array
    atoms.set_cell([cell[0], cell[1], cell[2] + in_plane @ (cell / [[1], [1], [layers]])])
    return atoms
