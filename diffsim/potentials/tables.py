"""Parameters of several species: a scalar says the same of all, a table is looked up by the species of the atoms."""

import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from diffsim.potentials.base import AbstractPotential


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


def symmetrized(table: Float[Array, "..."]) -> Float[Array, "..."]:
    """½ (table[…, j, k] + table[…, k, j]): where two entries that should be alike differ, their mean counts."""
    return table if table.ndim == 0 else 0.5 * (table + jnp.swapaxes(table, -1, -2))


def check_tables(potential: AbstractPotential, *, pairs: tuple[str, ...], triplets: tuple[str, ...]) -> None:
    """Refuses parameters that are neither scalars nor tables `[i j]` or `[i j k]` over the potential's species."""
    n = len(potential.species)
    for rank, names in ((2, pairs), (3, triplets)):
        for name in names:
            shape = getattr(potential, name).shape
            if shape not in ((), (n,) * rank):
                raise ValueError(f"{name} of {n} species must be a scalar or have shape {(n,) * rank}, got {shape}")
