"""Lattice dynamics of potentials that pass messages, at wave vectors that fit into a few repeated cells: there exact.

The graph of the repeated crystal is that of one cell, over and over: no list is made, whatever becomes of the cell.
"""

import math

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Complex, Float

from diffsim.fields import ArrayLike, concrete
from diffsim.graph import Graph, graph, swap
from diffsim.neighbors import Neighbors
from diffsim.potentials.base import AbstractPotential
from diffsim.system import System, lattice_points

Repeats = tuple[int, int, int]

_MOST = 64  # cells
_LARGEST = 12  # along one vector


def fitting(qpoints: ArrayLike) -> Repeats | None:
    """The fewest cells whose waves these all are: n q is whole along each vector.

    None where they would be too many, and where `jit` hides the wave vectors.
    """
    known = concrete(jnp.asarray(qpoints))
    if known is None or known.ndim != 2 or known.shape[1] != 3:
        return None
    sizes = np.arange(1, _LARGEST + 1)
    products = sizes[:, None, None] * known
    whole = np.all(np.abs(products - np.round(products)) < 1e-6, axis=1)  # [sizes 3]
    if not whole.any(axis=0).all():
        return None
    a, b, c = (int(sizes[np.argmax(column)]) for column in whole.T)
    return (a, b, c) if a * b * c <= _MOST else None


def repeated(seen: Graph, neighbors: Neighbors, repeats: Repeats) -> Graph:
    """The whole graph of a cell, `repeats` times along its vectors: column c of cell L is at L · columns + c."""
    assert seen.reverse is not None
    cells = lattice_points(repeats)
    count, (rows, columns) = len(cells), seen.index.shape
    stride = np.array([1, repeats[0], repeats[0] * repeats[1]])
    ends = cells.T[:, None, :, None] + neighbors.shifts[:, :, None, :]  # [3 rows cells columns]
    cell = jnp.tensordot(stride, ends.astype(int) % np.reshape(repeats, (3, 1, 1, 1)), 1)
    table = lambda edges: edges.reshape(rows, count * columns).astype(seen.index.dtype)  # noqa: E731
    index = table(cell * columns + seen.index[:, None])
    row, column = jnp.divmod(seen.reverse, columns)
    reverse = table((row[:, None] * count + cell) * columns + column[:, None])
    again = lambda values: jnp.tile(values, count)  # noqa: E731
    x, y, z = map(again, seen.vectors)
    of_atoms = (again(seen.numbers), again(seen.weights), again(seen.everyone))
    near = seen.near and seen.near._replace(crowd=count * seen.near.crowd)
    return Graph((x, y, z), index, again(seen.mask), *of_atoms, reverse, near=near)


def bloch_matrices(
    potential: AbstractPotential,
    system: System,
    neighbors: Neighbors,
    qpoints: Float[Array, "q 3"],
    repeats: Repeats,
) -> Complex[Array, "q coordinates coordinates"]:
    """D(q) = Σ_L Φ(i0, jL) e^{iq·(r_jL − r_i0)} / √(m_i m_j) over the repeated cells, at their own wave vectors."""
    seen = repeated(graph(system, neighbors), neighbors, repeats)
    count, n = math.prod(repeats), len(system.numbers)
    columns = seen.index.shape[1] // count

    def total(moves: Float[Array, "3 columns"]) -> Float[Array, ""]:
        own = jnp.broadcast_to(moves[:, None], (3, *seen.index.shape))
        x, y, z = jnp.stack(seen.vectors) + swap(own, seen.reverse) - own
        return jnp.sum(seen.weights * potential.atomic_energies(seen.with_vectors((x, y, z))))

    still = jnp.zeros((3, count * columns), system.positions.dtype)
    seeds = jnp.zeros((n, 3, *still.shape), still.dtype)
    seeds = seeds.at[np.arange(n)[:, None], np.arange(3), np.arange(3), np.arange(n)[:, None]].set(1.0)
    push = lambda seed: jax.jvp(jax.grad(total), (still,), (seed,))[1]  # noqa: E731
    constants = jax.lax.map(push, seeds.reshape(-1, *still.shape)).reshape(n, 3, 3, count, columns)[..., :n]
    places = system.positions @ jnp.linalg.inv(system.cell)
    between = lattice_points(repeats)[:, None, None] + places[None, None] - places[None, :, None]  # [cells i j 3]
    phases = jnp.exp(2j * jnp.pi * jnp.einsum("qx,Lijx->qLij", qpoints, between))
    heavy = 1 / jnp.sqrt(system.masses)
    found = jnp.einsum("iabLj,qLij,i,j->qiajb", constants, phases, heavy, heavy).reshape(-1, 3 * n, 3 * n)
    return 0.5 * (found + jnp.conj(jnp.swapaxes(found, 1, 2)))
