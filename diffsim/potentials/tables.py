"""Parameters of several species: a scalar says the same of all, a table is looked up by the species of the atoms."""

import numpy as np
from jaxtyping import Array, Float, Int


def of_pairs(
    table: Float[Array, "..."], middle: Int[Array, " atoms"], end: Int[Array, "neighbors atoms"]
) -> Float[Array, "..."]:
    """table[i, j] of each edge; a scalar as it is."""
    return table if table.ndim == 0 else table[middle, end]


def of_triplets(
    table: Float[Array, "..."],
    middle: Int[Array, " atoms"],
    end: Int[Array, "..."] | int,
    other: Int[Array, "..."] | int | None = None,
) -> Float[Array, "..."]:
    """table[i, j, k]; where k is left out, table[i, j, j], what the pair part uses. A scalar as it is."""
    return table if table.ndim == 0 else table[middle, end, end if other is None else other]


def scalars(tables: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Tables of a single species as scalars, others unchanged."""
    return {name: table.reshape(()) if table.size == 1 else table for name, table in tables.items()}
