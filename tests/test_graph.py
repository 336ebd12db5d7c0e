"""Edge vectors: antisymmetric to the last bit, never zero, and exchanged without a scatter."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import POTENTIALS
from random_cells import KINDS, random_structure

from diffsim import AbstractPotential, Neighbors, System, forces
from diffsim.graph import Graph, graph, swap
from diffsim.mechanics import total_energy, work
from diffsim.neighbors.columns import blocks_of

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


@pytest.mark.parametrize("seed", range(len(KINDS)))
def test_features_of_neighbors_are_those_of_the_atom_at_the_end_of_an_edge(seed):
    neighbors = Neighbors.allocate(random_structure(seed + 10, n=7), 5.0, capacity=60)
    features = jnp.asarray(np.random.default_rng(seed).standard_normal((2, 3, neighbors.index.shape[1])))
    seen = graph(random_structure(seed + 10, n=7), neighbors)
    found = np.asarray(seen.of_neighbors(features))
    np.testing.assert_array_equal(found, features[..., neighbors.index])  # masked: an atom is its own neighbour
    block = eqx.tree_at(lambda g: g.reverse, seen, None)
    np.testing.assert_array_equal(block.of_neighbors(features), found)


def test_features_of_neighbors_differentiate_to_third_order_in_both_modes():
    neighbors = Neighbors.allocate(random_structure(2, n=3), 4.0)
    rng = np.random.default_rng(0)
    seen, shape = graph(random_structure(2, n=3), neighbors), neighbors.index.shape
    features, along = jnp.asarray(rng.standard_normal((2, 2, shape[1])))
    weights = jnp.asarray(rng.standard_normal((2, *shape)))

    def thirds(of_neighbors):
        value = lambda t: jnp.sum(jnp.sin(of_neighbors(features + t * along)) * weights)  # noqa: E731
        slope = lambda mode: mode(mode(mode(value)))  # noqa: E731
        return jnp.stack([jax.vmap(slope(mode))(jnp.array([0.0, 0.3])) for mode in (jax.grad, jax.jacfwd)])

    found = jax.jit(lambda: thirds(seen.of_neighbors))()
    expected = jax.jit(lambda: thirds(lambda f: f[..., neighbors.index]))()
    np.testing.assert_allclose(found, expected, rtol=1e-11)  # a sum of some 200 terms of either sign


class Messages(AbstractPotential):
    """E_i = h_i after two rounds of h_i ← tanh(h_i + Σ_j (1 − r_ij²/r_c²)³ h_j), from h_i = 0.1."""

    cutoff: jax.Array
    gathered: bool = eqx.field(static=True)
    species: tuple[int, ...] = eqx.field(static=True, default=())

    @property
    def depth(self) -> int:
        return 2

    def atomic_energies(self, graph: Graph) -> jax.Array:
        near = jnp.where(graph.mask, jnp.maximum(1 - graph.squares / self.cutoff**2, 0.0) ** 3, 0.0)
        h = jnp.full(graph.numbers.shape, 0.1)
        for _ in range(2):
            h = jnp.tanh(h + jnp.sum(near * (h[graph.index] if self.gathered else graph.of_neighbors(h)), axis=0))
        return h


def test_messages_have_the_forces_of_a_gather_beyond_one_block():
    """Atoms in no order, more than a block holds: forces, and what the adjoint of a step wants."""
    rng = np.random.default_rng(0)
    system = System(14 * rng.random((300, 3)), 14 * np.eye(3), np.full(300, 14), np.full(300, 28.0))
    neighbors = Neighbors.allocate(system, 3.0)
    assert blocks_of(300, len(neighbors.index))[0] > 1
    w = jnp.asarray(rng.standard_normal((300, 3)))
    by_swap, by_gather = (
        eqx.filter_jit(lambda potential: work(potential, system, neighbors, w))(Messages(jnp.asarray(3.0), gathered))
        for gathered in (False, True)
    )
    close = lambda a, b: np.testing.assert_allclose(a, b, rtol=0, atol=1e-12)  # noqa: E731 — sums of numbers below 1
    jax.tree.map(close, jax.tree.leaves(by_swap), jax.tree.leaves(by_gather))


class Shallow(Messages):
    """Messages that go twice, and do not say so."""

    @property
    def depth(self) -> int:
        return 1


def test_messages_that_leave_their_block_are_refused():
    rng = np.random.default_rng(0)
    system = System(14 * rng.random((300, 3)), 14 * np.eye(3), np.full(300, 14), np.full(300, 28.0))
    with pytest.raises(ValueError, match=r"edges lead to \d+ atoms, but these are features of \d+: .* by its depth"):
        forces(Shallow(jnp.asarray(3.0), False), system, Neighbors.allocate(system, 3.0))


def test_messages_compile_without_a_scatter():
    """Forces, and their derivatives by positions in reverse mode."""
    system = random_structure(2, n=3)
    neighbors = Neighbors.allocate(system, 4.0)

    def stiffness(potential, x):
        slope = jax.grad(lambda x: total_energy(potential, system.replace(positions=x), neighbors))
        return jax.grad(lambda x: jnp.sum(slope(x) ** 2))(x)

    def lowered(gathered: bool) -> str:
        return eqx.filter_jit(stiffness).lower(Messages(jnp.asarray(4.0), gathered), system.positions).lowered.as_text()

    assert "stablehlo.scatter" not in lowered(False)
    assert "stablehlo.scatter" in lowered(True)
