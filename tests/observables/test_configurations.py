"""Energies and forces of a batch against those of each structure alone."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optimistix
import pytest
from ase.build import bulk
from helpers import rattled

from diffsim import (
    ConfigurationEnergies,
    ConfigurationForces,
    Experiment,
    State,
    StillingerWeber,
    Target,
    energy,
    fit,
    forces,
)
from diffsim.data.batching import batch
from diffsim.mechanics import neighbors_of

SW = StillingerWeber.silicon()
STRUCTURES = [
    rattled(bulk("Si", a=5.43, cubic=True), 0.2, seed=1),
    rattled(bulk("Si", a=5.5), 0.1, seed=2),
    rattled(bulk("Si", a=5.3, cubic=True), 0.3, seed=3),
]
SYSTEMS, LISTS = batch(STRUCTURES, 5.0)
ENERGIES = ConfigurationEnergies(systems=SYSTEMS, neighbors=LISTS)
FORCES = ConfigurationForces(systems=SYSTEMS, neighbors=LISTS)
REST = State(STRUCTURES[1], neighbors_of(SW, STRUCTURES[1], None))  # of no consequence


def test_they_are_those_of_each_structure_alone():
    alone = np.array([float(energy(SW, one)) / len(one.numbers) for one in STRUCTURES])
    np.testing.assert_allclose(ENERGIES.record(SW, REST), alone - alone.mean(), rtol=0, atol=1e-12)
    found = FORCES.record(SW, REST)
    for one, mine in zip(STRUCTURES, found, strict=True):
        np.testing.assert_allclose(mine[: len(one.numbers)], forces(SW, one), rtol=0, atol=1e-12)
        assert not np.any(mine[len(one.numbers) :])  # padding


def test_forces_follow_the_scale_of_energy():
    """F is proportional to ε, so ε ∂F/∂ε = F: exact."""
    loads = jax.random.normal(jax.random.key(0), (3, 8, 3))
    slope = eqx.filter_grad(lambda potential: jnp.sum(loads * FORCES.record(potential, REST)))(SW).epsilon
    np.testing.assert_allclose(SW.epsilon * slope, jnp.sum(loads * FORCES.record(SW, REST)), rtol=1e-12)


def test_a_list_that_is_too_short_gives_no_number():
    wide = eqx.tree_at(lambda p: p.a, SW, jnp.asarray(2.5))  # a cutoff of 5.2 Å
    for observable in (ENERGIES, FORCES):
        assert np.isnan(observable.record(wide, REST)).all()


def test_force_matching_finds_the_parameters_that_made_the_forces():
    targets = {
        "energies": Target(ENERGIES, ENERGIES.record(SW, REST), 0.01),
        "forces": Target(FORCES, FORCES.record(SW, REST), 0.1),
    }
    start = eqx.tree_at(lambda p: (p.sigma, p.lam, p.gamma), SW, (SW.sigma * 1.03, SW.lam * 0.8, SW.gamma * 1.05))
    optimizer = optimistix.LevenbergMarquardt(rtol=1e-8, atol=1e-8)
    experiments = {"data": Experiment(STRUCTURES[1], targets)}
    *_, last = fit(start, experiments, optimizer, steps=12, trainable=["sigma", "lam", "gamma"])
    for name in ("sigma", "lam", "gamma"):
        assert float(getattr(last.potential, name)) == pytest.approx(float(getattr(SW, name)), rel=1e-6)
