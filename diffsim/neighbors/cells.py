"""The neighbour table made in compiled code with cells: in time that grows as the number of atoms."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from diffsim.neighbors.bits import WORD, Bits, computed, packed
from diffsim.neighbors.columns import Edges
from diffsim.neighbors.images import Images, numbered
from diffsim.neighbors.search import heights
from diffsim.system import System

_MANY = 200  # atoms: fewer are not worth sorting
_NOWHERE = 1e30  # Å: where empty seats are
_ORIGIN = 0.1  # cells: so that lattice planes, of which one is often at the origin, do not lie between two cells
_FEWEST = 3  # cells along each vector: with fewer, an atom would meet another twice
_OFFSETS = np.indices((3, 3, 3)).reshape(3, -1).T - 1  # of the cells around one; the last is the opposite of the first


class Grid(NamedTuple):
    """A search through the smaller cells around each atom's own, for many atoms in a periodic cell."""

    images: Images
    cells: tuple[int, int, int]  # along each vector
    room: int  # atoms that a cell can hold

    @staticmethod
    def of(
        positions: np.ndarray,
        cell: np.ndarray,
        pbc: tuple[bool, bool, bool],
        width: float,
        images: Images,
        spare: float,
    ) -> "Grid | None":
        """Cells at least as wide as `width`; None where three do not fit or a direction is open."""
        if not all(pbc) or len(positions) < _MANY:
            return None
        counts = np.floor(heights(cell) / width).astype(int)
        if counts.min() < _FEWEST:
            return None
        places = np.floor((positions @ np.linalg.inv(cell) * counts + _ORIGIN) % counts).astype(int) % counts
        busiest = np.unique(np.ravel_multi_index(tuple(places.T), tuple(counts)), return_counts=True)[1].max()
        return Grid(images, (int(counts[0]), int(counts[1]), int(counts[2])), int(spare * (1.25 * busiest + 4)))

    def tabulate(self, system: System, radius: Float[Array, ""], capacity: int) -> tuple[Edges, Bool[Array, ""]]:
        """The edges inside `radius`, and whether they cannot be trusted.

        The candidates of an atom sit in the 27 cells around its own, a few words of bits for each cell. The reverse of
        an edge i → j stands among the bits of j in the opposite cell, where i has its seat.
        """
        n, words = len(system.numbers), -(-self.room // WORD)
        width = -(-self.room // words)  # bits of each word that are used
        counts = np.array(self.cells)
        dual = jnp.linalg.inv(system.cell)
        wraps = jnp.floor(system.positions @ dual + _ORIGIN / counts).astype(jnp.int32)
        homes = system.positions - wraps.astype(dual.dtype) @ system.cell
        place = jnp.clip((homes @ dual * counts + _ORIGIN).astype(jnp.int32), 0, counts - 1)
        cell = (place[:, 0] * counts[1] + place[:, 1]) * counts[2] + place[:, 2]
        seat, inhabitants = _seated(
            jnp.where(system.numbers > 0, cell, counts.prod()), int(counts.prod()), words * width
        )
        around, images = map(jnp.asarray, _surroundings(self.cells))  # [cells 27], [cells 27 3]
        number = numbered(jnp.moveaxis(images, -1, 0), self.images)
        inside = _words_of_cells(homes, system.cell, inhabitants, around, images, radius, words)
        bits = Bits.of(inside[cell, :, jnp.minimum(seat, words * width - 1)].T)
        own = jnp.arange(n, dtype=jnp.int32)

        word, bit, mask = bits.places(capacity)
        index = computed(jnp.where(mask, inhabitants[around[cell, word // words], word % words * width + bit], own))
        image = number[cell, word // words]
        opposite = (len(_OFFSETS) - 1 - word // words) * words + seat // width
        back = bits.before(opposite, jnp.broadcast_to(seat % width, index.shape), index)
        heights = 1 / jnp.linalg.norm(dual, axis=0)
        sound = jnp.isfinite(system.positions).all() & (bits.most() <= capacity)
        sound &= (jnp.max(seat, initial=0) < words * width) & (heights >= radius * counts).all()
        return Edges(index, image, mask, back, wraps), ~sound


def _words_of_cells(
    homes: Float[Array, "atoms 3"],
    lattice: Float[Array, "3 3"],
    inhabitants: Int[Array, "cells seats"],
    around: Int[Array, "cells 27"],
    images: Int[Array, "cells 27 3"],
    radius: Float[Array, ""],
    words: int,
) -> Any:
    """Which candidates are inside the radius of each seat, in words of bits `[cells words seats]`.

    Cell by cell, so that positions are looked up once for all that sit together. h_j − h_i + S·cell changes nothing
    but its sign in reverse.
    """
    seats = inhabitants.shape[1]
    seated = tuple(h.at[inhabitants].get(mode="fill", fill_value=_NOWHERE) for h in homes.T)
    itself = (np.arange(len(_OFFSETS)) == len(_OFFSETS) // 2)[:, None, None] & np.eye(seats, dtype=bool)

    def of_cell(cell: Int[Array, ""]) -> Any:
        square = jnp.zeros((), homes.dtype)
        for axis, places in enumerate(seated):
            offset = images[cell].astype(homes.dtype) @ lattice[:, axis]
            square += ((places[around[cell]][:, :, None] - places[cell]) + offset[:, None, None]) ** 2
        near = (square <= radius * radius) & ~itself  # [27 seats seats]
        return packed(near.reshape(len(_OFFSETS) * words, -1, seats))

    return jax.lax.map(of_cell, jnp.arange(len(inhabitants)))


def _seated(home: Int[Array, " atoms"], cells: int, room: int) -> tuple[Int[Array, " atoms"], Int[Array, "cells room"]]:
    """The place of each atom among those of its cell, and who sits where; n stands for nobody."""
    n = len(home)
    order = jnp.argsort(home)
    lined_up = home[order]
    first = jnp.searchsorted(lined_up, lined_up)  # where the atom's cell begins
    seats = jnp.zeros(n, jnp.int32).at[order].set(jnp.arange(n, dtype=jnp.int32) - first.astype(jnp.int32))
    inhabitants = jnp.full((cells, room), n, jnp.int32).at[home, seats].set(jnp.arange(n, dtype=jnp.int32), mode="drop")
    return seats, inhabitants


def _surroundings(cells: tuple[int, int, int]) -> tuple[np.ndarray, np.ndarray]:
    """For each cell the 27 around it, and in which image of the periodic cell they lie."""
    counts = np.array(cells)
    places = np.indices(cells).reshape(3, -1).T[:, None] + _OFFSETS  # [cells 27 3]
    images = places // counts
    around = np.ravel_multi_index(tuple(np.moveaxis(places % counts, -1, 0)), cells)
    return np.asarray(around, np.int32), np.asarray(images, np.int32)
