"""Edge vectors: antisymmetric to the last bit, never zero, and exchanged without a scatter."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import POTENTIALS
from random_cells import KINDS, random_structure

from diffsim import Neighbors, forces
from diffsim.graph import graph, swap

vectors_of = jax.jit(lambda system, neighbors: jnp.stack(graph(system, neighbors).vectors))


def flat(array) -> np.ndarray:
    return np.asarray(array).reshape(*array.shape[:-2], -1)


@pytest.mark.parametrize("seed", range(len(KINDS)))
def test_reverse_edges_are_minus_each_other_to_the_last_bit(seed):
    system = random_structure(seed + 10, n=7)
    neighbors = Neighbors.allocate(system, 5.0)
    vectors, mask = flat(vectors_of(system, neighbors)), flat(neighbors.mask)
    assert mask.any()
    np.testing.assert_array_equal(vectors[:, flat(neighbors.reverse)][:, mask], -vectors[:, mask])


@pytest.mark.parametrize("seed", range(len(KINDS)))
def test_edge_vectors_are_differences_of_positions_and_images(seed):
    system = random_structure(seed, n=7)
    neighbors = Neighbors.allocate(system, 5.0)
    row, i = np.nonzero(neighbors.mask)
    x, shifts = np.asarray(system.positions), np.asarray(neighbors.shifts)[:, row, i].T
    expected = x[np.asarray(neighbors.index)[row, i]] - x[i] + shifts @ np.asarray(system.cell)
    vectors = np.asarray(vectors_of(system, neighbors))[:, row, i].T
    np.testing.assert_allclose(vectors, expected, rtol=0, atol=1e-12)  # rounding of sums near 100 Å
    assert (np.linalg.norm(vectors, axis=1) <= 5.0 + 1e-12).all()


def test_masked_edges_are_as_long_as_the_list_radius():
    """Not zero, where a distance has no derivative, and not inside any cutoff."""
    system = random_structure(1, n=3)
    neighbors = Neighbors.allocate(system, 3.0, capacity=100)
    distances = np.asarray(graph(system, neighbors).distances)
    assert (distances[~np.asarray(neighbors.mask)] == 3.0).all()


def test_swap_is_its_own_inverse_transpose_and_derivative():
    neighbors = Neighbors.allocate(random_structure(2, n=3), 4.0)
    edges = jnp.asarray(np.random.default_rng(0).standard_normal((3, *neighbors.index.shape)))
    exchange = lambda e: swap(e, neighbors.reverse)  # noqa: E731
    np.testing.assert_array_equal(exchange(exchange(edges)), edges)
    (back,) = jax.vjp(exchange, edges)[1](edges)
    np.testing.assert_array_equal(back, exchange(edges))
    np.testing.assert_array_equal(jax.jvp(exchange, (edges,), (edges,))[1], exchange(edges))


def test_swap_differentiates_to_third_order_in_both_modes():
    """d³/dt³ Σ sin(t P e)·e = −Σ (P e)³ cos(t P e)·e"""
    neighbors = Neighbors.allocate(random_structure(2, n=3), 4.0)
    edges = jnp.asarray(np.random.default_rng(0).standard_normal(neighbors.index.shape))
    swapped = swap(edges, neighbors.reverse)
    value = lambda t: jnp.sum(jnp.sin(swap(t * edges, neighbors.reverse)) * edges)  # noqa: E731
    expected = -jnp.sum(swapped**3 * jnp.cos(0.3 * swapped) * edges)
    for mode in (jax.grad, jax.jacfwd):
        third = jax.jit(mode(mode(mode(value))))(0.3)
        np.testing.assert_allclose(third, expected, rtol=1e-12)  # a sum of some 100 terms


def test_forces_compile_without_a_scatter():
    potential, system = POTENTIALS["stillinger_weber"]()
    neighbors = Neighbors.allocate(system, potential.cutoff)
    given = eqx.filter_jit(forces).lower(potential, system, neighbors).lowered.as_text()  # to the compiler
    assert "stablehlo.gather" in given
    assert "stablehlo.scatter" not in given
