"""Pieces of a crystal: supercells, slabs and stacks of lattice planes that follow the crystal's own relaxation."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from diffsim.mechanics import require_periodic
from diffsim.neighbors.search import reduce_lattice
from diffsim.system import System, lattice_points

_SAME_HEIGHT = 1e-2  # Å: atoms this close along the normal form one sheet


class Piece(eqx.Module):
    """Atoms of a crystal, each by its place in the cell and the cell that it is in; its lattice is an integer matrix.

    So positions and lattice are derived from the crystal alone, and derivatives in its cell are right by construction.
    """

    places: Int[Array, " atoms"]  # in the crystal's cell
    cells: Int[Array, "atoms 3"]
    lattice: Int[Array, "3 3"]  # rows: the piece's lattice vectors in terms of the crystal's

    @staticmethod
    def supercell(structure: System, repeats: Sequence[int]) -> Piece:
        """The repeated cell in the order of `System.supercell`."""
        images = lattice_points(tuple(repeats))
        n_atoms = len(structure.numbers)
        places, cells = np.repeat(np.arange(n_atoms), len(images)), np.tile(images, (n_atoms, 1))
        return Piece(jnp.asarray(places), jnp.asarray(cells), jnp.asarray(np.diag(repeats)))

    @staticmethod
    def planes(structure: System, miller: Sequence[int], layers: int, *, cut: int = 0, empty: float = 0.0) -> Piece:
        """`layers` lattice planes (hkl) above one another, with at least `empty` Å of nothing above them.

        Its first two vectors lie in the plane, the smallest there are. `cut` says between which sheets of atoms the
        piece begins, counted from the widest gap: in diamond {111} 0 is the shuffle set and 1 the glide set.
        """
        require_periodic(structure, "a lattice plane")
        if layers < 1:
            raise ValueError(f"layers must be positive, got {layers}")
        matrix = plane_basis(structure, miller)
        vectors = matrix @ np.asarray(structure.cell)
        normal = np.cross(vectors[0], vectors[1])
        normal /= np.linalg.norm(normal)
        spacing = vectors[2] @ normal
        heights = np.asarray(structure.positions) @ normal
        below = -np.floor((heights - _beginning(heights, spacing, cut)) / spacing).astype(int)
        steps = (below[None, :] + np.arange(layers)[:, None]).reshape(-1)
        places = np.tile(np.arange(len(heights)), layers)
        period = layers + math.ceil(empty / spacing)
        lattice = matrix * np.array([1, 1, period])[:, None]
        return Piece(jnp.asarray(places), jnp.asarray(steps[:, None] * matrix[2]), jnp.asarray(lattice))

    def without(self, atom: int) -> Piece:
        """The same with one atom taken out."""
        kept = np.delete(np.arange(len(self.places)), atom)
        return Piece(self.places[kept], self.cells[kept], self.lattice)

    def of(self, crystal: System) -> System:
        """The piece, cut from a crystal as it is now."""
        dtype = crystal.cell.dtype
        return System(
            positions=crystal.positions[self.places] + self.cells.astype(dtype) @ crystal.cell,
            cell=self.lattice.astype(dtype) @ crystal.cell,
            numbers=crystal.numbers[self.places],
            masses=crystal.masses[self.places],
            pbc=crystal.pbc,
        )


def area(system: System) -> Float[Array, ""]:
    """|a × b| in Å² of the first two lattice vectors."""
    return jnp.linalg.norm(jnp.cross(system.cell[0], system.cell[1]))


def _beginning(heights: np.ndarray, spacing: float, cut: int) -> float:
    """The height of the middle of the chosen gap between sheets of atoms."""
    inside = np.sort(heights % spacing)
    sheets = inside[np.diff(inside, prepend=inside[-1] - spacing) > _SAME_HEIGHT]
    gaps = np.diff(sheets, prepend=sheets[-1] - spacing)  # below each sheet
    if not 0 <= cut < len(gaps):
        raise ValueError(f"cut must be one of the {len(gaps)} gaps between sheets of atoms, 0 … {len(gaps) - 1}: {cut}")
    chosen = np.argsort(-np.round(gaps, 2), kind="stable")[cut]
    return float(sheets[chosen] - gaps[chosen] / 2)


def plane_basis(structure: System, miller: Sequence[int]) -> np.ndarray:
    """Integers whose rows are two short vectors that span the plane (hkl), and one that leads to the next plane up.

    Miller indices refer to `axes` of the structure. **Raises** `ValueError` for (000) and what is not three integers.
    """
    if len(miller) != 3 or any(int(m) != m for m in miller) or not any(miller):
        raise ValueError(f"Miller indices must be three integers, not all zero, got {tuple(miller)}")
    conventional = axes(structure)
    own = np.linalg.inv(conventional) @ np.array(miller) * round(abs(np.linalg.det(conventional)))
    own = np.rint(own).astype(int)
    own //= np.gcd.reduce(own)  # G·a_j / 2π of the structure's own vectors
    reach = int(np.abs(own).max()) + 1
    points = np.array(list(itertools.product(range(-reach, reach + 1), repeat=3)))
    cell = np.asarray(structure.cell)
    points = points[np.argsort(np.round(np.linalg.norm(points @ cell, axis=1), 6), kind="stable")]
    flat = points[points @ own == 0][1:]  # without the origin
    areas = np.linalg.norm(np.cross(flat[0] @ cell, flat @ cell), axis=1)
    smallest = np.abs(np.linalg.det(cell)) * np.linalg.norm(np.linalg.inv(cell) @ own)  # of the plane's cell: V |G|
    second = flat[np.argmax(np.abs(areas - smallest) < 1e-6 * smallest)]
    up = points[points @ own == 1][0]
    matrix = np.array([flat[0], second, up])
    return matrix if np.linalg.det(matrix @ cell) > 0 else matrix * np.array([1, -1, 1])[:, None]


def axes(structure: System) -> np.ndarray:
    """Integers whose rows are the vectors that Miller indices refer to, in terms of the structure's own.

    Those of the conventional cube where the lattice is cubic, primitive cells included, in the order and with the signs
    that bring them closest to x, y, z; the structure's own vectors otherwise.
    """
    cell = np.asarray(structure.cell)
    reduction = reduce_lattice(cell)
    points = np.array(list(itertools.product(range(-2, 3), repeat=3))) @ reduction
    lengths = np.linalg.norm(points @ cell, axis=1)
    for length in np.unique(np.round(lengths[lengths > 0], 3)):
        shell = points[np.abs(lengths - length) < 2e-3]
        unit = shell @ cell / length
        cubes = [
            frame
            for frame in itertools.permutations(range(len(shell)), 3)
            if np.allclose(unit[list(frame)] @ unit[list(frame)].T, np.eye(3), atol=1e-3)
            and np.linalg.det(unit[list(frame)]) > 0
        ]
        if cubes:
            return shell[list(max(cubes, key=lambda frame: np.trace(unit[list(frame)])))]
    return np.eye(3, dtype=int)
