"""The edges inside the cutoff alone: with a skin, half of a list's edges or more count for nothing yet."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from diffsim.neighbors.bits import WORD
from diffsim.neighbors.columns import blocks_of, looked_up, separations
from diffsim.neighbors.images import how_many

if TYPE_CHECKING:
    from diffsim.neighbors.table import Neighbors
    from diffsim.system import System


def within(neighbors: Neighbors, system: System, cutoff: Array, rows: int) -> tuple[Neighbors, Bool[Array, ""]]:
    """The edges shorter than `cutoff` in a table of so many rows, and whether an atom has more of them.

    Which edges of an atom are that short is a word of bits: the k-th of them is its k-th set bit, and the reverse of an
    edge stands where as many bits are set before its own. An edge whose reverse is not there, for rounding at the
    cutoff, is its own reverse.
    """
    n = neighbors.index.shape[1]
    own, row = jnp.arange(n, dtype=jnp.int32), jnp.arange(len(neighbors.index), dtype=jnp.uint32)[:, None]
    near = neighbors.mask & (squares(neighbors, system) < cutoff**2)
    bits = jnp.sum(jnp.where(near, jnp.uint32(1) << row, jnp.uint32(0)), axis=0, dtype=jnp.uint32)
    left, places = bits, []
    for _ in range(rows):
        rest = left & (left - jnp.uint32(1))
        places.append(WORD - 1 - jax.lax.clz(left ^ rest).astype(jnp.int32))  # −1 where none is left
        left = rest
    place = jnp.stack(places)
    mask = place >= 0
    place = jnp.maximum(place, 0) * n + own
    index = jnp.where(mask, looked_up(neighbors.index, place), own)
    image = jnp.where(mask, looked_up(neighbors.image, place), how_many(neighbors.search.images))
    bit = jnp.uint32(1) << (looked_up(neighbors.reverse, place) // n).astype(jnp.uint32)
    theirs = looked_up(bits, index)
    rank = jax.lax.population_count(theirs & (bit - jnp.uint32(1))).astype(jnp.int32)
    both = mask & (theirs & bit != 0) & (rank < rows)
    reverse = jnp.where(both, rank * n + index, jnp.arange(rows, dtype=jnp.int32)[:, None] * n + own)
    table = {"index": index, "image": image.astype(neighbors.image.dtype), "mask": mask, "reverse": reverse}
    return dataclasses.replace(neighbors, **table), jnp.any(left != 0)


def rows_within(neighbors: Neighbors, system: System, cutoff: Array | float) -> int:
    """How many rows `within` is to have: one more than there would be edges at the density of the list, or than are.

    A crystal's shells may say fewer, but atoms move.
    """
    near, listed = map(int, _most(neighbors, system, jnp.asarray(cutoff)))
    return 1 + max(math.ceil(listed * (float(cutoff) / float(neighbors.radius)) ** 3), near)


def pays(n_atoms: int, rows: int, inside: int) -> bool:
    """Whether so many rows out of those of a list are few enough, the list's bits a word and the blocks its own."""
    return inside <= 0.85 * rows and rows <= WORD and blocks_of(n_atoms, rows) == blocks_of(n_atoms, inside)


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
