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
from jaxtyping import Array, Bool, Float, Int, Integer

from diffsim.fields import concrete
from diffsim.neighbors.all_pairs import AllPairs
from diffsim.neighbors.allocation import Search, allocated
from diffsim.neighbors.columns import Edges, tabulated
from diffsim.neighbors.deformation import deformation, stretched
from diffsim.neighbors.images import Images, cells_away, how_many, kind, numbered, offsets
from diffsim.neighbors.room import Room, crowded, grown, roomed, roomiest
from diffsim.neighbors.within import pays, rows_within, within
from diffsim.system import System, check_finite


class Neighbors(eqx.Module):
    """For each atom its neighbours within `radius`, images included: correct in cells smaller than the radius.

    Four steps of one life: `allocate` in Python decides the shape; `overflow` says, in compiled code, whether the list
    still holds for a cutoff; `update` makes it again in compiled code, in the same shape; `within` picks out the edges
    inside a cutoff, which are often half of those within `radius`, for whom each of them costs much.
    """

    index: Int[Array, "neighbors columns"]  # the neighbour j
    image: Integer[Array, "neighbors columns"]  # the number of its image, both atoms brought home (`images.numbered`)
    mask: Bool[Array, "neighbors columns"]  # False where the column is padding
    reverse: Int[Array, "neighbors columns"]  # flat position of the edge j → i in this table
    wraps: Int[Array, "atoms 3"]  # how many cells away from home each atom was
    radius: Float[Array, ""]  # Å, list radius
    positions: Float[Array, "atoms 3"]  # Å, where the list was made
    cell: Float[Array, "3 3"]  # Å, where the list was made
    search: Search = eqx.field(static=True)  # how `update` makes it again
    inside: int = eqx.field(static=True, default=0)  # rows of the table of `within`; 0 where nobody wants one
    near: Room | None = eqx.field(static=True, default=None)  # for angles; None where nobody wants them

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
        edges, search = allocated(positions, cell, numbers, system.pbc, radius, spare)
        neighbors = Neighbors(
            **_table(edges, search.images),
            radius=jnp.asarray(radius, system.positions.dtype),
            positions=jax.lax.stop_gradient(system.positions),
            cell=jax.lax.stop_gradient(system.cell),
            search=search,
        )
        needed = math.ceil(spare * len(edges.index)) + (spare > 1)
        return neighbors.widened(needed if capacity is None else capacity)

    def widened(self, capacity: int) -> Neighbors:
        """The same edges in columns of `capacity` places; for use outside `jit`.

        **Raises** `ValueError` where that is less than there are now.
        """
        width = len(self.index)
        if capacity < width:
            raise ValueError(
                f"an atom has {width} neighbours within {float(self.radius):.6g} Å: "
                f"raise capacity from {capacity} to {width}"
            )
        if capacity == width:
            return self
        edges = self._edges()
        more = ((0, capacity - width), (0, 0))
        columns = {name: np.pad(getattr(edges, name), more) for name in ("index", "image", "mask", "back")}
        return dataclasses.replace(self, **_table(edges._replace(**columns), self.search.images))

    def searched(self, search: Search) -> Neighbors:
        """The same edges, to be made again in another way, which must know of all their images; outside `jit`."""
        if search == self.search:
            return self
        number = numbered(cells_away(np.asarray(self.image), self.search.images), search.images)
        image = np.where(np.asarray(self.mask), number, how_many(search.images)).astype(kind(search.images))
        return dataclasses.replace(self, image=jnp.asarray(image), search=search)

    def _edges(self) -> Edges:
        """On the host."""
        n, columns = len(self.positions), self.index.shape[1]
        cut = lambda table: np.asarray(table)[:, :n]  # noqa: E731
        back = cut(self.reverse) // columns
        return Edges(cut(self.index), cut(self.image), cut(self.mask), back, np.asarray(self.wraps))

    def homes(self, system: System) -> Float[Array, "atoms 3"]:
        """Positions in Å without the cells that each atom was away from home: what `image` starts from."""
        return system.positions - self.wraps.astype(system.cell.dtype) @ system.cell

    @property
    def cells_away(self) -> tuple[Int[Array, "neighbors columns"], ...]:
        """How many cells away the image of a neighbour is when both atoms are at home; meaningless where masked."""
        return cells_away(self.image, self.search.images)

    def offsets(self, cell: Float[Array, "3 3"]) -> Float[Array, "3 images"]:
        """The same in Å for every image; padding is `radius` away."""
        return offsets(cell, self.search.images, self.radius)

    @property
    def shifts(self) -> Int[Array, "3 neighbors columns"]:
        """S of r_ij = x_j − x_i + S·cell: how many cells away from the atom its neighbour's image is."""
        away = jnp.pad(self.wraps, ((0, self.index.shape[1] - len(self.wraps)), (0, 0)))
        shifts = [jnp.where(self.mask, s - w[self.index] + w, 0) for s, w in zip(self.cells_away, away.T, strict=True)]
        return jnp.stack(shifts)

    def update(self, system: System) -> tuple[Neighbors, Bool[Array, ""]]:
        """The list made again where the atoms are now, with the same radius and shape; for use inside `jit`.

        The flag says that the result must not be used: a column is full, the cell has become so thin that images
        further away matter, or positions are not finite. Then allocate again, on the host, and redo the step.
        """
        system = jax.lax.stop_gradient(system)
        edges, flag = self.search.tabulate(system, self.radius, len(self.index))
        made = tabulated(edges, self.search.images)
        new = dataclasses.replace(self, **made, positions=system.positions, cell=system.cell)
        return new, flag | crowded(new, system)

    def sifting(self, system: System, cutoff: Float[Array, ""] | float, *, least: int = 0) -> Neighbors:
        """The same list, from which `within` picks edges into at least so many rows."""
        return dataclasses.replace(self, inside=max(rows_within(self, system, cutoff), least))

    def within(self, system: System, cutoff: Float[Array, ""] | float) -> tuple[Neighbors, Bool[Array, ""]]:
        """The edges shorter than `cutoff` in a table of their own, or the list itself where that is hardly longer.

        The flag says that the result must not be used, for an atom has more of them than there are rows.
        """
        if not (self.inside and pays(len(self.index), self.inside)):
            return self, jnp.zeros((), bool)
        return within(self, *jax.lax.stop_gradient((system, jnp.asarray(cutoff))), self.inside)

    def for_angles(
        self, system: System, cutoff: float | None, *, ahead: float = 0.0, least: Room | None = None
    ) -> Neighbors:
        """The same list with room for the edges shorter than `cutoff` plus `ahead` in Å; itself where that is None.

        Pairs of edges are many: who looks at them one by one wants few rows of them, not all of the list.
        """
        return self if cutoff is None else roomed(self, system, cutoff, ahead, least)

    def with_room_like(self, last: Neighbors, more: int = 0) -> Neighbors:
        """The same list with at least so much room for angles as the last had, and `more` steps of a quarter.

        Where it needs more than the last had, it gets a step to spare: few shapes, each of which is compiled.
        """
        return dataclasses.replace(self, near=grown(self.near, last.near, more, self.index.shape))

    def overflow(self, system: System, cutoff: Float[Array, ""] | float) -> Bool[Array, ""]:
        """Whether an edge shorter than `cutoff` may be missing because atoms, cell or cutoff have changed since.

        With x = F x₀ + u, a pair that was further apart than R is now further than s R − 2 max|u|, s the smallest
        stretch of F. Nothing is lost to a translation, nor to a rotation together with the lattice; a molecule that
        turns without one is taken for displaced atoms. True as well where positions are not finite, and where more
        neighbours have come near than there is room for angles.
        """
        system, cutoff = jax.lax.stop_gradient((system, cutoff))
        kept = jnp.array_equal(system.cell, self.cell)
        nothing = jnp.zeros((), system.cell.dtype), jnp.zeros_like(system.positions)
        stretch, carried = jax.lax.cond(kept, lambda: nothing, lambda: self._carried(system))
        moved = (system.positions - self.positions) - carried
        real = (system.numbers > 0)[:, None]
        moved -= jnp.sum(moved, axis=0, where=real) / jnp.maximum(jnp.sum(real), 1)
        moved = jnp.max(jnp.linalg.norm(moved, axis=1), where=real[:, 0], initial=0.0)
        reach = self.radius * jnp.sqrt(jnp.maximum(1 + stretch, 0.0)) - 2 * moved
        rounding = max(1e-9, 100 * float(jnp.finfo(self.radius.dtype).eps))
        return ~(reach >= cutoff * (1 - rounding)) | crowded(self, system)

    def _carried(self, system: System) -> tuple[Float[Array, ""], Float[Array, "atoms 3"]]:
        """s² − 1, s the smallest stretch of the cell's deformation, and how far that takes each atom."""
        strain = deformation(self.cell, system.cell, system.pbc)
        return stretched(strain), self.positions @ strain


def _table(edges: Edges, images: Images) -> dict[str, Array]:
    """On the host."""
    return {name: jnp.asarray(table) for name, table in tabulated(edges, images).items()}


def alike(lists: Sequence[Neighbors]) -> list[Neighbors]:
    """The same tables with one capacity and one way to make them again, so that they can be stacked."""
    width = max(len(neighbors.index) for neighbors in lists)
    first, second, third = zip(*(neighbors.search.images for neighbors in lists), strict=True)
    searches = {neighbors.search for neighbors in lists}
    search = searches.pop() if len(searches) == 1 else AllPairs((max(first), max(second), max(third)))
    inside = max(neighbors.inside for neighbors in lists)
    near = roomiest(list(lists))
    same = lambda one: dataclasses.replace(one.widened(width).searched(search), inside=inside, near=near)  # noqa: E731
    return [same(neighbors) for neighbors in lists]
