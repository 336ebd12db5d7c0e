"""The neighbour table that compiled code reads.

The table is `[neighbors, columns]`: column i holds the edges i → j inside the list radius, padded to the longest one.
There are as many columns as atoms, or a few empty ones more where the columns of many atoms are cut into equal blocks.
Beside each edge stands the flat position of its reverse j → i, so that a sum over "edges that end on i" is a gather
(the idea of GPUMD's write-conflict-free forces, doi:10.1103/PhysRevB.92.094301). Padded edges are their own reverse.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from diffsim.fields import concrete
from diffsim.neighbors.all_pairs import AllPairs
from diffsim.neighbors.cells import Grid
from diffsim.neighbors.columns import Edges, tabulated
from diffsim.neighbors.nearest import Nearest
from diffsim.neighbors.search import find_edges, images_within
from diffsim.system import System, check_finite


class Neighbors(eqx.Module):
    """For each atom its neighbours within `radius`, images included: correct in cells smaller than the radius.

    Three steps of one life: `allocate` in Python decides the shape; `overflow` says, in compiled code, whether the list
    still holds for a cutoff; `update` makes it again in compiled code, in the same shape.
    """

    index: Int[Array, "neighbors columns"]  # the neighbour j
    shifts: Int[Array, "3 neighbors columns"]  # S: how many cells away its image is
    mask: Bool[Array, "neighbors columns"]  # False where the column is padding
    reverse: Int[Array, "neighbors columns"]  # flat position of the edge j → i in this table
    radius: Float[Array, ""]  # Å, list radius
    positions: Float[Array, "atoms 3"]  # Å, where the list was made
    cell: Float[Array, "3 3"]  # Å, where the list was made
    search: AllPairs | Nearest | Grid = eqx.field(static=True)  # how `update` makes it again

    @staticmethod
    def allocate(
        system: System, radius: Float[Array, ""] | float, *, capacity: int | None = None, spare: float = 1.0
    ) -> Neighbors:
        """Finds all edges of at most `radius` Å; `capacity` widens the table beyond the longest column.

        A table that atoms are to move through needs room: `spare` is by how much denser they may come to lie.

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
        index, table_shifts, mask, reverse = tabulated(_in_columns(real[i], real[j], shifts, len(positions)))
        neighbors = Neighbors(
            index=index,
            shifts=table_shifts,
            mask=mask,
            reverse=reverse,
            radius=jnp.asarray(radius, system.positions.dtype),
            positions=jax.lax.stop_gradient(system.positions),
            cell=jax.lax.stop_gradient(system.cell),
            search=_search_for(positions, cell, system.pbc, radius, spare),
        )
        needed = math.ceil(spare * len(index)) + (spare > 1)
        return neighbors.widened(needed if capacity is None else capacity)

    def widened(self, capacity: int) -> Neighbors:
        """The same edges in columns of `capacity` places.

        **Raises** `ValueError` where that is less than there are now.
        """
        width = len(self.index)
        if capacity < width:
            raise ValueError(
                f"an atom has {width} neighbours within {float(self.radius):.6g} Å: "
                f"raise capacity from {capacity} to {width}"
            )
        columns = self.index.shape[1]
        row, own = np.arange(width, capacity)[:, None], np.arange(columns)
        more = {
            "index": np.broadcast_to(own, (capacity - width, columns)),
            "shifts": np.zeros((3, capacity - width, columns)),
            "mask": np.zeros((capacity - width, columns), bool),
            "reverse": row * columns + own,  # flat positions run along the rows first, so the others stay
        }
        join = lambda old, new: jnp.concatenate([old, jnp.asarray(new, old.dtype)], axis=-2)  # noqa: E731
        return dataclasses.replace(self, **{name: join(getattr(self, name), new) for name, new in more.items()})

    def update(self, system: System) -> tuple[Neighbors, Bool[Array, ""]]:
        """The list made again where the atoms are now, with the same radius and shape; for use inside `jit`.

        The flag says that the result must not be used: a column is full, the cell has become so thin that images
        further away matter, or positions are not finite. Then allocate again, on the host, and redo the step.
        """
        system = jax.lax.stop_gradient(system)
        edges, flag = self.search.tabulate(system, self.radius, len(self.index))
        index, shifts, mask, reverse = tabulated(edges)
        made = {"index": index, "shifts": shifts, "mask": mask, "reverse": reverse}
        return dataclasses.replace(self, **made, positions=system.positions, cell=system.cell), flag

    def overflow(self, system: System, cutoff: Float[Array, ""] | float) -> Bool[Array, ""]:
        """Whether an edge shorter than `cutoff` may be missing because atoms, cell or cutoff have changed since.

        With x = F x₀ + u, a pair that was further apart than R is now further than s R − 2 max|u|, s the smallest
        stretch of F. Nothing is lost to a translation, nor to a rotation together with the lattice; a molecule that
        turns without one is taken for displaced atoms. True as well where positions are not finite.
        """
        system, cutoff = jax.lax.stop_gradient((system, cutoff))
        kept = jnp.array_equal(system.cell, self.cell)
        nothing = jnp.zeros((), system.cell.dtype), jnp.zeros_like(system.positions)
        stretched, carried = jax.lax.cond(kept, lambda: nothing, lambda: self._carried(system))
        moved = (system.positions - self.positions) - carried
        real = (system.numbers > 0)[:, None]
        moved -= jnp.sum(moved, axis=0, where=real) / jnp.maximum(jnp.sum(real), 1)
        moved = jnp.max(jnp.linalg.norm(moved, axis=1), where=real[:, 0], initial=0.0)
        reach = self.radius * jnp.sqrt(jnp.maximum(1 + stretched, 0.0)) - 2 * moved
        rounding = max(1e-9, 100 * float(jnp.finfo(self.radius.dtype).eps))
        return ~(reach >= cutoff * (1 - rounding))

    def _carried(self, system: System) -> tuple[Float[Array, ""], Float[Array, "atoms 3"]]:
        """s² − 1, s the smallest stretch of the cell's deformation, and how far that takes each atom."""
        strain = _deformation(self.cell, system.cell, system.pbc)
        return jnp.linalg.eigvalsh(strain + strain.T + strain @ strain.T)[0], self.positions @ strain


def _deformation(old: Array, new: Array, pbc: tuple[bool, bool, bool]) -> Float[Array, "3 3"]:
    """F − 1 of x = x₀ F that takes the old periodic vectors to the new ones and the normal of a slab to the normal."""
    before, after = (_with_normal(cell[np.array(pbc, bool)]) for cell in (old, new))
    inverse = jnp.linalg.inv if len(before) == 3 else jnp.linalg.pinv
    return inverse(before) @ (after - before)


def _with_normal(vectors: Array) -> Array:
    if len(vectors) != 2:
        return vectors
    normal = jnp.cross(vectors[0], vectors[1])
    return jnp.concatenate([vectors, (normal / jnp.linalg.norm(normal))[None]])


def alike(lists: Sequence[Neighbors]) -> list[Neighbors]:
    """The same tables with one capacity and one way to make them again, so that they can be stacked."""
    width = max(len(neighbors.index) for neighbors in lists)
    first, second, third = zip(*(neighbors.search.images for neighbors in lists), strict=True)
    searches = {neighbors.search for neighbors in lists}
    search = searches.pop() if len(searches) == 1 else AllPairs((max(first), max(second), max(third)))
    return [dataclasses.replace(neighbors.widened(width), search=search) for neighbors in lists]


def _search_for(
    positions: np.ndarray, cell: np.ndarray, pbc: tuple[bool, bool, bool], radius: float, spare: float
) -> AllPairs | Nearest | Grid:
    axes, wide = list(pbc), 1.05 * spare * radius  # the cell may shrink a little
    counts = np.zeros(3, int)
    counts[axes] = images_within(np.linalg.pinv(cell[axes]), spare * radius)
    images = (int(counts[0]), int(counts[1]), int(counts[2]))
    grid = Grid.of(positions, cell, pbc, wide, images, spare)
    return grid or Nearest.of(cell, pbc, wide, images) or AllPairs(images)


def _in_columns(i: np.ndarray, j: np.ndarray, shifts: np.ndarray, n: int) -> Edges:
    """Edges in the order of i, j, S_z, S_y, S_x."""
    if np.abs(shifts).max(initial=0) > np.iinfo(np.int16).max:
        raise ValueError("two neighbours are more than 32767 cells apart: wrap the atoms into the cell first")
    order = np.lexsort((*shifts.T, j, i))
    i, j, shifts = i[order], j[order], shifts[order]
    row = np.arange(len(i)) - np.searchsorted(i, i)  # rank of the edge among those of its atom
    shape = max(int(row.max(initial=0)) + 1, 1), n
    index, table_shifts, mask = np.zeros(shape, np.int32), np.zeros((3, *shape), np.int16), np.zeros(shape, bool)
    back = np.zeros(shape, np.int32)
    backwards = np.lexsort((*(-shifts).T, i, j))  # the m-th edge by its reverse's key is the reverse of the m-th
    back[row[backwards], i[backwards]] = row
    index[row, i], mask[row, i] = j, True
    table_shifts[:, row, i] = shifts.T
    return Edges(*map(jnp.asarray, (index, table_shifts, mask, back)))
