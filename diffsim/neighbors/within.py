"""The edges inside the cutoff alone: with a skin, half of a list's edges or more count for nothing yet."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from diffsim.neighbors.bits import WORD, Bits, packed_rows
from diffsim.neighbors.columns import Edges, looked_up, separations, tabulated
from diffsim.stored import stored

if TYPE_CHECKING:
    from diffsim.neighbors.table import Neighbors
    from diffsim.system import System

_PAYS = 0.85  # of the rows of a list


def within(neighbors: Neighbors, system: System, cutoff: Array, rows: int) -> tuple[Neighbors, Bool[Array, ""]]:
    """The edges shorter than `cutoff` in a table of so many rows, and whether an atom has more of them.

    Which edges of an atom are that short are bits: the k-th of them is the k-th that is set, and the reverse of an edge
    stands where as many are set before its own. An edge without its reverse, by rounding at the cutoff, is none.
    """
    n, listed = len(neighbors.positions), neighbors.index.shape[1]
    short = neighbors.mask & (squares(neighbors, system) < cutoff**2)
    bits = Bits.of(packed_rows(short[:, :n]))
    word, bit, mask = bits.places(rows)
    place = jnp.where(mask, word * WORD + bit, 0) * listed + jnp.arange(n, dtype=jnp.int32)
    index = looked_up(neighbors.index, place)
    row = looked_up(neighbors.reverse, place) // listed
    back = (row // WORD, row % WORD)
    rank = bits.before(*back, index)
    both = mask & bits.at(*back, index) & (rank < rows)
    edges = Edges(index, looked_up(neighbors.image, place), both, rank, neighbors.wraps)
    table = stored(tabulated(edges, neighbors.search.images), neighbors.index)
    return dataclasses.replace(neighbors, **table), bits.most() > rows


def rows_within(neighbors: Neighbors, system: System, cutoff: Array | float) -> int:
    """How many rows `within` is to have: one more than there would be edges at the density of the list, or than are.

    A crystal's shells may say fewer, but atoms move.
    """
    near, listed = map(int, _most(neighbors, system, jnp.asarray(cutoff)))
    return 1 + max(math.ceil(listed * (float(cutoff) / float(neighbors.radius)) ** 3), near)


def pays(rows: int, inside: int) -> bool:
    """Whether so many rows out of those of a list are few enough."""
    return inside <= _PAYS * rows


@eqx.filter_jit
def _most(neighbors: Neighbors, system: System, cutoff: Array) -> tuple[Array, Array]:
    """How many edges an atom has at most within the cutoff, and in the list."""
    near = neighbors.mask & (squares(neighbors, system) < cutoff**2)
    return jnp.max(jnp.sum(near, axis=0)), jnp.max(jnp.sum(neighbors.mask, axis=0))


def squares(neighbors: Neighbors, system: System) -> Float[Array, "neighbors columns"]:
    """r_ij² of every edge in Å², of a list that was made for other positions perhaps."""
    homes = jnp.pad(neighbors.homes(system), ((0, neighbors.index.shape[1] - len(system.positions)), (0, 0)))
    x, y, z = separations(homes.T, homes.T, neighbors.offsets(system.cell), neighbors.index, neighbors.image)
    return x * x + y * y + z * z
