"""Bond angles of crystals whose angles are known, and differences."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from helpers import rattled

from diffsim import AngularDistribution, Neighbors, State, StillingerWeber, System
from diffsim.potentials import LennardJones
from tests.helpers import differences

SW = StillingerWeber.silicon()
CENTERS = np.arange(1.0, 180.0, 2.0)
LJ = LennardJones(epsilon=0.01, sigma=3.0, cutoff=6.0)


def frame(system: System) -> State:
    return State(system, Neighbors.allocate(system, 6.3))


def of_one(observable: AngularDistribution, state: State, potential=LJ):
    records = jax.tree.map(lambda x: x[None], observable.record(potential, state))
    return observable.estimate(records, jnp.ones(1))


def test_bonds_of_diamond_enclose_the_tetrahedral_angle():
    p = of_one(AngularDistribution(CENTERS, 2.6, 3.0, width=1e-4), frame(System.from_ase(bulk("Si", a=5.431))))
    expected = np.where(np.abs(CENTERS - 109.47122) < 1, 0.5, 0.0)
    np.testing.assert_allclose(p[0], expected, atol=1e-12)


def test_straight_bonds_are_counted_in_full_and_have_finite_slopes():
    """Simple cubic: 12 of 15 angles are 90°, 3 are 180°."""
    state = frame(System.from_ase(bulk("Po", "sc", a=3.3)))
    observable = AngularDistribution(CENTERS, 3.6, 4.0, width=3.0)
    p = np.asarray(of_one(observable, state)[0]) * 2.0
    assert p[CENTERS < 135].sum() == pytest.approx(12 / 15, abs=1e-8)  # tails of 2e-9
    assert p.sum() == pytest.approx(1, abs=1e-8)  # the mirror at 180° gives back what leaves

    def loss(x):
        moved = state.replace(system=state.system.replace(positions=x))
        return jnp.sum(of_one(observable, moved)[0, :60] ** 2)

    assert np.isfinite(jax.grad(loss)(state.system.positions)).all()


def test_partials_are_told_by_their_centre():
    """Linear O-C-O in a row: 180° at the carbon."""
    atoms = Atoms("OCO", [[0, 0, 0], [1.2, 0, 0], [2.4, 0, 0]], cell=[20, 20, 20], pbc=True)
    names = ("O-C-O", "C-O-O", "total")
    p = of_one(AngularDistribution(CENTERS, 1.4, 1.6, width=0.1, triplets=names), frame(System.from_ase(atoms)))
    np.testing.assert_allclose(p[0], np.where(CENTERS > 178, 0.5, 0.0), atol=1e-9)
    np.testing.assert_allclose(p[1], 0.0)
    np.testing.assert_allclose(p[2], p[0])


def test_random_vectors_have_the_angles_of_a_sphere():
    """P(θ) = ½ sin θ: a gas in a sphere around one fixed atom, 4950 angles."""
    rng = np.random.default_rng(0)
    vectors = rng.standard_normal((100, 3))
    vectors *= rng.uniform(2, 3, (100, 1)) / np.linalg.norm(vectors, axis=1)[:, None]
    atoms = Atoms("Ar" + "He" * 100, np.vstack([np.zeros(3), vectors]), cell=[30] * 3, pbc=True)
    centers = np.arange(15.0, 180, 30)
    p = of_one(AngularDistribution(centers, 3.5, 4.0, width=0.5, triplets=["He-Ar-He"]), frame(System.from_ase(atoms)))
    edges = np.radians(np.arange(0, 181, 30))
    np.testing.assert_allclose(p[0] * 30, -0.5 * np.diff(np.cos(edges)), atol=0.025)  # 4 errors √(p/n)


def test_derivatives_are_differences_in_both_modes():
    system = rattled(bulk("NaCl", "zincblende", a=5.4), 0.1, strain=0.05)
    state = frame(system)
    observable = AngularDistribution(np.arange(5.0, 180, 10.0), 2.3, 3.6, triplets=["total", "Na-Cl-Na"])
    loads = jnp.asarray(np.random.default_rng(0).standard_normal((2, 18)))

    def loss(x):
        return jnp.sum(loads * of_one(observable, state.replace(system=system.replace(positions=x.reshape(2, 3)))))

    at = system.positions.reshape(-1)
    reverse, forward = jax.jit(jax.grad(loss))(at), jax.jit(jax.jacfwd(loss))(at)
    np.testing.assert_allclose(reverse, forward, rtol=1e-9, atol=1e-12)
    # Gaussians of 10° on bonds of 2.3 Å: 1e-3 Å is 4e-3 widths, to the fourth power 3e-10
    expected = differences(jax.jit(loss), at, 1e-3)
    np.testing.assert_allclose(reverse, expected, rtol=1e-6, atol=1e-6 * np.abs(expected).max())


def test_frames_count_by_their_weight():
    a = frame(System.from_ase(bulk("Si", a=5.431)))
    observable = AngularDistribution(CENTERS, 2.6, 3.0)
    found, every = observable.record(LJ, a)
    records = jnp.stack([found, jnp.roll(found, 5, axis=1)]), jnp.stack([every, every])
    mixed = observable.estimate(records, jnp.array([0.25, 0.75]))
    single = of_one(observable, a)
    np.testing.assert_allclose(mixed, 0.25 * single + 0.75 * jnp.roll(single, 5, axis=1), rtol=1e-12)


def test_bonds_beyond_the_neighbours_are_refused():
    state = frame(System.from_ase(bulk("Si", a=5.431)))
    with pytest.raises(ValueError, match=r"bonds up to 5 Å are not all among the neighbours within 3\.771 Å"):
        AngularDistribution(CENTERS, 4.0, 5.0).record(SW, state)
    with pytest.raises(ValueError, match="0 < onset < cutoff"):
        AngularDistribution(CENTERS, 4.0, 3.0)
    with pytest.raises(ValueError, match="bins must lie within 0 and 180°"):
        AngularDistribution([0.0, 10.0], 2.0, 3.0)
