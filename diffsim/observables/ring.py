"""Lattice dynamics of what looks beyond an atom's own edges, at wave vectors that are fractions: there exact.

A wave n/m, n and m whole, has one phase in all cells L of the same n·L modulo m. So cells that differ by no phase may
be taken for one, and the crystal for a ring of m cells. Its graph is that of one cell, over and over: no list is made,
whatever becomes of the cell.
"""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Complex, Float, Int

from diffsim.blocks import energy_of
from diffsim.fields import ArrayLike, concrete
from diffsim.graph import Graph, graph, swap
from diffsim.neighbors import Neighbors
from diffsim.potentials.base import AbstractPotential
from diffsim.potentials.direct import AbstractDirectForces
from diffsim.system import System

MOST = 512  # cells


def denominator(qpoints: ArrayLike) -> int | None:
    """The smallest m that makes all m q whole numbers.

    None where it would be above 512, and where `jit` hides the wave vectors.
    """
    known = concrete(jnp.asarray(qpoints))
    if known is None:
        return None
    whole = (m for m in range(1, MOST + 1) if np.all(np.abs(m * known - np.round(m * known)) < 1e-6))
    return next(whole, None)


def ring(seen: Graph, neighbors: Neighbors, wave: Int[Array, "3"], cells: int) -> Graph:
    """The graph of `cells` cells, where an edge of shift S leads `wave`·S cells on; its columns stand cell by cell."""
    assert seen.reverse is not None
    rows, columns = seen.index.shape
    on = jnp.tensordot(wave, neighbors.shifts.astype(wave.dtype), 1)[:, None]  # [rows 1 columns]
    cell = (jnp.arange(cells, dtype=wave.dtype)[:, None] + on) % cells
    table = lambda edges: edges.reshape(rows, cells * columns).astype(seen.index.dtype)  # noqa: E731
    index = table(cell * columns + seen.index[:, None])
    row, column = jnp.divmod(seen.reverse, columns)
    reverse = table((row[:, None] * cells + cell) * columns + column[:, None])
    again = lambda values: jnp.tile(values, cells)  # noqa: E731
    x, y, z = map(again, seen.vectors)
    of_atoms = (again(seen.numbers), again(seen.weights), again(seen.everyone))
    near = seen.near and seen.near._replace(crowd=cells * seen.near.crowd)
    return Graph((x, y, z), index, again(seen.mask), *of_atoms, reverse, near=near)


def ring_matrix(
    potential: AbstractPotential, system: System, neighbors: Neighbors, q: Float[Array, "3"], cells: int
) -> Complex[Array, "coordinates coordinates"]:
    """D(q) = Σ_c Φ(i0, jc) e^{2πi c/m} e^{iq·(r_j − r_i)} / √(m_i m_j), c the cells of the ring, m q whole numbers.

    Its Hermitian part, which is all of it but for rounding, unless forces are predicted directly.
    """
    seen = graph(system, neighbors)
    n, columns = len(system.numbers), seen.index.shape[1]
    around = ring(seen, neighbors, jnp.round(cells * q).astype(seen.index.dtype), cells)

    def slope(moves: Float[Array, "3 columns"]) -> Float[Array, "3 columns"]:
        if isinstance(potential, AbstractDirectForces):
            return -potential.atomic_forces(displaced(around, moves))
        return jax.grad(lambda at: energy_of(potential, displaced(around, at)))(moves)

    still = jnp.zeros((3, cells * columns), system.positions.dtype)
    seeds = jnp.eye(3 * n, dtype=still.dtype).reshape(3 * n, 3, n)  # coordinate by coordinate of the first cell's atoms
    seeds = jnp.pad(seeds, ((0, 0), (0, 0), (0, cells * columns - n)))
    _, push = jax.linearize(slope, still)
    constants = jax.lax.map(push, seeds).reshape(3, n, 3, cells, columns)[..., :n]
    places = system.positions @ jnp.linalg.inv(system.cell)
    turns = jnp.arange(cells)[:, None, None] / cells + (places[None] - places[:, None]) @ q
    heavy = 1 / jnp.sqrt(system.masses)
    found = jnp.einsum("aibcj,cij,i,j->iajb", constants, jnp.exp(2j * jnp.pi * turns), heavy, heavy)
    found = found.reshape(3 * n, 3 * n)
    return 0.5 * (found + jnp.conj(found.T))


def displaced(seen: Graph, moves: Float[Array, "3 columns"]) -> Graph:
    """The graph with its atoms moved."""
    own = jnp.broadcast_to(moves[:, None], (3, *seen.index.shape))
    x, y, z = jnp.stack(seen.vectors) + swap(own, seen.reverse) - own
    return seen.with_vectors((x, y, z))
