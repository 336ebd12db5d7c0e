"""Fits that must find what is known, and refusals before anything is compiled."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from ase.build import bulk

import diffsim
from diffsim import (
    ElasticConstants,
    EquationOfState,
    Experiment,
    Implicit,
    LatticeConstant,
    PhononFrequencies,
    Stress,
    System,
    Target,
    evaluate,
    fit,
)
from diffsim.fit import problem_of
from diffsim.optimizers import method_for
from diffsim.potentials import LennardJones, Morse, StillingerWeber
from tests.fits import ARGON, LM, START, TRUTH, argon_from_its_truth
from tests.helpers import differences


@pytest.fixture(scope="module")
def experiments():
    return argon_from_its_truth()


def test_levenberg_marquardt_recovers_the_truth(experiments):
    *_, last = fit(START, experiments, LM, steps=15, trainable=["epsilon", "sigma"])
    assert last.step <= 15
    assert last.loss < 1e-15
    assert float(last.potential.epsilon) == pytest.approx(0.0104, rel=1e-8)
    assert float(last.potential.sigma) == pytest.approx(3.40, rel=1e-8)
    assert float(last.potential.cutoff) == 6.0  # not trainable


def test_adam_goes_the_same_way_and_can_be_resumed(experiments):
    adam = optax.adam(1e-2)
    whole = list(fit(START, experiments, adam, steps=6, trainable=["epsilon", "sigma"]))
    assert whole[-1].loss < 0.5 * whole[0].loss
    first = list(fit(START, experiments, adam, steps=3, trainable=["epsilon", "sigma"]))
    rest = list(fit(START, experiments, adam, steps=3, trainable=["epsilon", "sigma"], state=first[-1]))
    assert [s.step for s in first + rest] == [1, 2, 3, 4, 5, 6]
    np.testing.assert_allclose([s.loss for s in first + rest], [s.loss for s in whole], rtol=1e-12)


@pytest.mark.parametrize("optimizer", [optax.sgd(1e-9), LM], ids=["descent", "least_squares"])
def test_states_tell_their_own_loss_and_predictions(experiments, optimizer):
    *_, state = fit(START, experiments, optimizer, steps=2, trainable=["epsilon", "sigma"])
    again = evaluate(state.potential, experiments)
    for name, prediction in state.predictions["crystal"].items():
        np.testing.assert_allclose(prediction, again["crystal"][name], rtol=1e-9)
    residuals = experiments["crystal"].residuals(again["crystal"])
    assert state.loss == pytest.approx(0.5 * float(jnp.sum(residuals**2)), rel=1e-8)
    np.testing.assert_allclose(state.start["crystal"]["a"], evaluate(START, experiments)["crystal"]["a"], rtol=1e-12)


def test_the_gradient_of_the_loss_is_its_difference(experiments):
    """Through relaxation, implicit derivative, elastic constants and log space."""
    problem = problem_of(START, experiments, ["epsilon", "sigma", "onset"])
    loss = jax.jit(lambda x: problem.loss(x)[0])
    free = problem.parametrization.start
    reverse, forward = jax.grad(loss)(free), jax.jacfwd(loss)(free)
    np.testing.assert_allclose(reverse, forward, rtol=1e-9)
    np.testing.assert_allclose(forward, differences(loss, free), rtol=1e-6)


def test_lists_grow_with_the_structure():
    """A fit whose crystal grows by 15 % outruns any list made at its start."""
    start = LennardJones(epsilon=0.0104, sigma=3.40, cutoff=5.0, onset=4.5)
    targets = {"a": Target(LatticeConstant(4), 6.1, 0.01)}
    experiment = Experiment(System.from_ase(bulk("Ar", a=5.3)), targets, Implicit(cell=True))
    *_, last = fit(start, [experiment], LM, steps=12, trainable=["sigma", "cutoff"])
    assert float(last.predictions["0"]["a"]) == pytest.approx(6.1, abs=1e-4)
    np.testing.assert_allclose(evaluate(last.potential, {"0": experiment})["0"]["a"], last.predictions["0"]["a"])


def test_a_stress_target_keeps_a_crystal_at_its_size():
    experiment = Experiment(System.from_ase(bulk("Ar", a=5.4)), {"stress": Target(Stress(), np.zeros(6), 0.01)})
    *_, last = fit(TRUTH, {"fixed": experiment}, LM, steps=8, trainable=["sigma"])
    relaxed = diffsim.relax(last.potential, ARGON, cell=True)
    assert float(jnp.cbrt(4 * relaxed.volume)) == pytest.approx(5.4, abs=1e-4)


def test_the_equation_of_state_is_that_of_the_strained_crystal():
    volumes = np.array([34.0, 37.0, 40.0])
    target = Target(EquationOfState(volumes), np.zeros(3), 1.0)
    found = evaluate(TRUTH, {"e": Experiment(ARGON, {"eos": target}, Implicit(cell=True))})["e"]["eos"]
    relaxed = diffsim.relax(TRUTH, ARGON, cell=True)
    energies = [diffsim.energy(TRUTH, System.from_ase(bulk("Ar", a=(4 * v) ** (1 / 3)))) for v in volumes]
    np.testing.assert_allclose(found, np.array(energies) - float(diffsim.energy(TRUTH, relaxed)), atol=1e-12)


def test_vacancies_and_phases_are_measured_against_the_relaxed_crystal():
    crystal = diffsim.relax(TRUTH, ARGON, cell=True)
    vacancy = diffsim.VacancyFormationEnergy(ARGON, (3, 3, 3), 7.0)
    hcp = diffsim.PhaseEnergy(System.from_ase(bulk("Ar", "hcp", a=3.7, c=6.1)), 7.0, "hcp")
    targets = {"vacancy": Target(vacancy, 0.1, 1.0), "hcp": Target(hcp, 0.0, 1.0)}
    found = evaluate(TRUTH, {"e": Experiment(ARGON, targets, Implicit(cell=True))})["e"]
    whole = crystal.supercell((3, 3, 3))
    holed = System(whole.positions[1:], whole.cell, whole.numbers[1:], whole.masses[1:])
    expected = diffsim.energy(TRUTH, diffsim.relax(TRUTH, holed)) - 26 / 27 * diffsim.energy(TRUTH, whole)
    assert float(found["vacancy"]) == pytest.approx(float(expected), abs=1e-10)
    relaxed = diffsim.relax(TRUTH, hcp.structure, cell=True)
    expected = diffsim.energy(TRUTH, relaxed) / 2 - diffsim.energy(TRUTH, crystal)
    assert float(found["hcp"]) == pytest.approx(float(expected), abs=1e-10)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"steps": 0}, "steps must be positive, got 0"),
        ({"trainable": ["epsilom"]}, "did you mean 'epsilon'"),
        ({"experiments": {}}, "nothing to fit to"),
    ],
)
def test_refusals_come_with_the_call(experiments, arguments, sentence):
    given = {"experiments": experiments, "optimizer": LM} | arguments
    with pytest.raises(ValueError, match=sentence):
        fit(START, given.pop("experiments"), given.pop("optimizer"), **given)


def test_other_optimizers_are_refused():
    with pytest.raises(ValueError, match="must be an optax transformation, one of optimistix"):
        method_for("adam")


def test_targets_of_a_wrong_shape_are_refused_before_anything_is_compiled():
    target = Target(PhononFrequencies(np.zeros((2, 3))), np.zeros((2, 2)), 0.1)
    with pytest.raises(ValueError, match=r"target 'ph' of experiment 'x' predicts an array of shape \[2, 3\]"):
        fit(START, {"x": Experiment(ARGON, {"ph": target})}, LM)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"unit": "nm"}, "predicted in 'Å', but its reference is in 'nm'"),
        ({"reference": np.nan}, "must be finite"),
        ({"scale": 0.0}, "scale of LatticeConstant must be positive"),
        ({"weight": -1.0}, "must not be negative"),
        ({"scale": [1.0, 2.0]}, "reference's shape"),
    ],
)
def test_targets_say_what_is_wrong(changes, sentence):
    with pytest.raises(ValueError, match=sentence):
        Target(**({"observable": LatticeConstant(4), "reference": 5.3, "scale": 0.01} | changes))


def test_a_fit_that_runs_away_says_so():
    morse = Morse(D=0.01, alpha=1.5, r0=3.7, cutoff=6.0)
    experiment = Experiment(ARGON, {"a": Target(LatticeConstant(4), 5.3, 1e-3)}, Implicit(cell=True))
    with pytest.raises(ValueError, match=r"the loss is|keeps growing"):
        for _ in itertools.islice(fit(morse, [experiment], optax.sgd(1e9), trainable=["D", "r0"]), 5):
            pass


@pytest.mark.slow
def test_silicon_gradients_reach_every_parameter():
    """One descent step on silicon's elastic constants and phonons moves all ten parameters."""
    sw = StillingerWeber.silicon()
    silicon = System.from_ase(bulk("Si", a=5.45))
    targets = {
        "C": Target(ElasticConstants(), [153.0, 57.0, 75.0], 3.0),
        "X": Target(PhononFrequencies([[0.5, 0, 0.5]]), [[4.4, 4.4, 12.0, 12.0, 13.3, 13.3]], 0.5),
    }
    state = next(fit(sw, [Experiment(silicon, targets)], optax.adam(1e-3), steps=1))
    for name, before in diffsim.fields.parameters(sw).items():
        assert float(getattr(state.potential, name)) != float(before.value), name
