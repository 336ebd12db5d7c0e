"""Edges in another order, those that make angles first, and pairs of these; atoms in blocks.

Here the table of edges is cut into blocks of columns, `[blocks rows atoms]`: what many features are computed of for
every edge fits a processor's cache for one block, and is computed again, not kept, for derivatives.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from diffsim.graph import Graph, reordered
from diffsim.neighbors import Room

_TOGETHER, _WHOLE = 1024, 2048  # edges or angles of a block; so few are one block, where nothing is computed again


class Group(NamedTuple):
    """Blocks, from the first to before the last, whose atoms have so many near edges at most."""

    first: int
    last: int
    rows: int

    def of(self, near: Array) -> Array:
        """The part of a table of near edges."""
        return near[self.first : self.last, : self.rows]


class Ordered(NamedTuple):
    """Edges of a graph, so that of each atom the near ones stand in the first rows."""

    vectors: tuple[Float[Array, "blocks rows atoms"], ...]  # Å
    mask: Bool[Array, "blocks rows atoms"]
    reverse: Int[Array, "blocks rows atoms"]  # flat position of the edge j → i
    near_reverse: Int[Array, "blocks near atoms"]  # the same in the first rows alone; far edges are their own
    rank: Int[Array, " columns"]  # the column of each atom: those with many near edges come first
    order: Int[Array, " columns"]  # the atom of each column
    groups: tuple[Group, ...]

    def sorted(self, of_atoms: Float[Array, "graph_atoms fields"]) -> Float[Array, "blocks atoms fields"]:
        """Values of atoms where the atoms are here."""
        wide = jnp.pad(of_atoms, ((0, len(self.rank) - len(of_atoms)), (0, 0)))
        return reordered(wide, self.rank, self.order).reshape(len(self.mask), -1, of_atoms.shape[1])

    def unsorted(self, values: Float[Array, "blocks atoms fields"]) -> Float[Array, "columns fields"]:
        """The same the other way; at the end there are columns of no atom."""
        return reordered(values.reshape(len(self.rank), -1), self.order, self.rank)


def nearest_first(graph: Graph, cutoff: float) -> Ordered:
    """With edges shorter than `cutoff` before all others, in as many rows as the graph has room for.

    Without such room all rows count as near. Which edge goes where is counted, not sorted: the k-th near edge of an
    atom to row k, the k-th other one behind them.

    **Raises** `ValueError` for a block of a graph, where it is not known which edges are each other's reverse.
    """
    if graph.reverse is None:
        raise ValueError("angles between edges need the whole graph, and this is a block of one")
    rows, n = graph.index.shape
    room = graph.near or Room(cutoff, rows, 0, rows)
    few, crowd, rest = min(room.rows, rows), min(room.crowd, n), min(room.rest, rows)
    work = max(n * rows, crowd * few**2 + (n - crowd) * rest**2)
    blocks = -(-work // _TOGETHER) if work > _WHOLE else 1
    atoms = -(-n // blocks)
    blocks = -(-n // atoms)
    border = -(-crowd // atoms)
    groups = tuple(group for group in (Group(0, border, few), Group(border, blocks, rest)) if group.last > group.first)
    columns = jnp.arange(blocks * atoms, dtype=jnp.int32)
    wider = lambda table: jnp.pad(table, ((0, 0), (0, len(columns) - n)))  # noqa: E731
    near = jax.lax.stop_gradient(graph.mask & (graph.squares < cutoff**2))
    counted = jnp.cumsum(near, axis=0, dtype=jnp.int32)
    row = jnp.arange(rows, dtype=jnp.int32)[:, None]
    order = jnp.argsort(-jnp.pad(counted[-1], (0, len(columns) - n))).astype(jnp.int32) if crowd else columns
    rank = jnp.zeros_like(columns).at[order].set(columns, unique_indices=True) if crowd else columns
    new_row = wider(jnp.where(near, counted - 1, counted[-1] + row - counted) - row) + row
    place = (((rank // atoms) * rows + new_row) * atoms + rank % atoms).reshape(-1)  # where each edge goes
    edge = jnp.arange(len(place), dtype=jnp.int32)
    origin = jnp.zeros_like(edge).at[place].set(edge, unique_indices=True)
    backwards = (graph.reverse // n) * len(columns) + graph.reverse % n
    own = edge.reshape(rows, -1)
    backwards = own.at[:, :n].set(backwards).reshape(-1)
    shape = (blocks, rows, atoms)
    reverse = place[backwards[origin]].reshape(shape)
    there = (reverse // atoms) % rows  # the row of the reverse edge
    mutual = wider(near).reshape(-1)[origin].reshape(shape)[:, :few] & (there[:, :few] < few)
    short = ((reverse // (rows * atoms)) * few + there) * atoms + reverse % atoms
    itself = jnp.arange(blocks * few * atoms, dtype=jnp.int32).reshape(blocks, few, atoms)
    vectors = [jnp.pad(part, ((0, 0), (0, len(columns) - n)), constant_values=1.0) for part in graph.vectors]
    x, y, z = (reordered(part.reshape(-1), place, origin).reshape(shape) for part in vectors)
    mask = wider(graph.mask).reshape(-1)[origin].reshape(shape)
    return Ordered((x, y, z), mask, reverse, jnp.where(mutual, short[:, :few], itself), rank, order, groups)


def by_blocks(function: Callable[..., Any], *blocked: Any) -> Any:
    """What a function makes of each block, from whose arrays the first axis is taken off."""
    if len(jax.tree.leaves(blocked)[0]) == 1:
        found = function(*jax.tree.map(lambda leaf: leaf[0], blocked))
        return jax.tree.map(lambda leaf: leaf[None], found)
    again = jax.checkpoint(function, prevent_cse=False)
    return jax.lax.map(lambda block: again(*block), blocked)


def others(edges: Float[Array, "near *rest"]) -> Float[Array, "others near *rest"]:
    """Of each row all the others: in turn the next one, the one after that … so that no angle is of an edge alone."""
    rows = len(edges)
    if rows < 2:
        return jnp.zeros((0, *edges.shape), edges.dtype)
    twice = jnp.concatenate([edges, edges])
    return jnp.stack([twice[turn : turn + rows] for turn in range(1, rows)])
