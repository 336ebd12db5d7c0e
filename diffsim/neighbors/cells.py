"""The neighbour table made in compiled code with cells: in time that grows as the number of atoms."""

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from diffsim.neighbors.bits import WORD, Bits
from diffsim.neighbors.columns import Edges
from diffsim.neighbors.search import Images, heights
from diffsim.system import System

_MANY = 200  # atoms: fewer are not worth sorting
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
        places = np.floor((positions @ np.linalg.inv(cell) % 1.0) * counts).astype(int) % counts
        busiest = np.unique(np.ravel_multi_index(tuple(places.T), tuple(counts)), return_counts=True)[1].max()
        return Grid(images, (int(counts[0]), int(counts[1]), int(counts[2])), int(spare * (1.5 * busiest + 4)))

    def tabulate(self, system: System, radius: Float[Array, ""], capacity: int) -> tuple[Edges, Bool[Array, ""]]:
        """The edges inside `radius`, and whether they cannot be trusted.

        The candidates of an atom sit in the 27 cells around its own, a few words of bits for each cell. The reverse of
        an edge i → j stands among the bits of j in the opposite cell, where i has its seat.
        """
        n, words = len(system.numbers), -(-self.room // WORD)
        width = -(-self.room // words)  # bits of each word that are used
        counts = np.array(self.cells)
        dual = jnp.linalg.inv(system.cell)
        wraps = jnp.floor(system.positions @ dual).astype(jnp.int32)
        homes = system.positions - wraps.astype(dual.dtype) @ system.cell
        place = jnp.clip((homes @ dual * counts).astype(jnp.int32), 0, counts - 1)
        cell = (place[:, 0] * counts[1] + place[:, 1]) * counts[2] + place[:, 2]
        seat, inhabitants = _seated(
            jnp.where(system.numbers > 0, cell, counts.prod()), int(counts.prod()), words * width
        )

        around, images = (jnp.asarray(table)[cell] for table in _surroundings(self.cells))  # [atoms 27], [atoms 27 3]
        own = jnp.arange(n, dtype=jnp.int32)
        offsets = jnp.einsum("noa,ax->xon", images.astype(dual.dtype), system.cell)
        bits = Bits.of(_inside(homes, offsets, inhabitants[around], radius).reshape(-1, width, n))

        word, bit, mask = bits.places(capacity)
        index = jnp.where(mask, inhabitants[around[own, word // words], word % words * width + bit], own)
        image = images[own, word // words]
        shifts = [jnp.where(mask, image[..., a] - wraps[index, a] + wraps[:, a], 0) for a in range(3)]
        opposite = (len(_OFFSETS) - 1 - word // words) * words + seat // width
        back = bits.before(opposite, jnp.broadcast_to(seat % width, index.shape), index)
        heights = 1 / jnp.linalg.norm(dual, axis=0)
        sound = jnp.isfinite(system.positions).all() & (bits.most() <= capacity)
        sound &= (jnp.max(seat, initial=0) < words * width) & (heights >= radius * counts).all()
        return Edges(index, jnp.stack(shifts).astype(jnp.int16), mask, back), ~sound


def _inside(
    homes: Float[Array, "atoms 3"],
    offsets: Float[Array, "3 27 atoms"],
    candidates: Int[Array, "atoms 27 seats"],
    radius: Float[Array, ""],
) -> Bool[Array, "27 seats atoms"]:
    """Which candidates are inside the radius: h_j − h_i + S·cell changes nothing but its sign in reverse."""
    n = len(homes)
    j = jnp.moveaxis(candidates, 0, -1)  # [27 seats atoms]
    square = jnp.zeros((), homes.dtype)
    for axis, h in enumerate(homes.T):
        square += ((h.at[j].get(mode="clip") - h) + offsets[axis][:, None]) ** 2
    itself = (jnp.arange(len(_OFFSETS)) == len(_OFFSETS) // 2)[:, None, None] & (j == jnp.arange(n))
    return (j < n) & (jnp.sqrt(square) <= radius) & ~itself


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
