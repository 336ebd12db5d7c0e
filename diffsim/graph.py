"""What a potential sees of a system: its edges.

x_j − x_i is taken as swap(x_i) − x_i, where `swap` exchanges every edge with its reverse. The exchange is its own
inverse and transpose, so its derivatives are gathers too: forces without a scatter, in every mode and to any order.
"""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int, PyTree

from diffsim.neighbors import Neighbors
from diffsim.system import System

Vectors = tuple[Float[Array, "neighbors atoms"], Float[Array, "neighbors atoms"], Float[Array, "neighbors atoms"]]


class Graph(eqx.Module):
    """Edges of all atoms, or of some: x, y and z each an array of their own, atoms last (the layout that vectorises).

    There may be more columns than atoms; those are padding.
    """

    vectors: Vectors  # Å, r_ij = x_j − x_i; fixed and non-zero where masked
    index: Int[Array, "neighbors atoms"]
    mask: Bool[Array, "neighbors atoms"]
    numbers: Int[Array, " atoms"]
    weights: Float[Array, " atoms"]  # 0 for padding
    everyone: Int[Array, " all_atoms"]  # the numbers of those that `index` counts

    @property
    def squares(self) -> Float[Array, "neighbors atoms"]:
        """r_ij² in Å²."""
        x, y, z = self.vectors
        return x * x + y * y + z * z

    @property
    def distances(self) -> Float[Array, "neighbors atoms"]:
        """|r_ij| in Å."""
        return jnp.sqrt(self.squares)

    def kinds(self, species: tuple[int, ...]) -> tuple[Int[Array, " atoms"], Int[Array, "neighbors atoms"]]:
        """The place in `species` of each atom and of each of its neighbours."""
        if len(species) < 2:
            return jnp.zeros_like(self.numbers), jnp.zeros_like(self.index)
        return species_of(self.numbers, species), species_of(self.everyone, species)[self.index]


def graph(system: System, neighbors: Neighbors) -> Graph:
    """The graph of a system whose neighbours are known."""
    dtype = system.positions.dtype
    shape = neighbors.index.shape
    homes, numbers = padded(neighbors.homes(system), shape[1]), padded(system.numbers, shape[1])
    own = tuple(jnp.broadcast_to(x, shape) for x in homes.T)
    a, b, c = (cells.astype(dtype) for cells in neighbors.cells_away)
    away = (neighbors.radius.astype(dtype), 0.0, 0.0)
    vectors = tuple(
        jnp.where(neighbors.mask, (there - here) + (a * column[0] + b * column[1] + c * column[2]), far)
        for here, there, column, far in zip(own, swap(own, neighbors.reverse), system.cell.T, away, strict=True)
    )
    return Graph(vectors, neighbors.index, neighbors.mask, numbers, (numbers > 0).astype(dtype), numbers)


def padded(of_atoms: Array, columns: int) -> Array:
    """With zeros for the columns behind those of the atoms."""
    return jnp.pad(of_atoms, ((0, columns - len(of_atoms)), *((0, 0) for _ in of_atoms.shape[1:])))


def swap(edges: PyTree[Float[Array, "neighbors atoms"]], reverse: Int[Array, "neighbors atoms"]) -> Any:
    """The values of the reverse edge j → i at each edge i → j.

    Said to JAX as the solution of P y = e with the symmetric involution P = P⁻¹ = Pᵀ: a plain gather would be
    transposed into a scatter. What comes back through the transpose, derivatives of the energy by edges, is behind a
    branch that is always taken: XLA would otherwise fuse their computation into the gather, one number at a time.
    """

    def exchange(e: Any) -> Any:
        take = lambda x: x.reshape(-1).at[flat].get(mode="promise_in_bounds", unique_indices=True)  # noqa: E731
        return jax.tree.map(lambda x: take(x).reshape(x.shape), e)

    def back(_: Any, e: Any) -> Any:
        return jax.lax.cond(flat[0] >= 0, exchange, lambda e: e, e)

    flat = reverse.reshape(-1)
    if not flat.size:
        return edges
    solve = lambda _, e: exchange(e)  # noqa: E731
    return jax.lax.custom_linear_solve(exchange, edges, solve, transpose_solve=back)


def species_of(numbers: Int[Array, " atoms"], species: tuple[int, ...]) -> Int[Array, " atoms"]:
    """The place of each atom's number in `species`; 0 for padding and where all atoms are alike (no species)."""
    if len(species) < 2:
        return jnp.zeros_like(numbers)
    table = np.zeros(max(species) + 1, np.int32)
    table[list(species)] = np.arange(len(species))
    return jnp.asarray(table)[numbers]
