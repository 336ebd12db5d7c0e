"""Trajectories that go wrong, alone and in fits: what is said, what is left, and that fits step back from them."""

import json

import ase.io
import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import optimistix as optx
import pytest
from ase.build import bulk
from helpers import rattled
from jaxtyping import Array, Float

import diffsim
from diffsim import (
    AbstractObservable,
    Experiment,
    Langevin,
    LennardJones,
    PotentialEnergy,
    Schedule,
    SimulationError,
    StillingerWeber,
    System,
    Target,
    VelocityVerlet,
    crash_written,
    evaluate,
    fit,
    load_state,
    save_state,
    simulate,
    units,
)
from diffsim.fit import problem_of
from diffsim.gradients import Forward
from diffsim.optimizers import method_for
from diffsim.trees import pack
from diffsim.trouble import explained
from tests.runs import call, moving

SW = StillingerWeber.silicon()
WILD = VelocityVerlet(16 * units.fs)  # just below the limit of stability, 17.8 fs: it takes a while to explode
LONG = pytest.mark.filterwarnings("ignore:a time step of .* stiffest vibration")


def silicon(heat: float = 600.0, simulator=WILD, system: System | None = None) -> diffsim.State:
    system = rattled(bulk("Si", a=5.431, cubic=True), 0.02) if system is None else system
    return simulator.init(SW, system, jax.random.key(0), heat)


@LONG
def test_a_crash_leaves_its_last_steps_and_its_last_good_state(tmp_path):
    path = tmp_path / "crash.extxyz"
    told = pytest.raises(SimulationError, match=r"above 100000 K at step \d+: atom \d is pushed")
    with told as caught, crash_written(path):
        simulate(SW, WILD, silicon(), Schedule(frames=1000))
    error, last = caught.value, caught.value.state
    said = f"the last steps are in '{path}', the last good state is in '{path.with_suffix('.npz')}'"
    assert str(error).endswith(said)
    images = ase.io.read(path, ":")
    steps = [image.info["step"] for image in images]
    crashed = int(last.step) + 1
    assert steps == [*range(max(crashed - 9, 1), crashed + 1)]
    assert images[-1].info["temperature_K"] > 1e5 > images[-2].info["temperature_K"]
    before = images[-2]
    np.testing.assert_allclose(before.positions, last.system.positions, rtol=0, atol=1e-8)  # as many digits are written
    assert before.arrays["marked"].sum() == 1
    assert before.arrays["marked"][error.atom] == 1
    # all masses are equal
    assert np.argmax(np.linalg.norm(before.get_forces(), axis=1)) == error.atom


@LONG
def test_the_last_good_state_can_be_gone_on_from(tmp_path):
    with pytest.raises(SimulationError), crash_written(tmp_path / "crash.extxyz"):
        simulate(SW, WILD, silicon(), Schedule(frames=1000))
    gentle = VelocityVerlet(0.05 * units.fs)
    state = load_state(tmp_path / "crash.npz").unpack(silicon(simulator=gentle))
    _, after = simulate(SW, gentle, state, Schedule(frames=1, stride=10))
    assert int(after.step) == int(state.step) + 10


def test_forces_that_are_not_finite_at_the_start_are_said_to_be(tmp_path):
    broken = eqx.tree_at(lambda p: p.A, SW, jnp.array(jnp.inf))
    gentle = VelocityVerlet(1 * units.fs)
    state = gentle.init(broken, rattled(bulk("Si", a=5.431, cubic=True), 0.02), jax.random.key(0), 300.0)
    told = pytest.raises(SimulationError, match="stop being finite at the start, step 0: atom")
    with told as caught, crash_written(tmp_path / "crash.extxyz"):
        simulate(broken, gentle, state, Schedule(frames=10))
    assert str(caught.value).endswith(f"the last steps are in '{tmp_path / 'crash.extxyz'}'")  # and no good state
    assert ase.io.read(tmp_path / "crash.extxyz").info["step"] == 0
    assert not (tmp_path / "crash.npz").exists()


def test_atoms_that_are_far_away_are_not_looked_for():
    """Nor does anything overflow."""
    verlet = VelocityVerlet(1 * units.fs)
    state = silicon(simulator=verlet)
    thrown = eqx.tree_at(lambda s: s.system.positions, state, state.system.positions.at[2, 1].set(-1e40))
    assert "atoms are thrown as far as 1.0e+40 Å" in str(explained(SW, verlet, thrown, 1, 10.0))


@LONG
def test_a_crash_that_cannot_be_written_is_still_told():
    told = pytest.raises(
        SimulationError, match=r"at step \d+: atom .*; cannot write the last steps 'no/where/c.extxyz'"
    )
    with told, crash_written("no/where/c.extxyz"):
        simulate(SW, WILD, silicon(), Schedule(frames=1000))


ARGON = rattled(bulk("Ar", a=5.4, cubic=True), 0.02)
WARM = Langevin(8 * units.fs, 40.0, friction=1 / (0.5 * units.ps))
LJ = LennardJones(epsilon=0.0104, sigma=3.405, cutoff=4.5, onset=4.0)


def warm(reference: float = -1.0, gradient=None, observable=None, **more) -> dict[str, Experiment]:
    """Argon, whose potential energy is nearly proportional to ε: too stiff for the time step at some 100 times ε."""
    targets = {"energy": Target(observable or PotentialEnergy(), reference, 0.01)}
    schedule = Schedule(frames=20, stride=5)
    return {"warm": Experiment(ARGON, targets, gradient or Forward(), WARM, schedule, replicas=2, **more)}


def everything_finite(tree) -> bool:
    return all(np.isfinite(array).all() for array in pack(tree).arrays.values() if array.dtype.kind == "f")


SOLVERS = [optx.LevenbergMarquardt(rtol=1e-8, atol=1e-8), optx.BFGS(rtol=1e-8, atol=1e-8)]


@pytest.mark.parametrize("solver", SOLVERS, ids=lambda solver: type(solver).__name__)
def test_a_trial_that_explodes_is_a_step_too_long(solver):
    """It is taken back, nothing of it is kept, and the next one is shorter."""
    problem, method = problem_of(LJ, warm(), ["epsilon"]), method_for(solver)
    here = problem.parametrization.start
    moved = method.update(problem, here, method.start(problem, here).memory)
    place = lambda memory: (memory[1] if isinstance(memory, tuple) and len(memory) == 2 else memory).y_eval  # noqa: E731
    far = here + 12.0  # ln ε
    exploding = eqx.tree_at(place, moved.memory, far)
    after = method.update(problem, moved.free, exploding)
    assert not np.isfinite(problem.evaluate(far).loss)
    np.testing.assert_array_equal(after.free, moved.free)
    assert float(after.outcome.loss) == float(moved.outcome.loss)
    assert everything_finite(after)
    assert np.abs(place(after.memory) - after.free).max() < 12.0


def test_a_fit_whose_first_trials_explode_ends_where_it_should(tmp_path):
    """Some thirty times the ε, which least squares first look for much too far: in its logarithm nothing is linear."""
    seen = []
    for state in fit(LJ, warm(-8.0), SOLVERS[0], steps=30, trainable=["epsilon"]):
        save_state(tmp_path / "last.npz", state)
        seen.append(state)
        arrays = load_state(tmp_path / "last.npz").arrays.values()
        assert all(np.isfinite(array).all() for array in arrays if array.dtype.kind == "f")
    losses = np.array(seen[-1].losses)
    assert (losses[1:] == losses[:-1]).any()  # steps that were taken back
    assert float(seen[-1].predictions["warm"]["energy"]) == pytest.approx(-8.0, abs=0.1)


def test_what_explodes_for_good_ends_a_fit_with_experiment_step_atom_and_pair(tmp_path):
    """Gradient descent cannot take a step back."""
    states = []

    def run() -> None:
        for state in fit(LJ, warm(), optax.sgd(1e-2), steps=9, trainable=["epsilon"]):
            states.append(state)

    place = r"above 100000 K at step \d+ of replica \d in experiment 'warm': atom \d is pushed hardest, .* from atom \d"
    with pytest.raises(SimulationError, match=place) as caught, crash_written(tmp_path / "crash.extxyz"):
        run()
    assert f"'{tmp_path / 'crash.extxyz'}'" in str(caught.value)
    assert all(everything_finite(state) for state in states)
    assert (ase.io.read(tmp_path / "crash.extxyz", ":")[-1]).info["temperature_K"] > 1e5


def test_an_experiment_has_a_ceiling_of_its_own():
    with pytest.raises(SimulationError, match=r"above 20 K at the start, step 0 of replica 0 in experiment 'warm'"):
        evaluate(LJ, warm(ceiling=20.0))
    with pytest.raises(ValueError, match=r"the ceiling of the temperature must be positive, got -1\.0 K"):
        warm(ceiling=-1.0)


class Kinked(AbstractObservable):
    """Zero, with an infinite slope."""

    unit = "eV"
    labels = ("zero",)

    def record(self, potential, state):
        return jnp.sqrt(potential.epsilon - jax.lax.stop_gradient(potential.epsilon))

    def estimate(self, records, weights) -> Float[Array, ""]:
        return weights @ records


@pytest.mark.parametrize("optimizer", [optax.sgd(1e-3), *SOLVERS])
def test_derivatives_that_are_not_finite_end_a_fit_before_anything_is_kept(optimizer):
    with pytest.raises(ValueError, match="the predictions are finite, but their derivatives are not"):
        next(fit(LJ, warm(observable=Kinked()), optimizer, steps=1, trainable=["epsilon"]))


def test_a_long_step_is_warned_of_once_in_a_fit_and_where_something_is_evaluated():
    experiments = warm()
    slow = {"warm": eqx.tree_at(lambda e: e.simulator.dt, experiments["warm"], jnp.asarray(60 * units.fs))}
    stiff = eqx.tree_at(lambda p: p.epsilon, LJ, LJ.epsilon * 2)
    for run in (
        lambda: evaluate(stiff, slow),
        lambda: list(fit(stiff, slow, optax.sgd(0.0), steps=2, trainable=["epsilon"])),
    ):
        with pytest.warns(UserWarning, match="a time step of 60 fs makes") as caught:
            run()
        assert len(caught) == 1


def test_a_run_that_explodes_says_so_in_one_sentence_and_keeps_what_it_had(tmp_path, capsys):
    run = [*moving(tmp_path), "optimizer.learning_rate=4", "steps=9", "hydra.run.dir=run"]
    run += ["experiments.warm.targets.energy.reference=-1e6"]  # e⁴ times the ε in each update
    with pytest.raises(SystemExit) as end:
        call(tmp_path, *run)
    assert end.value.code == 2
    sentence = capsys.readouterr().err.splitlines()[-1]
    assert sentence.startswith("diffsim: ")
    assert "in experiment 'warm': atom" in sentence
    assert str(tmp_path / "run" / "crash.extxyz") in sentence
    assert (tmp_path / "run" / "crash.extxyz").exists()
    arrays = load_state(tmp_path / "run" / "checkpoints" / "last.npz").arrays.values()
    assert all(np.isfinite(array).all() for array in arrays if array.dtype.kind == "f")


def test_the_log_has_what_the_gradient_method_says(tmp_path):
    call(tmp_path, *moving(tmp_path, "diffsim.Reweighting"), "steps=2", "hydra.run.dir=run")
    for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines():
        assert 18 < json.loads(line)["diagnostics"]["warm/effective_sample_size"] <= 20  # of 20 frames, 90 % at least


def test_a_state_that_is_not_finite_is_not_saved(tmp_path):
    path, state = tmp_path / "last.npz", silicon(simulator=VelocityVerlet(1 * units.fs))
    save_state(path, state)
    before = path.read_bytes()
    for broken in (
        eqx.tree_at(lambda s: s.momenta, state, state.momenta.at[3, 1].set(jnp.nan)),
        eqx.tree_at(lambda s: s.system.positions, state, state.system.positions.at[0, 0].set(jnp.inf)),
    ):
        with pytest.raises(
            ValueError, match=r"the state is not finite, so it is not saved to .*: what stands there is kept"
        ):
            save_state(path, broken)
        assert path.read_bytes() == before
