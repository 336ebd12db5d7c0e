"""The columns of a table: one for each atom, in equal blocks that fit the processor's cache."""

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Array, Bool, Int, Integer

from diffsim.neighbors.images import Images, how_many, kind

_MOST_ATOMS = 220
_MOST_EDGES = 7000
_ALIAS = 512  # numbers: rows that are a multiple of this apart (4 kB) fall into the same lines of a cache


class Edges(NamedTuple):
    """Edges of each atom in its column, not yet a table: the reverse of an edge is known by its row.

    Arrays of NumPy on the host, where shapes change from call to call and each would be compiled for.
    """

    index: Int[Array | np.ndarray, "neighbors atoms"]
    image: Integer[Array | np.ndarray, "neighbors atoms"]
    mask: Bool[Array | np.ndarray, "neighbors atoms"]
    back: Int[Array | np.ndarray, "neighbors atoms"]  # row of the reverse edge in the column of `index`
    wraps: Int[Array | np.ndarray, "atoms 3"]  # how many cells each atom is away from home


def blocks_of(n_atoms: int, rows: int) -> tuple[int, int]:
    """How many blocks of how many columns: all the same, so that compiled code can walk through them."""
    largest = max(min(_MOST_ATOMS, _MOST_EDGES // rows), 4)
    if n_atoms <= largest:
        return 1, n_atoms
    size = -(-n_atoms // -(-n_atoms // largest))
    size += -size % 4
    while -(-n_atoms // size) * size % _ALIAS == 0:
        size += 4
    return -(-n_atoms // size), size


def looked_up(table: Array, places: Integer[Array, "*any"]) -> Array:
    """Entries of a table, all its axes as one, at places that are known to be inside: not checked, nor counted back."""
    return table.reshape(-1).at[places].get(mode="promise_in_bounds", wrap_negative_indices=False)


def separations(
    everyone: Iterable[Array], own: Iterable[Array], offsets: Iterable[Array], index: Array, image: Array
) -> tuple[Array, ...]:
    """x_j − x_i of each edge, then y and z, in Å, from the homes of all atoms and of the columns' own."""
    image = image.astype(np.int32)
    return tuple(
        (looked_up(there, index) - here) + looked_up(offset, image)
        for there, here, offset in zip(everyone, own, offsets, strict=True)
    )


def tabulated(edges: Edges, images: Images) -> dict[str, Any]:
    """The arrays of a table; what is masked is its own neighbour, in no image, and its own reverse."""
    xp: Any = edges.index.__array_namespace__()  # pyright: ignore
    rows, n = edges.index.shape
    count, size = blocks_of(n, rows)
    row, own = xp.arange(rows, dtype=np.int32)[:, None], xp.arange(count * size, dtype=np.int32)
    mask, index, back, image = (
        xp.pad(table, ((0, 0), (0, count * size - n))) for table in (edges.mask, edges.index, edges.back, edges.image)
    )
    index = xp.where(mask, index.astype(np.int32), own)
    reverse = xp.where(mask, xp.minimum(back, rows - 1).astype(np.int32), row) * len(own) + index
    image = xp.where(mask, image.astype(np.int32), how_many(images)).astype(kind(images))
    return {"index": index, "image": image, "mask": mask, "reverse": reverse, "wraps": edges.wraps.astype(np.int32)}
