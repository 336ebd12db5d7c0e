"""Trajectories: nothing lost when lists are made again, resumed bit for bit, stopped where they go wrong."""

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from ase.build import bulk
from helpers import rattled

import diffsim
from diffsim import Neighbors, Schedule, SimulationError, StillingerWeber, System, VelocityVerlet, simulate, units
from diffsim.simulators import advance
from diffsim.simulators.momenta import kinetic_energy, temperature

SW = StillingerWeber.silicon()
CRYSTAL = rattled(bulk("Si", a=5.431, cubic=True), 0.02)
VERLET = VelocityVerlet(1 * units.fs)


def started(heat: float = 600.0, seed: int = 0, system: System = CRYSTAL, **more) -> diffsim.State:
    return VERLET.init(SW, system, jax.random.key(seed), heat, **more)


def assert_equal(left, right) -> None:
    for a, b in zip(jax.tree.leaves(left), jax.tree.leaves(right), strict=True):
        a, b = (jax.random.key_data(x) if jnp.issubdtype(x.dtype, jax.dtypes.prng_key) else x for x in (a, b))
        np.testing.assert_array_equal(a, b)


def crowded(state: diffsim.State) -> diffsim.State:
    """With a list that is full already, and made too short by the next atom that comes near."""
    full = Neighbors.allocate(state.system, float(state.neighbors.radius))
    return state.replace(neighbors=full)


def test_a_list_that_overflows_is_made_again_and_the_stretch_is_redone():
    state = started(3000.0)
    schedule = Schedule(frames=10, stride=20)
    narrow = crowded(started(3000.0, skin=0.02))
    assert eqx.filter_jit(advance)(SW, VERLET, narrow, schedule.steps).overflow  # it would have gone wrong
    records, last = simulate(SW, VERLET, narrow, schedule)
    expected, _ = simulate(SW, VERLET, state, schedule)
    assert not last.overflow
    np.testing.assert_allclose(records, expected, rtol=0, atol=1e-9)  # other order of sums, a hot crystal


def test_going_on_is_bit_for_bit_a_longer_run():
    state = started()
    records, last = simulate(SW, VERLET, state, Schedule(frames=20, stride=5))
    first, half = simulate(SW, VERLET, state, Schedule(frames=10, stride=5))
    second, end = simulate(SW, VERLET, half, Schedule(frames=10, stride=5))
    np.testing.assert_array_equal(records, jnp.concatenate([first, second]))
    assert_equal(end, last)


def test_equilibration_is_run_and_not_recorded():
    state = started()
    records, last = simulate(SW, VERLET, state, Schedule(frames=2, stride=3, equilibration=7))
    assert len(records) == 2
    assert int(last.step) == 13
    np.testing.assert_allclose(last.time, 13 * VERLET.dt, rtol=1e-14)
    expected, _ = simulate(SW, VERLET, state, Schedule(frames=13))
    # frames and what is between them are compiled apart
    np.testing.assert_allclose(records, expected[jnp.array([9, 12])], rtol=0, atol=1e-13)


def test_replicas_run_side_by_side_and_each_as_if_alone():
    states = [started(seed=seed) for seed in range(3)]
    together = jax.tree.map(lambda *leaves: jnp.stack(leaves), *states)
    schedule = Schedule(frames=4, stride=10)
    records, last = simulate(SW, VERLET, together, schedule)
    assert records.shape == (3, 4, 8, 3)
    assert last.step.tolist() == [40, 40, 40]
    for m, state in enumerate(states):
        np.testing.assert_allclose(records[m], simulate(SW, VERLET, state, schedule)[0], rtol=0, atol=1e-10)


@pytest.mark.filterwarnings("ignore:a time step of 40 fs makes 1.4 steps a period of the stiffest vibration")
def test_a_run_that_blows_up_says_where_and_keeps_the_last_good_state():
    state = started(300.0)
    wild = VelocityVerlet(40 * units.fs)
    with pytest.raises(
        SimulationError, match=r"at step \d+: atom \d is pushed hardest, \d\.\d+ Å from atom \d"
    ) as caught:
        simulate(SW, wild, state, Schedule(frames=100), ceiling=1e5)
    last = caught.value.state
    assert np.isfinite(last.system.positions).all()
    assert temperature(last) <= 1e5
    after = wild.step(SW, last)
    assert not temperature(after) <= 1e5


def test_a_replica_that_blows_up_is_named():
    hot = started(300.0)
    hot = hot.replace(momenta=hot.momenta * 300)
    both = jax.tree.map(lambda *leaves: jnp.stack(leaves), started(300.0), hot)
    with pytest.raises(SimulationError, match=r"above 10000 K at the start, step 0 of replica 1: atom"):
        simulate(SW, VERLET, both, Schedule(frames=100), ceiling=1e4)


def test_momenta_are_drawn_at_the_temperature_and_sum_to_zero():
    big = System.from_ase(bulk("Si", a=5.431, cubic=True).repeat(3))
    heats = [float(temperature(started(500.0, seed, big))) for seed in range(8)]
    spread = 500 * np.sqrt(2 / (3 * 215) / 8)
    assert np.mean(heats) == pytest.approx(500, abs=4 * spread)
    assert np.abs(started(500.0, 0, big).momenta.sum(axis=0)).max() < 1e-12


def test_atoms_that_are_held_stay_where_they_are():
    mobile = np.arange(8) > 2
    state = started(800.0, mobile=mobile)
    _, last = simulate(SW, VERLET, state, Schedule(frames=1, stride=50))
    moved = np.linalg.norm(last.system.positions - state.system.positions, axis=1)
    np.testing.assert_array_equal(moved > 0, mobile)
    energy = lambda s: float(diffsim.energy(SW, s.system, s.neighbors) + kinetic_energy(s))  # noqa: E731
    assert energy(last) == pytest.approx(energy(state), abs=2e-3)  # of 8 atoms at 1 fs


@pytest.mark.parametrize(("field", "value"), [("frames", 0), ("stride", 0), ("equilibration", -1)])
def test_schedules_that_make_no_sense_are_refused(field, value):
    with pytest.raises(ValueError, match=f"{field} of a schedule must be an integer of at least"):
        Schedule(**({"frames": 1} | {field: value}))


@pytest.mark.parametrize("dt", [0.0, -1.0, float("nan")])
def test_a_time_step_that_is_not_positive_is_refused(dt):
    with pytest.raises(ValueError, match="dt must be positive"):
        VelocityVerlet(dt).init(SW, CRYSTAL, jax.random.key(0), 300.0)


def test_a_temperature_below_zero_is_refused():
    with pytest.raises(ValueError, match=r"the temperature must not be negative, got -1\.0 K"):
        started(-1.0)


def test_a_potential_that_outgrows_its_list_gets_a_longer_one():
    state = started()
    longer = dataclasses.replace(SW, a=SW.a * 1.2)
    records, last = simulate(longer, VERLET, state, Schedule(frames=2, stride=5))
    fresh = VERLET.init(longer, CRYSTAL, jax.random.key(0), 600.0)
    expected, _ = simulate(longer, VERLET, fresh.replace(forces=state.forces), Schedule(frames=2, stride=5))
    np.testing.assert_allclose(records, expected, rtol=0, atol=1e-10)
    assert last.neighbors.radius > longer.cutoff
