"""Dropout: what is left of networks, what it does to training, and what it knows."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from ase.build import bulk

import diffsim
from diffsim import BehlerParrinello, Ensemble, SchNet, StillingerWeber, Sum
from diffsim.data.configurations import unlabelled
from diffsim.potentials.dropout import dropout_ensemble, thinned
from diffsim.training import TrainingState, errors_of, referenced, relabelled, scaled, standardised, train
from tests.helpers import rattled

NETWORK = SchNet.init(("Si",), 1, cutoff=4.0, depth=2, features=4, radial=4)
CELL = rattled(bulk("Si", a=5.43), 0.1, strain=0.05)


def test_units_are_missing_or_count_more_and_on_average_nothing_is_changed():
    rate, few, mean = 0.25, 400, 0.0
    (first, second), (_, whole) = thinned(NETWORK, rate, 0).filters.layers, NETWORK.filters.layers
    np.testing.assert_array_equal(first.weight, NETWORK.filters.layers[0].weight)
    np.testing.assert_array_equal(second.bias, whole.bias)
    for seed in range(few):
        second = thinned(NETWORK, rate, seed).filters.layers[1]
        ratio = np.asarray(second.weight / whole.weight)  # [depth outputs inputs]
        assert (np.isclose(ratio, 0) | np.isclose(ratio, 1 / (1 - rate))).all()
        assert np.allclose(ratio, ratio[:, :1])  # alike for whatever reads it
        mean += ratio[:, 0] / few
    np.testing.assert_allclose(mean, 1.0, atol=4 * np.sqrt(rate / (1 - rate) / few))
    networks = [np.asarray(thinned(NETWORK, 0.5, 0).outward.layers[1].weight)[step] == 0 for step in range(2)]
    assert (networks[0][0] != networks[1][0]).any()  # each network of a stack has its own


def test_a_thinned_potential_is_a_potential_like_any_other():
    thin = thinned(NETWORK, 0.5, 3)
    assert abs(diffsim.energy(thin, CELL) - diffsim.energy(NETWORK, CELL)) > 1e-3
    forces, h, along = diffsim.forces(thin, CELL), 1e-4, np.random.default_rng(0).standard_normal((2, 3))
    at = lambda s: diffsim.energy(thin, CELL.replace(positions=CELL.positions + s * along))  # noqa: E731
    np.testing.assert_allclose(-np.sum(forces * along), (at(h) - at(-h)) / (2 * h), rtol=1e-6)


def test_a_rate_of_zero_leaves_nothing_out():
    same = jax.tree.map(lambda a, b: bool(jnp.all(a == b)), thinned(NETWORK, 0.0, 3), NETWORK)
    assert all(jax.tree.leaves(same))


def test_opinions_are_members_of_an_ensemble():
    potential = Sum((StillingerWeber.silicon(), NETWORK))
    opinions = dropout_ensemble(potential, 0.2, 3, 0)
    assert isinstance(opinions, Ensemble)
    energies = [float(diffsim.energy(member, CELL)) for member in opinions.members]
    assert len({*energies}) == 3
    np.testing.assert_allclose(diffsim.energy_deviation(opinions, CELL), np.std(energies) / 2, rtol=1e-10)


def test_bad_rates_and_potentials_are_refused():
    for rate in (-0.1, 1.0):
        with pytest.raises(ValueError, match=f"a rate of dropout must be from 0 on and below 1, got {rate}"):
            thinned(NETWORK, rate, 0)
    with pytest.raises(ValueError, match="StillingerWeber has no networks with hidden layers"):
        thinned(StillingerWeber.silicon(), 0.1, 0)


def labelled(amplitude: float, seeds: range) -> list[diffsim.Configuration]:
    """Stillinger–Weber's labels of crystals rattled by so much."""
    systems = [rattled(bulk("Si", a=5.43, cubic=True), amplitude, seed, strain=0.03) for seed in seeds]
    return relabelled(StillingerWeber.silicon(), unlabelled(systems))


def fit(dropout: float, epochs: int, state: TrainingState | None = None) -> TrainingState:
    data = labelled(0.1, range(12))
    model = BehlerParrinello.init(("Si",), 0, cutoff=4.0, hidden=(16,))
    start = referenced(scaled(standardised(model, data), data), data)
    given = {"epochs": epochs, "batch_size": 4, "dropout": dropout, "state": state}
    *_, last = train(start, data[:10], data[10:], optax.adam(3e-2), **given)
    return last


def test_training_with_dropout_goes_on_as_in_one_go_and_is_for_thinned_networks():
    """They do better than those of a network that was never without a unit, which does better as a whole."""
    dropped, part, undropped = fit(0.2, 60), fit(0.2, 30), fit(0.0, 60)
    jax.tree.map(np.testing.assert_array_equal, fit(0.2, 30, part).memory, dropped.memory)
    unseen = labelled(0.1, range(20, 24))

    def error(potential: diffsim.AbstractPotential) -> float:
        return errors_of(relabelled(potential, unseen), unseen)["all"].forces_rmse

    thin = [
        np.mean([error(member) for member in dropout_ensemble(state.potential, 0.2, 4, 1).members])
        for state in (dropped, undropped)
    ]
    assert thin[0] < 0.8 * thin[1]
    assert error(undropped.potential) < error(dropped.potential) < thin[0]


def test_a_rate_of_training_is_checked_before_anything_is_compiled():
    with pytest.raises(ValueError, match=r"a rate of dropout must be from 0 on and below 1, got -0\.5"):
        fit(-0.5, 1)
