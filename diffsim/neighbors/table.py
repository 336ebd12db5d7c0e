"""The neighbour table that compiled code reads.

The table is `[neighbors, atoms]`: column i holds the edges i → j inside the list radius, padded to the longest column.
Beside each edge stands the flat position of its reverse j → i, so that a sum over "edges that end on i" is a gather
(the idea of GPUMD's write-conflict-free forces, doi:10.1103/PhysRevB.92.094301). Padded edges are their own reverse.
"""

from __future__ import annotations

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from diffsim.fields import concrete
from diffsim.neighbors.all_pairs import tabulate_all_pairs
from diffsim.neighbors.search import find_edges, images_within
from diffsim.system import System, check_finite


class Neighbors(eqx.Module):
    """For each atom its neighbours within `radius`, images included: correct in cells smaller than the radius.

    Three steps of one life: `allocate` in Python decides the shape; `overflow` says, in compiled code, whether the list
    still holds for a cutoff; `update` makes it again in compiled code, in the same shape.
    """

    index: Int[Array, "neighbors atoms"]  # the neighbour j
    shifts: Int[Array, "3 neighbors atoms"]  # S: how many cells away its image is
    mask: Bool[Array, "neighbors atoms"]  # False where the column is padding
    reverse: Int[Array, "neighbors atoms"]  # flat position of the edge j → i in this table
    radius: Float[Array, ""]  # Å, list radius
    positions: Float[Array, "atoms 3"]  # Å, where the list was made
    cell: Float[Array, "3 3"]  # Å, where the list was made
    images: tuple[int, int, int] = eqx.field(static=True)  # how many cells away `update` looks, along each vector

    @staticmethod
    def allocate(system: System, radius: Float[Array, ""] | float, *, capacity: int | None = None) -> Neighbors:
        """Finds all edges of at most `radius` Å; `capacity` widens the table beyond the longest column.

        **Raises** `ValueError` for a radius that is not positive, positions that are not finite, coincident atoms, a
        capacity that is too small, and inside `jit`, where shapes cannot depend on positions.
        """
        positions, cell, numbers, size = (
            concrete(x) for x in (system.positions, system.cell, system.numbers, jnp.asarray(radius))
        )
        if positions is None or cell is None or numbers is None or size is None:
            raise ValueError(
                "neighbours cannot be found inside jit or vmap: make them before with "
                "Neighbors.allocate(system, radius) and pass them in as neighbors="
            )
        if not (np.isfinite(size) and size > 0):
            raise ValueError(f"the list radius must be positive, got {size} Å")
        check_finite("positions", positions)
        check_finite("cell", cell)
        radius = float(size)
        real = np.flatnonzero(numbers > 0)  # padding has no neighbours
        i, j, shifts = find_edges(positions[real], cell, system.pbc, radius)
        images = np.zeros(3, int)
        images[list(system.pbc)] = images_within(np.linalg.pinv(cell[list(system.pbc)]), radius)
        index, table_shifts, mask, reverse = _tabulate(real[i], real[j], shifts, len(positions))
        neighbors = Neighbors(
            index=jnp.asarray(index),
            shifts=jnp.asarray(table_shifts),
            mask=jnp.asarray(mask),
            reverse=jnp.asarray(reverse),
            radius=jnp.asarray(radius, system.positions.dtype),
            positions=jax.lax.stop_gradient(system.positions),
            cell=jax.lax.stop_gradient(system.cell),
            images=(int(images[0]), int(images[1]), int(images[2])),
        )
        return neighbors if capacity is None else neighbors.widened(capacity)

    def widened(self, capacity: int) -> Neighbors:
        """The same edges in columns of `capacity` places.

        **Raises** `ValueError` where that is less than there are now.
        """
        width, n = self.index.shape
        if capacity < width:
            raise ValueError(
                f"an atom has {width} neighbours within {float(self.radius):.6g} Å: "
                f"raise capacity from {capacity} to {width}"
            )
        index, shifts, mask, reverse = _empty_table(capacity, n)
        index[:width], shifts[:, :width], mask[:width] = self.index, self.shifts, self.mask
        reverse[:width] = self.reverse  # flat positions run along the rows first, so they stay
        tables = {"index": index, "shifts": shifts, "mask": mask, "reverse": reverse}
        return dataclasses.replace(self, **{name: jnp.asarray(table) for name, table in tables.items()})

    def update(self, system: System) -> tuple[Neighbors, Bool[Array, ""]]:
        """The list made again where the atoms are now, with the same radius and shape; for use inside `jit`.

        The flag says that the result must not be used: a column is full, the cell has become so thin that images
        further away matter, or positions are not finite. Then allocate again, on the host, and redo the step.
        All pairs are looked at, images included: meant for up to some 500 atoms.
        """
        system = jax.lax.stop_gradient(system)
        table, flag = tabulate_all_pairs(system, self.radius, self.images, capacity=self.index.shape[0])
        index, shifts, mask, reverse = table
        positions, cell = system.positions, system.cell
        return Neighbors(index, shifts, mask, reverse, self.radius, positions, cell, self.images), flag

    def overflow(self, system: System, cutoff: Float[Array, ""] | float) -> Bool[Array, ""]:
        """Whether an edge shorter than `cutoff` may be missing because atoms, cell or cutoff have changed since.

        With x = F x₀ + u, a pair that was further apart than R is now further than s R − 2 max|u|, s the smallest
        stretch of F. Nothing is lost to a translation, nor to a rotation together with the lattice; a molecule that
        turns without one is taken for displaced atoms. True as well where positions are not finite.
        """
        system, cutoff = jax.lax.stop_gradient((system, cutoff))
        strain = _deformation(self.cell, system.cell, system.pbc)  # F − 1: exactly zero in a cell that has not changed
        stretched = jnp.linalg.eigvalsh(strain + strain.T + strain @ strain.T)[0]  # s² − 1
        moved = (system.positions - self.positions) - self.positions @ strain
        real = (system.numbers > 0)[:, None]
        moved -= jnp.sum(moved, axis=0, where=real) / jnp.maximum(jnp.sum(real), 1)
        moved = jnp.max(jnp.linalg.norm(moved, axis=1), where=real[:, 0], initial=0.0)
        reach = self.radius * jnp.sqrt(jnp.maximum(1 + stretched, 0.0)) - 2 * moved
        rounding = max(1e-9, 100 * float(jnp.finfo(self.radius.dtype).eps))
        return ~(reach >= cutoff * (1 - rounding))


def _deformation(old: Array, new: Array, pbc: tuple[bool, bool, bool]) -> Float[Array, "3 3"]:
    """F − 1 of x = x₀ F that takes the old periodic vectors to the new ones and the normal of a slab to the normal."""
    before, after = (_with_normal(cell[np.array(pbc, bool)]) for cell in (old, new))
    return jnp.linalg.pinv(before) @ (after - before)


def _with_normal(vectors: Array) -> Array:
    if len(vectors) != 2:
        return vectors
    normal = jnp.cross(vectors[0], vectors[1])
    return jnp.concatenate([vectors, (normal / jnp.linalg.norm(normal))[None]])


def _empty_table(width: int, n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Index, shifts, mask and reverse of padding alone."""
    index = np.tile(np.arange(n, dtype=np.int32), (width, 1))
    reverse = np.arange(width * n, dtype=np.int32).reshape(width, n)
    return index, np.zeros((3, width, n), np.int16), np.zeros((width, n), bool), reverse


def _tabulate(
    i: np.ndarray, j: np.ndarray, shifts: np.ndarray, n: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Edges in columns, in the order of i, j, S_z, S_y, S_x."""
    if np.abs(shifts).max(initial=0) > np.iinfo(np.int16).max:
        raise ValueError("two neighbours are more than 32767 cells apart: wrap the atoms into the cell first")
    order = np.lexsort((*shifts.T, j, i))
    i, j, shifts = i[order], j[order], shifts[order]
    row = np.arange(len(i)) - np.searchsorted(i, i)  # rank of the edge among those of its atom
    index, table_shifts, mask, reverse = _empty_table(max(int(row.max(initial=0)) + 1, 1), n)
    flat = row * n + i
    backwards = np.lexsort((*(-shifts).T, i, j))  # the m-th edge by its reverse's key is the reverse of the m-th
    reverse.reshape(-1)[flat[backwards]] = flat
    index[row, i], mask[row, i] = j, True
    table_shifts[:, row, i] = shifts.T
    return index, table_shifts, mask, reverse
