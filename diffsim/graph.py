"""What a potential sees of a system: its edges.

x_j − x_i is taken as swap(x_i) − x_i, where `swap` exchanges every edge with its reverse. The exchange is its own
inverse and transpose, so its derivatives are gathers too: forces without a scatter, in every mode and to any order.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from diffsim.neighbors import Neighbors
from diffsim.system import System


class Graph(eqx.Module):
    """Edges of all atoms, coordinates first and atoms last (the layout that vectorises)."""

    vectors: Float[Array, "3 neighbors atoms"]  # Å, r_ij = x_j − x_i; fixed and non-zero where masked
    index: Int[Array, "neighbors atoms"]
    mask: Bool[Array, "neighbors atoms"]
    numbers: Int[Array, " atoms"]
    weights: Float[Array, " atoms"]  # 0 for padding

    @property
    def distances(self) -> Float[Array, "neighbors atoms"]:
        """|r_ij| in Å."""
        x, y, z = self.vectors
        return jnp.sqrt(x * x + y * y + z * z)


def graph(system: System, neighbors: Neighbors) -> Graph:
    """The graph of a system whose neighbours are known."""
    dtype = system.positions.dtype
    shape = neighbors.index.shape
    own = jnp.broadcast_to(system.positions.T[:, None, :], (3, *shape))
    offsets = jnp.einsum("xkn,xy->ykn", neighbors.shifts.astype(dtype), system.cell)
    vectors = (swap(own, neighbors.reverse) - own) + offsets
    away = jnp.array([1, 0, 0], dtype) * neighbors.radius.astype(dtype)
    vectors = jnp.where(neighbors.mask, vectors, away[:, None, None])
    weights = (system.numbers > 0).astype(dtype)
    return Graph(vectors, neighbors.index, neighbors.mask, system.numbers, weights)


def swap(edges: Float[Array, "*fields neighbors atoms"], reverse: Int[Array, "neighbors atoms"]) -> Array:
    """The value of the reverse edge j → i at each edge i → j.

    Said to JAX as the solution of P y = e with the symmetric involution P = P⁻¹ = Pᵀ: a plain gather would be
    transposed into a scatter.
    """

    def exchange(e: Array) -> Array:
        flat = e.reshape(*e.shape[:-2], -1)
        taken = flat.at[..., reverse.reshape(-1)].get(mode="promise_in_bounds", unique_indices=True)
        return taken.reshape(e.shape)

    return jax.lax.custom_linear_solve(exchange, edges, lambda matvec, e: matvec(e), symmetric=True)


def species_of(numbers: Int[Array, " atoms"], species: tuple[int, ...]) -> Int[Array, " atoms"]:
    """The place of each atom's number in `species`; 0 for padding and where all atoms are alike (no species)."""
    if len(species) < 2:
        return jnp.zeros_like(numbers)
    table = np.zeros(max(species) + 1, np.int32)
    table[list(species)] = np.arange(len(species))
    return jnp.asarray(table)[numbers]
