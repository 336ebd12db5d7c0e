"""Edges in another order, those that make angles first, and pairs of these."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from diffsim.graph import Graph, Vectors, reordered


class Ordered(NamedTuple):
    """Edges of a graph, so that of each atom the near ones stand in the first rows."""

    vectors: Vectors  # Å
    mask: Bool[Array, "neighbors atoms"]
    reverse: Int[Array, "neighbors atoms"]  # flat position of the edge j → i
    near_reverse: Int[Array, "near atoms"]  # the same in the first rows alone; far edges are their own


def nearest_first(graph: Graph, cutoff: float) -> Ordered:
    """With edges shorter than `cutoff` before all others, in as many rows as the graph has room for.

    Without such room all rows count as near. Which edge goes where is counted, not sorted: the k-th near edge of an
    atom to row k, the k-th other one behind them.
    """
    rows, n = graph.index.shape
    if graph.reverse is None:
        raise ValueError("angles between edges need the whole graph, and this is a block of one")
    if graph.near is None or graph.near.rows == rows:
        return Ordered(graph.vectors, graph.mask, graph.reverse, graph.reverse)
    near = jax.lax.stop_gradient(graph.mask & (graph.squares < cutoff**2))
    counted = jnp.cumsum(near, axis=0, dtype=jnp.int32)
    row = jnp.arange(rows, dtype=jnp.int32)[:, None]
    column = jnp.arange(n, dtype=jnp.int32)
    place = jnp.where(near, counted - 1, counted[-1] + row - counted) * n + column  # where each edge goes
    edge = row * n + column
    origin = jnp.zeros(rows * n, jnp.int32).at[place.reshape(-1)].set(edge.reshape(-1), unique_indices=True)
    reverse = place.reshape(-1)[graph.reverse.reshape(-1)[origin]]
    of_near = slice(None, graph.near.rows * n)
    both = near.reshape(-1)[origin[of_near]]
    near_reverse = jnp.where(both & (reverse[of_near] < graph.near.rows * n), reverse[of_near], edge.reshape(-1)[of_near])
    shaped = origin.reshape(rows, n)
    x, y, z = (reordered(part, place, shaped) for part in graph.vectors)
    mask = graph.mask.reshape(-1)[shaped]
    return Ordered((x, y, z), mask, reverse.reshape(rows, n), near_reverse.reshape(graph.near.rows, n))


def others(edges: Float[Array, "near *rest"]) -> Float[Array, "others near *rest"]:
    """Of each row all the others: in turn the next one, the one after that … so that no angle is of an edge alone."""
    rows = len(edges)
    twice = jnp.concatenate([edges, edges])
    if rows < 2:
        return jnp.zeros((0, *edges.shape), edges.dtype)
    return jnp.stack([twice[turn : turn + rows] for turn in range(1, rows)])
