"""Derivatives of whole trajectories: equal to differences, and to each other, by whatever way they are taken."""

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from ase.build import bulk
from gradients.paths import VERLET, flat, gradient, number, record, started
from helpers import differences, rattled

from diffsim import Langevin, Neighbors, NoseHoover, Ode, Schedule, StillingerWeber, System, VelocityVerlet, units
from diffsim.gradients import Adjoint, Backprop, Forward, Reversible, Truncated
from diffsim.simulators import advance

FORMS = ["stillinger_weber", "edip", "lennard_jones", "tersoff", "gupta"]
SHORT = Schedule(frames=4, stride=20, equilibration=20)
LONG = Schedule(frames=20, stride=50)
METHODS = {"reversible": Reversible(), "backprop": Backprop(), "binomial": Backprop(checkpoints=4)}


def apart(left: np.ndarray, right: np.ndarray) -> float:
    """Largest deviation relative to the largest derivative by any parameter of its size."""
    scale = np.maximum(np.abs(right), 1e-6 * np.abs(right).max())
    return float(np.max(np.abs(left - right) / scale))


@pytest.mark.parametrize("name", FORMS)
def test_path_derivatives_over_100_steps_are_central_differences(name):
    potential, state = started(name)
    plain, at = flat(lambda p: number(Forward(), p, VERLET, state, SHORT)[0], potential)
    scales = np.where(at == 0, 0.1, np.abs(at))  # tables hold zeros
    expected = differences(lambda u: np.asarray(plain(at + u * scales)), np.zeros(len(at)), h=1e-5) / scales
    found, diagnostics = gradient(Reversible(), potential, VERLET, state, SHORT)
    assert not diagnostics["overflow"]
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5 * np.abs(expected).max())


@pytest.mark.parametrize("method", METHODS)
def test_path_derivatives_over_1000_steps_are_those_of_forward_mode(method):
    potential, state = started("stillinger_weber")
    expected, _ = gradient(Forward(), potential, VERLET, state, LONG)
    found, _ = gradient(METHODS[method], potential, VERLET, state, LONG)
    assert apart(found, expected) < 1e-8


@pytest.mark.parametrize(
    "simulator",
    [
        Langevin(1 * units.fs, 300.0, friction=1 / (50 * units.fs)),
        NoseHoover(1 * units.fs, 300.0, timescale=50 * units.fs),
    ],
    ids=["langevin", "nose_hoover"],
)
def test_thermostats_are_differentiated_backwards_too(simulator):
    """With friction over 20 of its times: e²⁰ times rounding, were it not for the states that are kept."""
    potential, state = started("stillinger_weber", simulator)
    schedule = Schedule(frames=10, stride=90, equilibration=100)
    expected, _ = gradient(Forward(), potential, simulator, state, schedule)
    found, diagnostics = gradient(Reversible(segment=100), potential, simulator, state, schedule)
    assert diagnostics["reconstruction_error"] < 1e-10
    assert apart(found, expected) < 1e-8


def test_derivatives_by_the_start_are_those_of_backprop():
    potential, state = started("stillinger_weber")

    def by_start(method):
        def value(moving):
            system = state.system.replace(positions=moving[0])
            return number(method, potential, VERLET, state.replace(system=system, momenta=moving[1]), SHORT)[0]

        return jax.jit(jax.grad(value))((state.system.positions, state.momenta))

    for found, expected in zip(by_start(Reversible()), by_start(Backprop()), strict=True):
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-10 * np.abs(expected).max())


def test_derivatives_by_the_cell_are_refused_by_reversible():
    potential, state = started("stillinger_weber")
    value = lambda cell: number(  # noqa: E731
        Reversible(), potential, VERLET, state.replace(system=state.system.replace(cell=cell)), SHORT
    )[0]
    with pytest.raises(ValueError, match="not by the cell, masses or the simulator's own numbers: use Backprop"):
        jax.grad(value)(state.system.cell)


# ---- lists that are made again inside the differentiated stretch

HOT = rattled(bulk("Si", a=5.431, cubic=True), 0.1)
SW = StillingerWeber.silicon()


@pytest.mark.parametrize("method", [Reversible(), Backprop()], ids=["reversible", "backprop"])
def test_derivatives_across_rebuilt_lists_are_those_of_a_list_that_holds(method):
    schedule = Schedule(frames=2, stride=60)
    thin = VERLET.init(SW, HOT, jax.random.key(0), 2500.0, skin=0.05)
    wide = VERLET.init(SW, HOT, jax.random.key(0), 2500.0, skin=2.0)
    thin = thin.replace(neighbors=thin.neighbors.widened(40))
    last = eqx.filter_jit(advance)(SW, VERLET, thin, schedule.steps)
    assert np.abs(last.neighbors.positions - thin.neighbors.positions).max() > 0.05  # it was made again
    found, diagnostics = gradient(method, SW, VERLET, thin, schedule)
    assert not diagnostics["overflow"]
    assert apart(found, gradient(method, SW, VERLET, wide, schedule)[0]) < 1e-8


@pytest.mark.parametrize("method", [Reversible(), Backprop(), Forward()])
def test_derivatives_by_the_edges_inside_the_cutoff_are_those_by_the_whole_list(method):
    """Of a crystal that is hot enough for edges to come and go."""
    schedule = Schedule(frames=2, stride=40)
    state = VERLET.init(SW, HOT, jax.random.key(0), 2500.0)
    state = state.replace(neighbors=dataclasses.replace(state.neighbors.widened(30), inside=20))
    whole = state.replace(neighbors=dataclasses.replace(state.neighbors, inside=0))
    found, diagnostics = gradient(method, SW, VERLET, state, schedule)
    assert not diagnostics["overflow"]
    assert apart(found, gradient(method, SW, VERLET, whole, schedule)[0]) < 1e-10


@pytest.mark.parametrize("method", [Reversible(), Backprop(), Forward(), Truncated(window=20)])
def test_every_method_says_that_a_list_was_too_short_inside_the_stretch(method):
    state = VERLET.init(SW, HOT, jax.random.key(0), 2500.0, skin=0.02)
    narrow = state.replace(neighbors=Neighbors.allocate(HOT, float(state.neighbors.radius)))
    assert gradient(method, SW, VERLET, narrow, Schedule(frames=2, stride=60))[1]["overflow"]
    few = dataclasses.replace(VERLET.init(SW, HOT, jax.random.key(0), 2500.0).neighbors.widened(30), inside=8)
    assert gradient(method, SW, VERLET, state.replace(neighbors=few), Schedule(frames=2, stride=60))[1]["overflow"]


# ---- chaos


def test_reversible_agrees_with_forward_while_it_says_that_it_can_and_refuses_beyond():
    """A crystal that melts: rounding grows on the way back until the start is lost."""
    state = VERLET.init(SW, HOT, jax.random.key(3), 8000.0)
    state = state.replace(neighbors=state.neighbors.widened(60))
    compared, refused = [], []
    for steps in (500, 2000, 10_000):
        schedule = Schedule(frames=1, stride=steps)
        try:
            found, diagnostics = gradient(Reversible(limit=1e-8), SW, VERLET, state, schedule)
        except jax.errors.JaxRuntimeError as error:
            assert "the path is too long for the chaos in it" in str(error)  # noqa: PT017
            refused.append(steps)
            continue
        if diagnostics["reconstruction_error"] < 1e-9:
            compared.append(steps)
            assert apart(found, gradient(Forward(), SW, VERLET, state, schedule)[0]) < 1e-8, f"{steps} steps"
    assert compared == [500, 2000]
    assert refused == [10_000]


def test_reversible_needs_no_more_memory_for_more_steps():
    state = VERLET.init(SW, HOT, jax.random.key(0), 300.0)
    theta, rest = eqx.partition(SW, eqx.is_inexact_array)

    def memory(steps: int) -> int:
        schedule = Schedule(frames=10, stride=steps // 10)
        value = lambda t: number(Reversible(), eqx.combine(t, rest), VERLET, state, schedule)[0]  # noqa: E731
        return jax.jit(jax.grad(value)).lower(theta).compile().memory_analysis().temp_size_in_bytes

    assert memory(100_000) <= 1.05 * memory(100)


def test_a_truncated_path_is_the_sum_of_its_windows():
    """Cut before the last window: the derivative is that of a run that starts there."""
    potential, state = started("stillinger_weber")
    schedule = Schedule(frames=1, stride=60)
    middle = eqx.filter_jit(advance)(potential, VERLET, state, 40)
    expected, _ = gradient(Backprop(), potential, VERLET, middle, Schedule(frames=1, stride=20))
    found, diagnostics = gradient(Truncated(window=40), potential, VERLET, state, schedule)
    assert diagnostics["window"] == 40
    assert apart(found, expected) < 1e-8


def test_a_window_that_is_not_given_is_three_lyapunov_times():
    state = VERLET.init(SW, HOT, jax.random.key(0), 3000.0)
    found = eqx.filter_jit(Truncated().sample)(SW, VERLET, state, Schedule(frames=2, stride=500), record)
    rate = float(found.diagnostics["growth_rate"])
    assert 1 < rate * units.ps < 100  # hot silicon, per ps
    assert int(found.diagnostics["window"]) == int(min(3 / rate / float(VERLET.dt), 1000))


def test_clipping_bounds_what_flows_back():
    potential, state = started("stillinger_weber")
    whole, _ = gradient(Truncated(window=1000), potential, VERLET, state, SHORT)
    clipped, diagnostics = gradient(Truncated(window=1000, clip=1e-3), potential, VERLET, state, SHORT)
    assert diagnostics["clip"] == 1e-3
    assert np.abs(clipped).max() < np.abs(whole).max()
    loose, _ = gradient(Truncated(window=1000, clip=1e9), potential, VERLET, state, SHORT)
    np.testing.assert_allclose(loose, whole, rtol=1e-12)


def test_replicas_are_differentiated_as_if_each_were_alone():
    states = [VERLET.init(SW, HOT, jax.random.key(seed), 300.0) for seed in range(2)]
    both = jax.tree.map(lambda *leaves: jnp.stack(leaves), *states)
    theta, rest = eqx.partition(SW, eqx.is_inexact_array)

    def mean(theta, state):
        found = Reversible().sample(eqx.combine(theta, rest), VERLET, state, SHORT, record)
        return jnp.sum(jnp.sin(found.records["positions"]) * found.weights)

    derivative = jax.jit(jax.grad(mean))
    alone = jax.tree.map(lambda *g: sum(g) / 2, *(derivative(theta, state) for state in states))
    together = derivative(theta, both)
    for a, b in zip(jax.tree.leaves(together), jax.tree.leaves(alone), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-12)


def test_reversible_refuses_what_cannot_be_run_backwards():
    from diffsim import Bussi

    bussi = Bussi(1 * units.fs, 300.0, timescale=50 * units.fs)
    potential, state = started("stillinger_weber", bussi)
    with pytest.raises(
        ValueError, match="Bussi cannot be run backwards: choose VelocityVerlet, NoseHoover or Langevin"
    ):
        Reversible().sample(potential, bussi, state, SHORT, record)


def test_reversible_refuses_32_bit_positions():
    with jax.enable_x64(False):
        system = System(
            np.asarray(HOT.positions), np.asarray(HOT.cell), np.asarray(HOT.numbers), np.asarray(HOT.masses)
        )
        sw, verlet = StillingerWeber.silicon(), VelocityVerlet(1 * units.fs)
        state = verlet.init(sw, system, jax.random.key(0), 300.0)
        with pytest.raises(ValueError, match="running a trajectory backwards needs 64-bit floats"):
            Reversible().sample(sw, verlet, state, SHORT, record)


@pytest.mark.parametrize(
    "bad", [lambda: Backprop(checkpoints=0), lambda: Truncated(window=0), lambda: Truncated(clip=-1.0)]
)
def test_settings_that_make_no_sense_are_refused(bad):
    with pytest.raises(ValueError, match="must be"):
        bad()


# ---- ordinary differential equations


def test_the_adjoints_of_a_solver_are_those_of_its_steps():
    """Checkpointed exactly; solved backwards up to the error of an eighth-order solver."""
    import diffrax

    ode = Ode(2 * units.fs, diffrax.Dopri8())
    potential, state = started("stillinger_weber", ode)
    schedule = Schedule(frames=2, stride=10, equilibration=5)
    expected, _ = gradient(Forward(), potential, ode, state, schedule)
    assert apart(gradient(Adjoint(), potential, ode, state, schedule)[0], expected) < 1e-10
    assert apart(gradient(Adjoint("backsolve"), potential, ode, state, schedule)[0], expected) < 1e-5
    with pytest.raises(ValueError, match="Adjoint is for the simulator Ode, got VelocityVerlet"):
        Adjoint().sample(potential, VERLET, state, schedule, record)
