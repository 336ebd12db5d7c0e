"""The columns of a table: one for each atom, in equal blocks that fit the processor's cache."""

from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Bool, Int

_LARGEST = 220
_ALIAS = 512  # numbers: rows that are a multiple of this apart (4 kB) fall into the same lines of a cache


class Edges(NamedTuple):
    """Edges of each atom in its column, not yet a table: the reverse of an edge is known by its row."""

    index: Int[Array, "neighbors atoms"]
    shifts: Int[Array, "3 neighbors atoms"]
    mask: Bool[Array, "neighbors atoms"]
    back: Int[Array, "neighbors atoms"]  # row of the reverse edge in the column of `index`


def blocks_of(n_atoms: int) -> tuple[int, int]:
    """How many blocks of how many columns: all the same, so that compiled code can walk through them."""
    if n_atoms <= _LARGEST:
        return 1, n_atoms
    count = -(-n_atoms // _LARGEST)
    size = -(-n_atoms // count)
    size += -size % 4
    while count * size % _ALIAS == 0:
        size += 4
    return count, size


def tabulated(edges: Edges) -> tuple[Array, Array, Array, Array]:
    """Index, shifts, mask and reverse of a table; what is masked is its own neighbour and its own reverse."""
    rows, n = edges.index.shape
    count, size = blocks_of(n)
    extra = ((0, 0), (0, count * size - n))
    row, own = jnp.arange(rows, dtype=jnp.int32)[:, None], jnp.arange(count * size, dtype=jnp.int32)
    mask = jnp.pad(edges.mask & (edges.back < rows), extra)
    index = jnp.where(mask, jnp.pad(edges.index.astype(jnp.int32), extra), own)
    reverse = jnp.where(mask, jnp.pad(edges.back.astype(jnp.int32), extra), row) * len(own) + index
    return index, jnp.pad(edges.shifts, ((0, 0), *extra)), mask, reverse
