"""Phonons of potentials that pass messages, at wave vectors that are fractions."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from ase.build import bulk

import diffsim
from diffsim import DirectSchNet, PhononFrequencies, SchNet, StillingerWeber, Sum, Target
from diffsim.graph import graph
from diffsim.observables.phonons import bloch_matrix, dynamical_matrix, edge_hessians
from diffsim.observables.ring import denominator, ring_matrix
from diffsim.system import lattice_points
from tests.helpers import rattled

SW = StillingerWeber.silicon()
POINTS = np.array([[0, 0, 0], [0.5, 0, 0.5], [0.5, 0.5, 0.5], [1 / 3, 0, 0], [-2 / 3, 0.5, 0.5]])
CELL = rattled(bulk("Si", a=5.43), 0.1, strain=0.05)  # triclinic, no symmetry


def network(depth: int) -> SchNet:
    return SchNet.init(("Si",), 1, cutoff=4.0, depth=depth, features=3, radial=4, activation="silu")


def test_the_cells_of_a_ring():
    assert denominator(POINTS[:1]) == 1
    assert denominator(POINTS[:3]) == 2
    assert denominator(POINTS) == 6
    assert denominator([[0.003125, 0, 0.0125]]) == 320
    assert denominator([[0.1234, 0, 0]]) is None  # 5000 cells
    assert denominator([[0.0, np.pi, 0]]) is None


@pytest.mark.parametrize("potential", [SW, network(1)], ids=["stillinger_weber", "network"])
def test_a_ring_has_the_phonons_of_one_cell_where_edges_tell_all(potential):
    """At wave vectors whose own ring would be shorter, too."""
    neighbors = diffsim.Neighbors.allocate(CELL, potential.cutoff + 0.5)
    found = jax.jit(jax.vmap(lambda q: ring_matrix(potential, CELL, neighbors, q, 6)))(jnp.asarray(POINTS))
    expected = dynamical_matrix(potential, CELL, POINTS)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-10 * np.abs(expected).max())


DIRECT = DirectSchNet.init(("Si",), 1, cutoff=4.0, depth=1, features=3, radial=4)


@pytest.mark.parametrize("potential", [network(2), network(3), DIRECT], ids=["2", "3", "forces alone"])
def test_messages_carry_forces_between_cells_as_in_a_supercell(potential):
    """Against the Hessian of the supercell, of which a list is made."""
    repeats = (3, 2, 2)
    points = np.array([[0, 0, 0], [1 / 3, 0, 0], [2 / 3, 0.5, 0.5]])
    constants = np.asarray(diffsim.force_constants(potential, CELL, repeats))
    cells, n = lattice_points(repeats), len(CELL.numbers)
    blocks = constants[:: len(cells)].reshape(n, n, len(cells), 3, 3)
    places = np.asarray(CELL.positions) @ np.linalg.inv(CELL.cell)
    between = cells + (places[None] - places[:, None])[:, :, None]
    phases = np.exp(2j * np.pi * np.einsum("ijLx,qx->qijL", between, points))
    expected = np.einsum("ijLab,qijL->qiajb", blocks, phases).reshape(-1, 3 * n, 3 * n) / CELL.masses[0]
    expected = 0.5 * (expected + np.conj(np.swapaxes(expected, 1, 2)))  # of itself, where forces are derivatives
    found = dynamical_matrix(potential, CELL, points)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-10 * np.abs(expected).max())
    if potential is DIRECT:
        return
    seen = graph(CELL, diffsim.Neighbors.allocate(CELL, potential.cutoff))
    of_edges_alone = bloch_matrix(edge_hessians(potential, seen), seen, CELL, jnp.zeros(3))
    assert np.abs(of_edges_alone - expected[0]).max() > 1e-3 * np.abs(expected).max()


def test_their_frequencies_have_derivatives_by_every_weight():
    potential = Sum((SW, network(2)))
    target = Target(PhononFrequencies(POINTS[1:3]), np.zeros((2, 6)), 1.0)  # at Γ zeros are rounding
    state = diffsim.Experiment(CELL, {"": target}).start(potential)

    @eqx.filter_jit
    def loss(part):
        whole = eqx.tree_at(lambda p: p.parts[1], potential, part)
        return jnp.sum(jnp.sin(target.observable.record(whole, state)))

    slope = eqx.filter_jit(eqx.filter_grad(loss))(potential.parts[1])
    weights, rest = eqx.partition(potential.parts[1], eqx.is_inexact_array)
    rng = np.random.default_rng(0)
    along = jax.tree.map(lambda w: jnp.asarray(rng.standard_normal(w.shape)), weights)
    along = eqx.tree_at(lambda p: (p.cutoff, p.eta), along, (jnp.zeros(()), jnp.zeros(())))
    moved = lambda h: eqx.combine(jax.tree.map(lambda w, d: w + h * d, weights, along), rest)  # noqa: E731
    h = 1e-4
    expected = (loss(moved(h)) - loss(moved(-h))) / (2 * h)
    found = sum(jnp.vdot(s, d) for s, d in zip(jax.tree.leaves(slope), jax.tree.leaves(along), strict=True))
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_other_wave_vectors_are_refused_compiled_or_not():
    words = "SchNet looks beyond an atom's own edges, so only frequencies at wave vectors that are multiples of 1/m"
    with pytest.raises(ValueError, match=words):
        diffsim.phonon_frequencies(network(2), CELL, [[0.1234, 0.0, 0.0]])
    observable = PhononFrequencies([[0.1234, 0.0, 0.0]])
    state = diffsim.Experiment(CELL, {"": Target(observable, np.zeros((1, 6)), 1.0)}).start(network(2))
    with pytest.raises(ValueError, match=words):
        eqx.filter_jit(observable.record)(network(2), state)


def test_gruneisen_parameters_of_messages_are_slopes_of_frequencies():
    potential, points, h = Sum((SW, network(2))), POINTS[3:4], 1e-4
    crystal = diffsim.relax(potential, CELL)

    def logarithms(strain: float) -> np.ndarray:
        dilated = diffsim.relax(potential, crystal.strained(strain / 3 * jnp.eye(3)))
        return np.log(diffsim.phonon_frequencies(potential, dilated, points))

    expected = -(logarithms(h) - logarithms(-h)) / (2 * h)
    np.testing.assert_allclose(diffsim.mode_gruneisen(potential, crystal, points), expected, rtol=1e-5)
