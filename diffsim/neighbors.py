"""Who is near whom: found on the host, kept as a table that compiled code reads.

The table is `[neighbors, atoms]`: column i holds the edges i → j inside the list radius, padded to the longest column.
Beside each edge stands the flat position of its reverse j → i, so that a sum over "edges that end on i" is a gather
(the idea of GPUMD's write-conflict-free forces, doi:10.1103/PhysRevB.92.094301). Padded edges are their own reverse.
"""

from __future__ import annotations

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int
from scipy.spatial import cKDTree

from diffsim.fields import concrete
from diffsim.system import System

_TOO_CLOSE = 1e-3  # Å: two atoms at one place have no direction between them


class Neighbors(eqx.Module):
    """For each atom its neighbours within `radius`, images included: correct in cells smaller than the radius."""

    index: Int[Array, "neighbors atoms"]  # the neighbour j
    shifts: Int[Array, "3 neighbors atoms"]  # S: how many cells away its image is
    mask: Bool[Array, "neighbors atoms"]  # False where the column is padding
    reverse: Int[Array, "neighbors atoms"]  # flat position of the edge j → i in this table
    radius: Float[Array, ""]  # Å, list radius
    positions: Float[Array, "atoms 3"]  # Å, where the list was made
    cell: Float[Array, "3 3"]  # Å, where the list was made

    @staticmethod
    def allocate(system: System, radius: float, *, capacity: int | None = None) -> Neighbors:
        """Finds all edges of at most `radius` Å; `capacity` widens the table beyond the longest column.

        **Raises** `ValueError` for a radius that is not positive, coincident atoms, a capacity that is too small,
        and inside `jit`, where shapes cannot depend on positions.
        """
        positions, cell, numbers = (concrete(x) for x in (system.positions, system.cell, system.numbers))
        if positions is None or cell is None or numbers is None:
            raise ValueError(
                "neighbours cannot be found inside jit or vmap: make them before with "
                "Neighbors.allocate(system, radius) and pass them in as neighbors="
            )
        if not (np.isfinite(radius) and radius > 0):
            raise ValueError(f"the list radius must be positive, got {radius} Å")
        i, j, shifts = find_edges(positions, cell, system.pbc, float(radius))
        real = (numbers[i] > 0) & (numbers[j] > 0)
        i, j, shifts = i[real], j[real], shifts[real]
        n = len(positions)
        longest = int(np.bincount(i, minlength=n).max(initial=0))
        width = max(longest, 1) if capacity is None else capacity
        if width < longest:
            raise ValueError(f"an atom has {longest} neighbours within {radius} Å: raise capacity above {capacity}")
        index, table_shifts, mask, reverse = _table(i, j, shifts, n, width)
        return Neighbors(
            index=jnp.asarray(index),
            shifts=jnp.asarray(table_shifts),
            mask=jnp.asarray(mask),
            reverse=jnp.asarray(reverse),
            radius=jnp.asarray(radius, system.positions.dtype),
            positions=jax.lax.stop_gradient(system.positions),
            cell=jax.lax.stop_gradient(system.cell),
        )

    def overflow(self, system: System, cutoff: Float[Array, ""] | float) -> Bool[Array, ""]:
        """Whether an edge shorter than `cutoff` may be missing because atoms or cell have moved since.

        With x = F x₀ + u, a pair that was further apart than R is now further than s R − 2 max|u|, s the smallest
        stretch of F. (Where the cell is singular, a molecule's say, F = 1.)
        """
        regular = jnp.abs(jnp.linalg.det(self.cell)) > 1e-9
        safe = jnp.where(regular, self.cell, jnp.eye(3, dtype=self.cell.dtype))
        deformation = jnp.where(regular, jnp.linalg.solve(safe, system.cell), jnp.eye(3, dtype=self.cell.dtype))
        stretch = jnp.linalg.eigvalsh(deformation @ deformation.T)[0]
        moved = system.positions - self.positions @ deformation
        moved = jnp.max(jnp.linalg.norm(moved - jnp.mean(moved, axis=0), axis=1), initial=0.0)
        reach = self.radius * jnp.sqrt(jnp.maximum(stretch, 0.0)) - 2 * moved
        return reach < cutoff * (1 - 1e-9)


def find_edges(
    positions: np.ndarray, cell: np.ndarray, pbc: tuple[bool, bool, bool], radius: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """All ordered pairs (i, j, S) with |x_j − x_i + S·cell| ≤ radius, without i = j at S = 0.

    Any cell: triclinic, left-handed, smaller than the radius, partly periodic. Candidates come from a k-d tree over the
    atoms and their images; whether one counts is decided by the same antisymmetric expression that `graph` uses.
    """
    n = len(positions)
    if n == 0:
        return np.zeros(0, int), np.zeros(0, int), np.zeros((0, 3), int)
    complete = _completed(cell, pbc)
    fractional = np.linalg.solve(complete.T, positions.T).T
    wraps = np.where(pbc, np.floor(fractional), 0).astype(int)  # wrapped = positions − wraps·cell
    fractional = fractional - wraps
    reach = radius * np.linalg.norm(np.linalg.inv(complete), axis=0)  # radius in units of the cell's heights
    counts = np.where(pbc, np.ceil(reach), 0).astype(int)
    grid = np.stack(np.meshgrid(*(np.arange(-c, c + 1) for c in counts), indexing="ij"), -1).reshape(-1, 3)
    ghosts = fractional[None] + grid[:, None]  # [images atoms 3]
    near = np.where(pbc, (ghosts > -reach - 1e-6) & (ghosts < 1 + reach + 1e-6), True).all(-1)
    image, j = np.nonzero(near)
    homes = cKDTree(fractional @ complete)
    pairs = homes.sparse_distance_matrix(cKDTree(ghosts[image, j] @ complete), radius + 1e-6, output_type="ndarray")
    i, ghost = pairs["i"], pairs["j"]
    j, shifts = j[ghost], grid[image[ghost]]
    shifts = shifts - wraps[j] + wraps[i]
    distances = np.linalg.norm((positions[j] - positions[i]) + shifts @ cell, axis=1)
    kept = (distances <= radius) & ~((i == j) & (shifts == 0).all(1))
    if (close := kept & (distances < _TOO_CLOSE)).any():
        first = int(np.argmax(close))
        raise ValueError(
            f"atoms {i[first]} and {j[first]} coincide: they are {distances[first]:.2g} Å apart; "
            "remove one, or check the cell and the periodic images"
        )
    return i[kept], j[kept], shifts[kept]


def _completed(cell: np.ndarray, pbc: tuple[bool, bool, bool]) -> np.ndarray:
    """The cell with an orthonormal vector in place of each direction that is not periodic."""
    complete = np.where(np.array(pbc)[:, None], cell, 0.0)
    free = [axis for axis in range(3) if not pbc[axis]]
    if free:
        null = np.linalg.svd(complete)[2][3 - len(free) :]  # rows orthogonal to every periodic vector
        complete[free] = null
    return complete


def _table(
    i: np.ndarray, j: np.ndarray, shifts: np.ndarray, n: int, width: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    order = np.lexsort((*shifts.T, j, i))
    i, j, shifts = i[order], j[order], shifts[order]
    row = np.arange(len(i)) - np.searchsorted(i, i)  # rank of the edge among those of its atom
    flat = row * n + i
    reverse_order = np.lexsort((*(-shifts).T, i, j))  # the m-th edge by its reverse's key is the reverse of the m-th
    reverse = np.arange(width * n)
    reverse[flat[reverse_order]] = flat
    index = np.tile(np.arange(n), (width, 1))
    table_shifts = np.zeros((3, width, n), np.int16)
    mask = np.zeros((width, n), bool)
    index[row, i], mask[row, i] = j, True
    table_shifts[:, row, i] = shifts.T
    return index.astype(np.int32), table_shifts, mask, reverse.reshape(width, n).astype(np.int32)
