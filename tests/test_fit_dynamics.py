"""Fits with trajectories inside the loop."""

import dataclasses
import itertools

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import optimistix as optx
import pytest
from ase.build import bulk
from helpers import rattled

from diffsim import (
    Experiment,
    Implicit,
    Langevin,
    LennardJones,
    Neighbors,
    PotentialEnergy,
    Schedule,
    SimulationError,
    StillingerWeber,
    System,
    Target,
    VelocityAutocorrelation,
    VelocityVerlet,
    evaluate,
    fit,
    units,
)
from diffsim.fit import problem_of
from diffsim.gradients import Forward, FromEquilibrium, Reversible, Reweighting, Truncated
from diffsim.optimizers import method_for, with_room
from diffsim.simulators.schedule import roomier

SW = StillingerWeber.silicon()
SILICON = rattled(bulk("Si", a=5.431, cubic=True), 0.02)
VERLET = VelocityVerlet(2 * units.fs)
VACF = VelocityAutocorrelation(lags=10)
ARGON = System.from_ase(bulk("Ar", a=5.4, cubic=True).repeat(2))
WARM = Langevin(8 * units.fs, 40.0, friction=1 / (0.5 * units.ps))


def vibrating(gradient, reference=None, potential=SW) -> Experiment:
    """The velocity autocorrelation of a warm crystal over 100 fs: what the given potential gives, or a reference."""
    schedule = Schedule(frames=20, stride=5)
    reference = np.zeros((1, 10)) if reference is None else reference
    return Experiment(SILICON, {"vacf": Target(VACF, reference, 1.0)}, gradient, VERLET, schedule, temperature=300.0)


@pytest.fixture(scope="module")
def vacf():
    return evaluate(SW, {"run": vibrating(Forward())})["run"]["vacf"]


@pytest.mark.parametrize(
    ("optimizer", "steps"), [(optx.LevenbergMarquardt(rtol=1e-8, atol=1e-8), 8), (optx.BFGS(rtol=1e-8, atol=1e-8), 25)]
)
def test_parameters_are_recovered_from_the_motion_that_they_cause(vacf, optimizer, steps):
    """Least squares in forward mode, quasi-Newton by running the path backwards."""
    start = eqx.tree_at(lambda p: (p.epsilon, p.lam), SW, (SW.epsilon * 1.1, SW.lam * 0.9))
    experiments = {"run": vibrating(Reversible(measured=False), vacf)}
    *_, last = fit(start, experiments, optimizer, steps=steps, trainable=["epsilon", "lam"])
    assert last.loss < 1e-10 * last.losses[0]
    assert float(last.potential.epsilon) == pytest.approx(float(SW.epsilon), rel=1e-5)
    assert float(last.potential.lam) == pytest.approx(float(SW.lam), rel=1e-5)


def test_starts_from_equilibrium_are_where_the_last_update_ended():
    """Each sample makes ten steps, the first before the first update. A path alone begins anew: its start is given."""
    way = {"schedule": Schedule(frames=2, stride=3, equilibration=4), "replicas": 2}
    for gradient, ends in ((Forward(), [0, 0]), (FromEquilibrium(Forward(), 300.0), [20, 30])):
        run = dataclasses.replace(vibrating(gradient), **way, targets={"energy": Target(PotentialEnergy(), -34.0, 1.0)})
        states = fit(SW, {"run": run}, optax.sgd(1e-6), steps=2, trainable=["epsilon"])
        assert [int(np.max(state.memory.states["run"].step)) for state in states] == ends


def test_a_fit_goes_on_when_a_list_is_too_short(vacf):
    experiments = {"run": vibrating(Forward(), vacf)}
    start = eqx.tree_at(lambda p: p.epsilon, SW, SW.epsilon * 1.05)
    fits = fit(start, experiments, optax.sgd(1e-6), steps=2, trainable=["epsilon"])
    first, *_ = fits
    problem = problem_of(start, experiments, ["epsilon"])
    state = problem.states["run"]
    narrow = state.replace(neighbors=Neighbors.allocate(SILICON, float(state.neighbors.radius) - 0.39))
    crowded = problem.starting_from({"run": narrow})
    method = method_for(optax.sgd(1e-6))
    assert method.start(crowded, crowded.parametrization.start).outcome.overflow
    _, moved = with_room(crowded, lambda p: method.start(p, p.parametrization.start))
    assert float(moved.outcome.loss) == pytest.approx(first.losses[0], rel=1e-9)


def test_a_list_that_was_too_short_gets_room_for_the_whole_way_at_once():
    """Where compiling takes long; a step more room each time would not do."""
    hot = dataclasses.replace(vibrating(Forward()), temperature=20_000.0)
    predict = eqx.filter_jit(hot.predict)
    start = hot.start(SW)
    narrow = start.replace(neighbors=dataclasses.replace(start.neighbors, inside=5))
    overflow = lambda state: bool(predict(SW, state)[2]["overflow"])  # noqa: E731
    assert overflow(narrow)
    assert overflow(roomier(SW, narrow))
    assert not overflow(hot.again(SW, narrow, SILICON))


def test_a_fit_goes_on_when_a_list_is_too_short_for_the_way_back_alone(vacf):
    """Which shows in derivatives that are NaN; more room is tried once."""
    problem = problem_of(SW, {"run": vibrating(Reversible(), vacf)}, ["epsilon"])
    method, width = method_for(optax.sgd(1e-6)), len(problem.states["run"].neighbors.index)

    def move(problem):
        moved = method.start(problem, problem.parametrization.start)
        short = len(problem.states["run"].neighbors.index) <= width
        return moved._replace(outcome=moved.outcome._replace(loss=jnp.nan)) if short else moved

    roomier, moved = with_room(problem, move)
    assert len(roomier.states["run"].neighbors.index) > width
    assert np.isfinite(moved.outcome.loss)


@pytest.mark.parametrize("optimizer", [optax.sgd(1e-6), optx.BFGS(rtol=1e-8, atol=1e-8)])
def test_a_path_too_chaotic_to_be_run_backwards_ends_a_fit_with_a_sentence(vacf, optimizer):
    """At the start; later an optimizer that can takes a smaller step."""
    too_strict = {"run": vibrating(Reversible(limit=1e-30), vacf)}
    with pytest.raises(ValueError, match="derivatives are not; of a trajectory differentiate fewer steps"):
        next(fit(SW, too_strict, optimizer, steps=1, trainable=["epsilon"]))


def warm(reference: float, **more) -> Experiment:
    targets = {"energy": Target(PotentialEnergy(), reference, 0.01)}
    schedule = Schedule(frames=50, stride=20, equilibration=100)
    return Experiment(ARGON, targets, Reweighting(enough=0.98), WARM, schedule, **more)


def argon(epsilon: float) -> LennardJones:
    return LennardJones(epsilon=epsilon, sigma=3.4, cutoff=5.2, onset=4.8)


def test_an_average_is_fitted_by_reweighting_and_frames_are_used_again():
    """⟨U⟩ of a crystal is nearly proportional to ε."""
    seen = evaluate(argon(0.0104), {"warm": warm(0.0)})["warm"]["energy"]
    states = fit(argon(0.0110), {"warm": warm(float(seen))}, optax.adam(0.005), steps=12, trainable=["epsilon"])
    states = list(states)
    assert float(states[-1].potential.epsilon) == pytest.approx(0.0104, rel=5e-3)
    kept = [state.memory.states["warm"].kept.energies for state in states]
    again = [bool((a != b).any()) for a, b in itertools.pairwise(kept)]
    assert any(again)
    assert not all(again)


@pytest.mark.parametrize("optimizer", [optx.LevenbergMarquardt(rtol=1e-8, atol=1e-8), optx.BFGS(rtol=1e-8, atol=1e-8)])
def test_lists_that_get_more_room_on_the_way_change_nothing(optimizer):
    """What a solver remembers has states of its own, with lists as they were."""
    problem = problem_of(argon(0.0110), {"warm": warm(-6.0)}, ["epsilon"])
    method = method_for(optimizer)
    begun = method.start(problem, problem.parametrization.start)
    problem = problem.starting_from(problem.states | begun.outcome.states)
    roomier = problem.relisted(begun.free, begun.outcome.systems)
    width = lambda problem: len(problem.states["warm"].neighbors.index)  # noqa: E731
    assert width(roomier) > width(problem)
    found, expected = (method.update(p, begun.free, begun.memory) for p in (roomier, problem))
    np.testing.assert_allclose(found.free, expected.free, rtol=1e-8)  # sums over longer columns
    np.testing.assert_allclose(found.outcome.loss, expected.outcome.loss, rtol=1e-6)


def test_replicas_are_averaged():
    experiment = warm(0.0, replicas=3)
    state = experiment.start(argon(0.0104))
    assert state.momenta.shape == (3, len(ARGON.numbers), 3)
    predictions, _, diagnostics = eqx.filter_jit(experiment.predict)(argon(0.0104), state)
    assert predictions["energy"].shape == ()
    assert diagnostics["effective_sample_size"] == pytest.approx(150)


def test_a_fit_of_a_trajectory_starts_elsewhere_with_another_key():
    first, second = (
        next(fit(SW, {"run": vibrating(Forward())}, optax.sgd(0.0), steps=1, key=jax.random.key(k))) for k in (1, 2)
    )
    assert np.abs(first.predictions["run"]["vacf"] - second.predictions["run"]["vacf"]).max() > 1e-3


def test_correlations_in_time_are_not_reweighted():
    with pytest.raises(ValueError, match="target 'vacf' correlates times, which Reweighting cannot reweight"):
        vibrating(Reweighting())


def test_reweighting_refuses_a_simulator_without_a_temperature():
    experiment = Experiment(
        SILICON,
        {"U": Target(PotentialEnergy(), 0.0, 1.0)},
        Reweighting(),
        VERLET,
        Schedule(frames=2),
        temperature=300.0,
    )
    with pytest.raises(ValueError, match="VelocityVerlet keeps no temperature, so its frames cannot be reweighted"):
        experiment.start(SW)


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        ({"gradient": Forward()}, "Forward differentiates trajectories: give a simulator= and schedule="),
        (
            {"gradient": Implicit(), "simulator": VERLET, "schedule": Schedule(frames=1)},
            "Implicit is for what is at rest",
        ),
        ({"gradient": Forward(), "simulator": VERLET}, "needs both a simulator and a schedule"),
    ],
)
def test_experiments_that_make_no_sense_are_refused(more, sentence):
    with pytest.raises(ValueError, match=sentence):
        Experiment(SILICON, {"U": Target(PotentialEnergy(), 0.0, 1.0)}, **more)


@pytest.mark.slow
def test_what_gradient_methods_say_of_their_samples_is_in_the_states_of_a_fit():
    """Of methods of both modes and of replicas, whose mean it is."""
    back = vibrating(Reversible(measured=True))
    experiments = {
        "forth": vibrating(Forward()),
        "cut": vibrating(Truncated(window=7, clip=2.0)),
        "back": dataclasses.replace(back, replicas=2),
    }
    state = next(fit(SW, experiments, optax.sgd(0.0), steps=1, trainable=["epsilon"]))
    assert state.diagnostics["cut/window"] == 7
    assert state.diagnostics["cut/clip"] == 2
    assert 0 < state.diagnostics["back/reconstruction_error"] < 1e-9
    assert set(state.diagnostics) == {"cut/window", "cut/clip", "back/reconstruction_error"}


def test_forces_that_are_not_finite_are_refused_with_the_experiment():
    broken = eqx.tree_at(lambda p: p.A, SW, jnp.array(jnp.inf))
    with pytest.raises(SimulationError, match="stop being finite at the start, step 0 in experiment 'run': atom"):
        next(fit(broken, {"run": vibrating(Forward())}, optax.sgd(1e-6), steps=1, trainable=["lam"]))
