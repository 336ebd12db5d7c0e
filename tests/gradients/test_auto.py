"""Which method is chosen for what, that the choice is kept, and what stands side by side in a comparison."""

import dataclasses
import json

import jax
import jax.numpy as jnp
import numpy as np
import optimistix as optx
import pytest

from diffsim import (
    Aboba,
    Auto,
    Experiment,
    PotentialEnergy,
    Schedule,
    Target,
    compare_gradients,
    decided,
    evaluate,
    fit,
    load_state,
    save_state,
    units,
)
from diffsim.choice import judged, paths
from diffsim.gradients import Forward, Implicit, Reversible, Reweighting, Score, Truncated
from diffsim.measured import Gradient
from diffsim.parametrization import Parametrization
from diffsim.pilot import Pilot
from tests.fits import START, argon_from_its_truth
from tests.test_fit_dynamics import ARGON, SW, VACF, VERLET, WARM, argon, vibrating, warm

LJ = argon(0.0104)
NOISY = Aboba(8 * units.fs, 40.0, friction=1 / (0.5 * units.ps))


def moving(simulator, observable, *, frames: int, stride: int) -> Experiment:
    """Argon, with one target; nothing is run."""
    schedule = Schedule(frames=frames, stride=stride)
    reference = np.zeros((1, 10)) if observable is VACF else 0.0
    return Experiment(ARGON, {"it": Target(observable, reference, 1.0)}, Auto(), simulator, schedule, temperature=40.0)


def measured(experiment: Experiment, *, growth: float, memory: float = 0.05) -> Pilot:
    """A pilot run that has found this growth in 1/ps and correlation time in ps."""
    held = Parametrization.of(LJ, ["epsilon"])
    length = experiment.schedule.steps * float(experiment.simulator.dt) / units.ps
    return Pilot(LJ, experiment, held, [], jnp.zeros(1), 1.0, 0, growth, memory, length)


def judge(run: Pilot, noise: float = 0.1):
    """The choice where every method has this relative error, and which were looked at."""
    looked = []

    def look(name, method):
        looked.append(name)
        return Gradient(method, name, np.ones(1), noise * np.ones(1), 4, 2.0, 1000)

    return judged(run, look), looked


def test_a_short_path_is_differentiated():
    choice, looked = judge(measured(moving(VERLET, VACF, frames=20, stride=5), growth=1.0))
    assert isinstance(choice.method, Reversible)
    assert looked == ["Reversible", "Forward"]  # one parameter: tangents may be cheaper
    assert "so a path can be differentiated to 7 ps" in choice.certificate


def test_a_path_without_chaos_is_differentiated_however_the_starts_scatter():
    run = measured(moving(VERLET, VACF, frames=20, stride=5), growth=1.0)
    assert judge(run, noise=2.0)[0].method is not None
    longer = measured(moving(VERLET, VACF, frames=200, stride=10), growth=1.0)  # 4 ps
    assert judge(longer, noise=2.0)[0].method is None


def test_a_long_average_under_a_thermostat_is_reweighted_and_its_path_is_not_looked_at():
    choice, looked = judge(measured(moving(WARM, PotentialEnergy(), frames=200, stride=20), growth=1.0))
    assert isinstance(choice.method, Reweighting)
    assert looked == ["Reweighting"]
    assert "32 ps are 640 correlation times" in choice.certificate


def test_what_is_not_yet_an_average_is_differentiated_along_its_path():
    run = measured(moving(WARM, PotentialEnergy(), frames=10, stride=5), growth=1.0, memory=0.2)
    assert judge(run)[1] == ["Reversible", "Forward"]


def test_a_long_correlation_is_scored_where_the_noise_allows_it():
    choice, looked = judge(measured(moving(NOISY, VACF, frames=200, stride=10), growth=1.0))
    assert choice.method == Score()
    assert looked == ["Score"]
    assert "no path: over 16 ps neighbouring paths part by e^16.0" in choice.certificate


def test_a_long_correlation_without_noise_is_truncated_to_its_lags_with_the_bias_said():
    choice, _ = judge(measured(moving(VERLET, VACF, frames=400, stride=50), growth=1.0))  # lags of 1 ps
    assert choice.method == Truncated(window=1500)  # 3/λ, longer than the lags
    assert "a bias that is not measured" in choice.certificate
    choice, _ = judge(measured(moving(VERLET, VACF, frames=400, stride=200), growth=1.0))  # lags of 4 ps
    assert choice.method == Truncated(window=2000)


def test_where_no_method_is_valid_the_reasons_are_said():
    choice, looked = judge(measured(moving(VERLET, VACF, frames=400, stride=400), growth=1.0))  # lags of 8 ps
    assert choice.method is None
    assert not looked
    for reason in ("no path: over 320 ps", "no Reweighting", "no Score: only the noise of", "no Truncated: within"):
        assert reason in choice.certificate


def test_a_method_that_is_too_noisy_gives_way():
    choice, _ = judge(measured(moving(WARM, PotentialEnergy(), frames=200, stride=20), growth=1.0), noise=1.5)
    assert choice.method is None
    assert "Reweighting: one evaluation has an error of 150% of the gradient" in choice.certificate


def test_many_parameters_are_not_carried_as_tangents():
    run = measured(moving(VERLET, VACF, frames=20, stride=5), growth=1.0)
    many = run._replace(held=Parametrization.of(SW, None))
    assert list(paths(many)) == ["Reversible"]
    assert list(paths(run)) == ["Reversible", "Forward"]


def test_a_structure_at_rest_is_implicit():
    experiments = argon_from_its_truth()
    resting = {name: dataclasses.replace(one, gradient=Auto()) for name, one in experiments.items()}
    chosen = decided(START, resting)["crystal"].gradient
    assert isinstance(chosen.chosen, Implicit)
    assert "the structure is at rest" in chosen.certificate


def test_predictions_need_no_choice_but_derivatives_do():
    assert np.isfinite(evaluate(SW, {"run": vibrating(Auto())})["run"]["vacf"]).all()
    experiment = vibrating(Auto())
    state = experiment.start(SW)
    slope = jax.grad(lambda e: experiment.predict(_with(e), state)[0]["vacf"].sum())
    with pytest.raises(ValueError, match="Auto has not chosen a method yet"):
        slope(SW.epsilon)


def _with(epsilon):
    return dataclasses.replace(SW, epsilon=epsilon)


def test_words_bring_the_choice_back():
    for method in (Truncated(window=20), Reversible(measured=False), Score(), Reweighting(), Forward()):
        auto = Auto(method, "because")
        assert Auto.from_words(auto.words) == auto


@pytest.mark.slow
def test_a_fit_that_goes_on_keeps_the_choice(tmp_path, monkeypatch):
    """And without one it makes a pilot run, whose choice is good enough to find the parameter again."""
    seen = evaluate(SW, {"run": vibrating(Forward())})["run"]["vacf"]
    start = dataclasses.replace(SW, lam=1.1 * SW.lam)
    experiments = {"run": vibrating(Auto(), seen)}
    solver = optx.LevenbergMarquardt(rtol=1e-15, atol=1e-15)  # goes on for ever
    given = {"optimizer": solver, "trainable": ["lam"]}
    *_, last = fit(start, experiments, steps=5, **given)
    assert float(last.potential.lam) == pytest.approx(float(SW.lam), rel=1e-4)
    told = json.loads(last.memory.gradients["run"])
    assert told["method"] in ("Reversible", "Forward")
    assert "neighbouring paths part by" in told["certificate"]

    def refuse(*_):
        raise AssertionError("a second pilot run")

    monkeypatch.setattr("diffsim.choice.pilot", refuse)
    save_state(tmp_path / "state.npz", last)
    for state in (last, load_state(tmp_path / "state.npz")):
        *_, more = fit(start, experiments, steps=1, state=state, **given)
        assert more.memory.gradients == last.memory.gradients


@pytest.mark.slow
def test_methods_stand_side_by_side():
    """All path methods have the same gradient, reweighting one within their errors, and the rest say why not."""
    experiment = dataclasses.replace(warm(-1.0), schedule=Schedule(frames=40, stride=20, equilibration=40))
    methods = {"Reversible": Reversible(measured=False), "Forward": Forward(), "Reweighting": Reweighting()}
    methods |= {"Score": Score(window=20), "Implicit": Implicit()}
    found = compare_gradients(LJ, experiment, methods, trainable=["epsilon"])
    rows = {one.name: one for one in found.gradients}
    assert list(rows) == list(methods)
    np.testing.assert_allclose(rows["Forward"].mean, rows["Reversible"].mean, rtol=1e-6)
    apart = abs(rows["Forward"].mean - rows["Reweighting"].mean)
    # 4 evaluations each: three errors of the difference, and a tenth for what 640 fs of equilibration leave
    assert apart < 1.5 * np.hypot(rows["Forward"].error, rows["Reweighting"].error) + 0.1 * abs(rows["Forward"].mean)
    assert 0 < rows["Reweighting"].effective_sample_size < 40
    assert "Score needs the simulator Aboba" in rows["Score"].refusal
    assert "Implicit is for what is at rest" in rows["Implicit"].refusal
    assert found.recommendation.method == Reweighting()
    assert rows["Forward"].memory > 0


def test_replicas_are_truncated_together():
    """Their derivative is the mean of those of each alone."""
    experiment = dataclasses.replace(
        warm(0.0, replicas=2), gradient=Truncated(window=7), schedule=Schedule(frames=2, stride=10)
    )
    state = experiment.start(LJ)

    def by(state):
        mean = lambda e: experiment.predict(argon(e), state)[0]["energy"]  # noqa: E731
        return jax.jit(jax.grad(mean))(LJ.epsilon)

    alone = [by(jax.tree.map(lambda leaf, m=m: leaf[m], state)) for m in range(2)]
    assert float(by(state)) == pytest.approx(float(np.mean(alone)), rel=1e-10)


def test_one_trajectory_is_not_scored_against_itself():
    experiment = dataclasses.replace(moving(NOISY, VACF, frames=20, stride=5), gradient=Score())
    with pytest.raises(ValueError, match="Score without a window weighs trajectories against each other"):
        experiment.predict(LJ, experiment.start(LJ))


@pytest.mark.parametrize(
    ("experiment", "more", "sentence"),
    [
        (argon_from_its_truth()["crystal"], {}, "gradients are compared where something moves"),
        (vibrating(Forward()), {"repeats": 1}, "an error needs at least 2 repeats, got 1"),
    ],
)
def test_comparisons_that_make_no_sense_are_refused(experiment, more, sentence):
    with pytest.raises(ValueError, match=sentence):
        compare_gradients(SW, experiment, **more)
