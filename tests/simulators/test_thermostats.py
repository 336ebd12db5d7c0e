"""What holds for every thermostat: the distribution it keeps, runs that go on bit for bit, and what it refuses."""

from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from diffsim import Brownian, Bussi, Langevin, NoseHoover, Ramp, Schedule, VelocityVerlet, simulate, units
from diffsim.simulators import AbstractSimulator
from diffsim.simulators.momenta import temperature
from tests.simulators.ensembles import (
    ARGON,
    DIMER,
    LJ,
    SPRING,
    assert_boltzmann,
    assert_maxwellian,
    replicas,
    sampled,
)

fs = units.fs
THERMOSTATS: dict[str, Callable[..., AbstractSimulator]] = {
    "langevin": lambda heat, dt=5 * fs: Langevin(dt, heat, friction=1 / (100 * fs)),
    "nose_hoover": lambda heat, dt=5 * fs: NoseHoover(dt, heat, timescale=50 * fs),
    "bussi": lambda heat, dt=5 * fs: Bussi(dt, heat, timescale=50 * fs),
    "brownian": lambda heat, dt=1 * fs: Brownian(dt, heat, friction=1 / (100 * fs)),
}
THERMAL = pytest.mark.parametrize("name", THERMOSTATS)
COLD, HOT = 28.0, 40.0  # K: apart by as much as the energies of the small crystal spread


@pytest.mark.slow
@THERMAL
def test_energies_are_distributed_as_the_canonical_ensemble_says(name):
    schedule = Schedule(frames=12, stride=80, equilibration=200)
    (cold, u_cold, _), (hot, u_hot, _) = (sampled(THERMOSTATS[name](T), T, schedule, 500) for T in (COLD, HOT))
    assert_boltzmann(u_cold, u_hot, (COLD, HOT), 4)
    if name != "brownian":  # whose momenta rest
        assert_maxwellian(cold, COLD, 4)
        assert_maxwellian(hot, HOT, 4)


@pytest.mark.filterwarnings("ignore:a time step of .* makes 8 steps a period of the stiffest vibration")
@pytest.mark.parametrize("name", ["langevin", "bussi", "brownian"])  # a chain alone cannot thermalise one frequency
def test_a_spring_is_as_long_as_its_temperature_makes_it(name):
    """⟨r²⟩ = 3 kT/k, at time steps so long that the scheme's own error would show."""
    heat, count = 300.0, 1000
    period = 2 * np.pi * np.sqrt(float(DIMER.masses.prod() / DIMER.masses.sum() / SPRING.k))
    simulator = {
        "langevin": Langevin(period / 8, heat, friction=4 / period),
        "bussi": Bussi(period / 40, heat, timescale=period / 4),
        "brownian": Brownian(0.02 * period, heat, friction=4 / period),
    }[name]
    state = replicas(simulator, SPRING, DIMER, count, heat)
    square = lambda _, state: jnp.sum((state.system.positions[1] - state.system.positions[0]) ** 2)  # noqa: E731
    r2, _ = simulate(SPRING, simulator, state, Schedule(frames=4, stride=80, equilibration=80), square)
    expected = 3 * units.kB * heat / float(SPRING.k)
    assert np.mean(r2) == pytest.approx(expected, rel=4 * np.sqrt(2 / 3 / r2.size))  # four standard errors


@THERMAL
def test_the_centre_of_mass_stays_and_atoms_that_are_held_too(name):
    simulator = THERMOSTATS[name](50.0)
    state = simulator.init(LJ, ARGON, jax.random.key(0))
    _, last = simulate(LJ, simulator, state, Schedule(frames=1, stride=100))
    moved = last.system.positions - state.system.positions
    assert jnp.abs(jnp.sum(moved * ARGON.masses[:, None], axis=0)).max() < 1e-10  # amu Å, of rounding
    assert jnp.abs(moved).max() > 0.01
    mobile = np.array([False, True, True, True])
    held = simulator.init(LJ, ARGON, jax.random.key(0), mobile=mobile)
    _, last = simulate(LJ, simulator, held, Schedule(frames=1, stride=100))
    np.testing.assert_array_equal((last.system.positions != ARGON.positions).any(axis=1), mobile)


@THERMAL
def test_a_state_starts_at_the_temperature_of_its_thermostat(name):
    own = THERMOSTATS[name](Ramp(30.0, 60.0, 100 * fs)).init(LJ, ARGON, jax.random.key(0))
    said = THERMOSTATS[name](60.0).init(LJ, ARGON, jax.random.key(0), 30.0)
    np.testing.assert_array_equal(own.momenta, said.momenta)


def test_without_a_thermostat_a_temperature_must_be_said():
    with pytest.raises(ValueError, match="VelocityVerlet keeps no temperature: say at how many K it starts"):
        VelocityVerlet(1.0).init(LJ, ARGON, jax.random.key(0))


def test_a_ramp_is_linear_between_its_ends_and_flat_beyond():
    ramp = Ramp(100.0, 300.0, 2.0)
    times = [-1.0, 0.0, 0.5, 2.0, 9.0]
    assert [float(ramp(jnp.asarray(t))) for t in times] == [100.0, 100.0, 150.0, 300.0, 300.0]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["langevin", "nose_hoover", "bussi"])
def test_a_crystal_follows_a_ramp(name):
    """Linear response lags by about the thermostat's time, 2 % of the ramp; nine degrees of freedom scatter widely."""
    count = 200
    simulator = THERMOSTATS[name](Ramp(10.0, 30.0, 500 * 5 * fs))
    state = replicas(simulator, LJ, ARGON, count, 10.0)
    heats, _ = simulate(
        LJ, simulator, state, Schedule(frames=2, stride=50, equilibration=500), lambda _, s: temperature(s)
    )
    assert np.mean(heats[:, -1]) == pytest.approx(30.0, rel=4 * np.sqrt(2 / 9 / count))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Langevin(1.0, -3.0, 1.0), r"the temperature must not be negative, got -3\.0 K"),
        (lambda: Langevin(1.0, 300.0, 0.0), "friction must be positive, got 0.0"),
        (lambda: Brownian(1.0, 300.0, -1.0), "friction must be positive, got -1.0"),
        (lambda: Bussi(1.0, 300.0, 0.0), "timescale must be positive, got 0.0"),
        (lambda: NoseHoover(1.0, 300.0, 0.0), "timescale must be positive, got 0.0"),
        (lambda: NoseHoover(1.0, 300.0, 1.0, chain=0), "a chain has at least one thermostat, got chain = 0"),
        (lambda: Ramp(300.0, 600.0, 0.0), "the duration of a ramp must be positive, got 0.0"),
    ],
)
def test_what_makes_no_sense_is_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_the_extended_energy_of_a_chain_is_conserved_to_second_order():
    def drift(dt: float) -> float:
        simulator = NoseHoover(dt, 60.0, timescale=50 * fs)
        state = simulator.init(LJ, ARGON, jax.random.key(1))
        schedule = Schedule(frames=40, stride=round(20 * fs / dt))
        energies, _ = simulate(LJ, simulator, state, schedule, lambda p, s: simulator.conserved_energy(p, s))
        return float(np.std(energies))

    coarse, fine = drift(4 * fs), drift(2 * fs)
    assert coarse < 1e-4  # eV, of 4 atoms whose kinetic energy alone varies by 1e-2
    assert coarse / fine == pytest.approx(4, abs=0.4)


@pytest.mark.parametrize(
    "simulator",
    [
        VelocityVerlet(2 * fs),
        NoseHoover(2 * fs, 50.0, timescale=100 * fs),
        # e^{γt} = e^4: two digits are lost to friction on the way back, as they must be
        Langevin(2 * fs, 50.0, friction=1 / (500 * fs)),
    ],
    ids=lambda s: type(s).__name__,
)
def test_a_thousand_steps_can_be_undone(simulator):
    state = simulator.init(LJ, ARGON, jax.random.key(2), 50.0)
    _, there = simulate(LJ, simulator, state, Schedule(frames=1, stride=1000))
    assert jnp.abs(there.system.positions - state.system.positions).max() > 0.1
    undo = lambda _, s: simulator.unstep(LJ, s)  # noqa: E731
    back = eqx.filter_jit(lambda s: jax.lax.fori_loop(0, 1000, undo, s))(there)
    np.testing.assert_allclose(back.system.positions, state.system.positions, rtol=0, atol=1e-8)
    np.testing.assert_allclose(back.momenta, state.momenta, rtol=0, atol=1e-8)
    assert int(back.step) == 0
