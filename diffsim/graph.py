"""What a potential sees of a system: its edges.

x_j − x_i is taken as swap(x_i) − x_i, where `swap` exchanges every edge with its reverse. The exchange is its own
inverse and transpose, so its derivatives are gathers too: forces without a scatter, in every mode and to any order.
"""

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from diffsim.neighbors import Neighbors, Room
from diffsim.stored import stored
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
    reverse: Int[Array, "neighbors atoms"] | None = None  # flat position of the edge j → i; None in a block of a graph
    system: System | None = None  # whose edges these are; None in a block, and where edges have been replaced
    near: Room | None = eqx.field(static=True, default=None)  # how many edges of an atom angles are made of at most
    structures: int = eqx.field(static=True, default=1)  # how many stand side by side, of as many columns each

    @property
    def squares(self) -> Float[Array, "neighbors atoms"]:
        """r_ij² in Å²."""
        x, y, z = self.vectors
        return stored(x * x + y * y + z * z, self.numbers)

    @property
    def distances(self) -> Float[Array, "neighbors atoms"]:
        """|r_ij| in Å."""
        return jnp.sqrt(self.squares)

    def with_vectors(self, vectors: Vectors) -> "Graph":
        """With other edge vectors, which no positions belong to."""
        return dataclasses.replace(self, vectors=vectors, system=None)

    def kinds(self, species: tuple[int, ...]) -> tuple[Int[Array, " atoms"], Int[Array, "neighbors atoms"]]:
        """The place in `species` of each atom and of each of its neighbours."""
        if len(species) < 2:
            return jnp.zeros_like(self.numbers), jnp.zeros_like(self.index)
        return species_of(self.numbers, species), species_of(self.everyone, species)[self.index]

    def of_neighbors(self, features: Float[Array, "*fields all_atoms"]) -> Float[Array, "*fields neighbors atoms"]:
        """The features of the neighbour at each edge: what messages are made of.

        Features of j are those of the atom that the edge j → i starts from, so in a whole graph they come by `swap`,
        whose derivatives have no scatter. In a block of one, where `features` are those of `everyone`, they are looked
        up. Masked edges bring an atom's own: finite, but to be masked.

        **Raises** `ValueError` for features of some atoms only, in a block, when edges lead to others as well.
        """
        if features.shape[-1] != len(self.everyone):
            raise ValueError(
                f"edges lead to {len(self.everyone)} atoms, but these are features of {features.shape[-1]}: "
                "a potential that passes messages more than once must say so by its depth"
            )
        if self.reverse is None:
            return features[..., self.index]
        return swap(jnp.broadcast_to(features[..., None, :], (*features.shape[:-1], *self.index.shape)), self.reverse)


def graph(system: System, neighbors: Neighbors) -> Graph:
    """The graph of a system whose neighbours are known."""
    dtype = system.positions.dtype
    shape = neighbors.index.shape
    homes, numbers = padded(neighbors.homes(system), shape[1]), padded(system.numbers, shape[1])
    own = jnp.broadcast_to(homes.T[:, None], (3, *shape))
    offsets = jnp.einsum("xkn,xy->ykn", jnp.stack(neighbors.cells_away).astype(dtype), system.cell)
    far = jnp.array([1, 0, 0], dtype) * neighbors.radius.astype(dtype)
    vectors = (swap(own, neighbors.reverse) - own) + offsets
    x, y, z = jnp.where(neighbors.mask, vectors, far[:, None, None])
    weights = (numbers > 0).astype(dtype)
    return Graph(
        (x, y, z), neighbors.index, neighbors.mask, numbers, weights, numbers, neighbors.reverse, system, neighbors.near
    )


def joined(graphs: Graph) -> Graph:
    """The graphs of a batch, stacked along a first axis, as one graph: structure after structure, no edge between them.

    What is computed for all atoms at once is computed for all structures at once.
    """
    count, rows, columns = graphs.index.shape
    side_by_side = lambda edges: jnp.moveaxis(edges, 0, 1).reshape(rows, count * columns)  # noqa: E731
    first = columns * jnp.arange(count, dtype=graphs.index.dtype)[:, None, None]
    reverse = graphs.reverse
    if reverse is not None:  # flat positions: row by row, in a row one structure after the other
        row, column = jnp.divmod(reverse, columns)
        reverse = side_by_side(row * (count * columns) + column + first)
    x, y, z = map(side_by_side, graphs.vectors)
    index, mask = side_by_side(graphs.index + first), side_by_side(graphs.mask)
    near = graphs.near and graphs.near._replace(crowd=count * graphs.near.crowd)
    of_atoms = (graphs.numbers.reshape(-1), graphs.weights.reshape(-1), graphs.everyone.reshape(-1))
    return Graph((x, y, z), index, mask, *of_atoms, reverse, near=near, structures=count)


def padded(of_atoms: Array, columns: int) -> Array:
    """With zeros for the columns behind those of the atoms."""
    return jnp.pad(of_atoms, ((0, columns - len(of_atoms)), *((0, 0) for _ in of_atoms.shape[1:])))


def swap(edges: Float[Array, "*fields neighbors atoms"], reverse: Int[Array, "neighbors atoms"]) -> Array:
    """The values of the reverse edge j → i at each edge i → j.

    Said to JAX as the solution of P y = e with the symmetric involution P = P⁻¹ = Pᵀ: a plain gather would be
    transposed into a scatter.
    """

    def exchange(e: Array) -> Array:
        rows = e.reshape(*e.shape[:-2], -1)
        return (
            rows.at[..., reverse.reshape(-1)]
            .get(mode="promise_in_bounds", unique_indices=True, wrap_negative_indices=False)
            .reshape(e.shape)
        )

    return jax.lax.custom_linear_solve(exchange, edges, lambda _, e: exchange(e), symmetric=True)


def swap_rows(edges: Float[Array, "*table fields"], reverse: Int[Array, "*table"]) -> Float[Array, "*table fields"]:
    """`swap` of values with many fields each, which stand together in memory; the table may be in blocks."""
    flat = edges.reshape(-1, edges.shape[-1])
    return reordered(flat, reverse.reshape(-1), reverse.reshape(-1)).reshape(edges.shape)


def reordered(
    values: Float[Array, "edges *fields"], place: Int[Array, " edges"], origin: Int[Array, " edges"]
) -> Float[Array, "edges *fields"]:
    """Values at other places: y of P y = e, where the permutation P, as `swap`, has no scatter in any derivative.

    `place` is where each goes, `origin` where each comes from.
    """
    taken = lambda e, places: e.at[places].get(  # noqa: E731
        mode="promise_in_bounds", unique_indices=True, wrap_negative_indices=False
    )
    there, back = (lambda e: taken(e, place)), (lambda e: taken(e, origin))
    solve = jax.lax.custom_linear_solve
    return solve(there, values, lambda _, e: back(e), transpose_solve=lambda _, e: there(e))


def species_of(numbers: Int[Array, " atoms"], species: tuple[int, ...]) -> Int[Array, " atoms"]:
    """The place of each atom's number in `species`; 0 for padding and where all atoms are alike (no species)."""
    if len(species) < 2:
        return jnp.zeros_like(numbers)
    table = np.zeros(max(species) + 1, np.int32)
    table[list(species)] = np.arange(len(species))
    return jnp.asarray(table)[numbers]
