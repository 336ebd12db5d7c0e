"""The neighbour table made in compiled code with cells: in time that grows as the number of atoms."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from diffsim.neighbors.bits import WORD, Bits, packed
from diffsim.neighbors.columns import Edges, looked_up
from diffsim.neighbors.images import Images, numbered
from diffsim.neighbors.search import heights
from diffsim.stored import stored
from diffsim.system import System

_MANY = 200  # atoms: fewer are not worth sorting
_NOWHERE = 1e30  # Å: where empty seats are
_ORIGIN = 0.1  # cells: so that lattice planes, of which one is often at the origin, do not lie between two cells
_FEWEST = 3  # cells along each vector: with fewer, an atom would meet another twice
_OFFSETS = np.indices((3, 3, 3)).reshape(3, -1).T - 1  # of the cells around one; the last is the opposite of the first
_SIDES = len(_OFFSETS)
_TOGETHER = 2048  # atoms


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
        return Grid(images, (int(counts[0]), int(counts[1]), int(counts[2])), int(spare * busiest + busiest**0.5 + 2))

    def tabulate(self, system: System, radius: Float[Array, ""], capacity: int) -> tuple[Edges, Bool[Array, ""]]:
        """The edges inside `radius`, and whether they cannot be trusted.

        The candidates of an atom sit in the 27 cells around its own, a few words of bits for each cell. The reverse of
        an edge i → j stands among the bits of j in the opposite cell, where i has its seat.
        """
        words = -(-self.room // WORD)
        width = -(-self.room // words)  # bits of each word that are used
        counts, real = np.array(self.cells), system.numbers > 0
        dual = jnp.linalg.inv(system.cell)
        wraps = jnp.floor(system.positions @ dual + _ORIGIN / counts).astype(jnp.int32)
        homes = system.positions - wraps.astype(dual.dtype) @ system.cell
        place = jnp.clip((homes @ dual * counts + _ORIGIN).astype(jnp.int32), 0, counts - 1)
        cell = (place[:, 0] * counts[1] + place[:, 1]) * counts[2] + place[:, 2]
        seat, inhabitants = _seated(jnp.where(real, cell, counts.prod()), int(counts.prod()), words * width)
        crowded = jnp.max(seat, where=real, initial=0) >= words * width
        seat = jnp.minimum(seat, words * width - 1)
        around, images = map(jnp.asarray, _surroundings(self.cells))  # [cells 27], [cells 27 3]
        number = numbered(jnp.moveaxis(images, -1, 0), self.images)
        inside = _words_of_cells(homes, system.cell, inhabitants, around, images, radius, words)
        bits = Bits.of(jnp.where(real, inside[cell, :, seat].T, jnp.uint32(0)))

        def edges(part: tuple[Bits, Array, Array, Array]) -> tuple[Array, Array, Array, Array]:
            own_bits, cell, seat, own = part
            word, bit, mask = own_bits.places(capacity)
            side = jnp.minimum(word // words, _SIDES - 1)  # which of the 27
            there = looked_up(around, cell * _SIDES + side) * (words * width) + word % words * width + bit
            index = jnp.where(mask, looked_up(inhabitants, jnp.where(mask, there, 0)), own)
            index = stored(index, index)
            image = looked_up(number, cell * _SIDES + side)
            opposite = (_SIDES - 1 - side) * words + seat // width
            back = bits.before(opposite, jnp.broadcast_to(seat % width, index.shape), index)
            return index, image, mask, back

        own = jnp.arange(len(real), dtype=jnp.int32)
        index, image, mask, back = _by_parts(edges, (bits, cell, seat, own))
        heights = 1 / jnp.linalg.norm(dual, axis=0)
        sound = jnp.isfinite(system.positions).all() & (bits.most() <= capacity)
        sound &= ~crowded & (heights >= radius * counts).all()
        return Edges(index, image, mask, back, wraps), ~sound


def _by_parts(function: Callable[[Any], Any], columns: Any) -> Any:
    """A function of columns, the last axis of all leaves, of so many at a time that they stay in the cache."""
    n = jax.tree.leaves(columns)[0].shape[-1]
    count = -(-n // _TOGETHER)
    if count == 1:
        return function(columns)
    size = -(-n // count)
    pad = lambda leaf: jnp.pad(leaf, [(0, 0)] * (leaf.ndim - 1) + [(0, count * size - n)])  # noqa: E731
    cut = lambda leaf: jnp.moveaxis(pad(leaf).reshape(*leaf.shape[:-1], count, size), -2, 0)  # noqa: E731
    found = jax.lax.map(function, jax.tree.map(cut, columns))
    return jax.tree.map(lambda leaf: jnp.moveaxis(leaf, 0, -2).reshape(*leaf.shape[1:-1], -1)[..., :n], found)


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
    width = seats // words
    seated = tuple(h.at[inhabitants].get(mode="fill", fill_value=_NOWHERE) for h in homes.T)
    itself = np.zeros((_SIDES, words, width, seats), bool)
    itself[_SIDES // 2] = np.eye(seats, dtype=bool).reshape(words, width, seats)
    others = ~packed(lambda bit: jnp.asarray(itself[:, :, bit].reshape(_SIDES * words, seats)), width)

    def of_cell(cell: Int[Array, ""]) -> Any:
        here = [places[cell] for places in seated]
        there = [places[around[cell]].reshape(_SIDES * words, width) for places in seated]
        offsets = [images[cell].astype(homes.dtype) @ vectors for vectors in lattice.T]
        offsets = [jnp.repeat(offset, words)[:, None] for offset in offsets]

        def near(bit: int) -> Bool[Array, "words seats"]:
            square = jnp.zeros((), homes.dtype)
            for own, other, offset in zip(here, there, offsets, strict=True):
                square += ((other[:, bit, None] - own) + offset) ** 2
            return square <= radius * radius

        return packed(near, width) & others

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
