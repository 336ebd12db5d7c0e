"""Velocities, displacements and modes of a cold silicon crystal, of free atoms and of oscillators with friction."""

import functools

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk

import diffsim
from diffsim import (
    Diffusion,
    GreenKuboDiffusion,
    MeanSquareDisplacement,
    Schedule,
    SpectralEnergyDensity,
    State,
    StillingerWeber,
    System,
    VelocityAutocorrelation,
    VelocityVerlet,
    VibrationalDensityOfStates,
    simulate,
    units,
)
from diffsim.observables.correlation import spacing
from diffsim.observables.diffusion import Places
from diffsim.observables.lines import damped_line
from diffsim.observables.modes import Amplitudes
from diffsim.observables.velocities import Velocities
from diffsim.potentials import LennardJones, Morse
from diffsim.simulators import trajectory
from diffsim.simulators.momenta import temperature
from diffsim.system import lattice_points
from tests.helpers import differences

SW = StillingerWeber.silicon()
MORSE = Morse(D=1.8, alpha=1.6, r0=2.35, cutoff=4.2, shift=True)
PRIMITIVE = System.from_ase(bulk("Si", a=5.43094978))
CRYSTAL = PRIMITIVE.supercell((2, 2, 2))
VERLET = VelocityVerlet(0.5 * units.fs)
KT = units.kB * 1.0
FREQUENCIES = np.arange(0.0, 25.0, 0.02)
# of SW silicon in THz, from the reference lattice dynamics, and how often each is in 2×2×2 cells: Γ, 3 X, 4 L
LINES = {4.70359: 8, 6.65189: 6, 11.76846: 4, 12.99356: 6, 13.39787: 4, 15.62862: 6, 16.76683: 8, 17.83255: 3}
L_POINT = (0.5, 0.5, 0.5)


def uniform(records) -> jnp.ndarray:
    frames = len(jax.tree.leaves(records)[0])
    return jnp.full(frames, 1 / frames)


@pytest.fixture(scope="module")
def modes() -> SpectralEnergyDensity:
    return SpectralEnergyDensity.of(SW, PRIMITIVE, (2, 2, 2), L_POINT, frequencies=FREQUENCIES, lags=1024)


@functools.cache
def started() -> np.ndarray:
    """Momenta with kT in every one of the 45 modes: what equipartition means is true without averaging."""
    matrix = np.asarray(diffsim.dynamical_matrix(SW, CRYSTAL, [[0, 0, 0]])[0]).real
    vectors = np.linalg.eigh(matrix)[1][:, 3:]
    signs = np.random.default_rng(0).choice([-1, 1], 45)
    return (np.sqrt(2 * KT) * vectors @ signs).reshape(-1, 3) * np.sqrt(np.asarray(CRYSTAL.masses))[:, None]


@pytest.fixture(scope="module")
def cold(modes):
    """8 ps at 1 K."""
    state = VERLET.init(SW, CRYSTAL, jax.random.key(0), 1.0).replace(momenta=jnp.asarray(started()))
    keep = VelocityAutocorrelation(1)

    def record(potential: StillingerWeber, state: State):
        return keep.record(potential, state), modes.record(potential, state), temperature(state)

    return simulate(SW, VERLET, state, Schedule(frames=2000, stride=8), record)[0]


def test_the_density_of_states_has_its_lines_where_lattice_dynamics_has_them(cold):
    """Each group of lines holds as many states as there are modes."""
    density = np.asarray(VibrationalDensityOfStates(FREQUENCIES, 1024).estimate(cold[0], uniform(cold)))[0]
    counted = 0.0
    for group in ((4.70359,), (6.65189,), (11.76846, 12.99356, 13.39787), (15.62862,), (16.76683,), (17.83255,)):
        near = np.abs(FREQUENCIES - np.mean((group[0], group[-1]))) < 0.5 + 0.5 * (group[-1] - group[0])
        states = sum(LINES[line] for line in group)
        # a mode's kinetic energy is kT/2 ± what half a period at the ends of 8 ps may leave: 1 in 2 · 8 ps · 4.7 THz
        assert density[near].sum() * 0.02 == pytest.approx(states, rel=0.03)
        counted += density[near].sum() * 0.02
        if len(group) == 1:
            top = FREQUENCIES[near][np.argmax(density[near])]
            assert top == pytest.approx(group[0], abs=0.02)  # the grid
    assert counted == pytest.approx(45, rel=5e-3)


def test_the_density_of_states_has_all_degrees_of_freedom(cold):
    """Up to half the sampling rate, by trapezia between frequencies that are fine enough to be exact."""
    fine = np.linspace(0, 125.0, 2049)  # 1/(2 · 4 fs)
    for window in ("hann", "rectangular"):
        density = VibrationalDensityOfStates(fine, 1024, window=window).estimate(cold[0], uniform(cold))
        assert np.trapezoid(density[0], fine) == pytest.approx(45, rel=1e-9)


def test_parts_of_species_add_up_to_the_whole(cold):
    half = cold[0]._replace(numbers=cold[0].numbers.at[:, ::2].set(6))
    density = VibrationalDensityOfStates(FREQUENCIES, 200, ("total", "Si", "C")).estimate(half, uniform(half))
    np.testing.assert_allclose(density[0], density[1] + density[2], rtol=1e-10, atol=1e-10)


def test_velocities_at_no_lag_are_the_temperature(cold):
    c = VelocityAutocorrelation(10).estimate(cold[0], uniform(cold)) / units.ps**2
    mass = float(CRYSTAL.masses[0])
    heat = float(np.mean(cold[2]))
    assert c[0, 0] == pytest.approx(3 * units.kB * heat / mass * 15 / 16, rel=1e-12)  # 3N − 3 degrees of freedom
    assert heat == pytest.approx(1.0, rel=0.01)


def test_correlations_are_their_definition(cold):
    v = np.asarray(cold[0].velocities)[:50]
    few = jax.tree.map(lambda leaf: leaf[:50], cold[0])
    expected = [np.mean(np.sum(v[: 50 - t] * v[t:], axis=2)) for t in range(20)]
    found = VelocityAutocorrelation(20).estimate(few, uniform(few))[0] / units.ps**2
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-12 * expected[0])


def test_a_mode_has_its_energy_at_its_frequency(cold, modes):
    spectra = np.asarray(modes.estimate(cold[1], uniform(cold)))
    tops = FREQUENCIES[np.argmax(spectra, axis=1)]
    lines = np.asarray(diffsim.phonon_frequencies(SW, PRIMITIVE, [L_POINT]))[0]
    np.testing.assert_allclose(tops, lines, atol=0.02)
    # all of it is kinetic at the start, and which share of 24 kT this one of four L points has depends on the machine,
    # which picks a basis of each degenerate set
    wave = np.exp(-2j * np.pi * lattice_points((2, 2, 2)) @ np.array(L_POINT))
    masses = np.asarray(CRYSTAL.masses)[:, None]
    amplitudes = np.einsum("L,iLx->ix", wave, (started() / np.sqrt(masses)).reshape(2, 8, 3)) / np.sqrt(8)
    assert spectra.sum() * 0.02 == pytest.approx(0.5 * np.sum(np.abs(amplitudes) ** 2), rel=0.05)
    other = [s[np.abs(FREQUENCIES - line) > 1].sum() for s, line in zip(spectra, lines, strict=True)]
    # nothing of the other modes: the projection is clean; compared with the mean, as some modes have little themselves
    assert max(other) < 2e-3 * spectra.sum() / len(spectra)


def test_a_wave_that_does_not_fit_is_refused():
    with pytest.raises(ValueError, match=r"the wave \[0.25, 0.0, 0.0\] does not fit into \(2, 2, 2\) cells"):
        SpectralEnergyDensity.of(SW, PRIMITIVE, (2, 2, 2), (0.25, 0, 0), frequencies=FREQUENCIES, lags=10)


def test_the_width_of_a_line_is_the_lifetime():
    """Oscillators with friction γ and noise, drawn exactly: energy decays with τ = 1/γ, full width γ/2π."""
    gamma, line, dt, many = 2.0, 8.0, 0.01, 64  # 1/ps, THz, ps
    rng = np.random.default_rng(0)
    decay = np.exp((-0.5 * gamma + 2j * np.pi * line) * dt)
    kick = np.sqrt(1 - np.abs(decay) ** 2)
    noise = (rng.standard_normal((8192, many)) + 1j * rng.standard_normal((8192, many))) / np.sqrt(2)
    a = [noise[0]]
    for xi in noise[1:]:
        a.append(decay * a[-1] + kick * xi)
    time = jnp.arange(8192) * dt * units.ps
    near = np.arange(6.5, 9.5, 0.02)
    observable = SpectralEnergyDensity(jnp.zeros((many, 1, 3), complex), frequencies=near, lags=1000)
    records = Amplitudes(time, jnp.asarray(np.array(a)))
    spectra = np.asarray(observable.estimate(records, uniform(records)))
    found = damped_line(near, spectra.mean(axis=0), dt, 1000)
    assert found.frequency == pytest.approx(line, abs=0.01)
    assert found.width == pytest.approx(gamma / (2 * np.pi), rel=0.05)  # 64 · 82 ps of τ = 0.5 ps: 1 to 2 %


def free_gas(frames: int):
    """Atoms that do not see each other: straight lines."""
    rng = np.random.default_rng(0)
    atoms = Atoms("Ar4Kr4", 30 * rng.uniform(size=(8, 3)), cell=[300] * 3, pbc=True)
    nothing = LennardJones(epsilon=0.0, sigma=0.1, cutoff=0.2)
    simulator = VelocityVerlet(2 * units.fs)
    state = simulator.init(nothing, System.from_ase(atoms), jax.random.key(1), 300.0)
    keep = MeanSquareDisplacement(1), VelocityAutocorrelation(1)

    def record(potential: LennardJones, state: State):
        return tuple(one.record(potential, state) for one in keep)

    return state, simulate(nothing, simulator, state, Schedule(frames=frames, stride=5), record)[0]


def test_free_atoms_fly_straight():
    """⟨x²⟩ = v² t², C(t) = v², for each species; D = v² t/3 by Green–Kubo, the slope of v² t²/6 by Einstein."""
    state, (places, velocities) = free_gas(60)
    squares = np.sum(np.asarray(state.momenta / state.system.masses[:, None]) ** 2, axis=1) * units.ps**2
    mean = np.array([squares.mean(), squares[:4].mean(), squares[4:].mean()])
    names = ("total", "Ar", "Kr")
    t = 0.01 * np.arange(30)
    msd = MeanSquareDisplacement(30, names).estimate(places, uniform(places))
    np.testing.assert_allclose(msd, mean[:, None] * t**2, rtol=1e-9, atol=1e-10)
    c = VelocityAutocorrelation(30, names).estimate(velocities, uniform(velocities))
    np.testing.assert_allclose(c, np.broadcast_to(mean[:, None], c.shape), rtol=1e-9)
    green_kubo = GreenKuboDiffusion(30, names).estimate(velocities, uniform(velocities))
    np.testing.assert_allclose(green_kubo, mean * t[-1] / 3, rtol=1e-9)
    einstein = Diffusion(30, 10, names).estimate(places, uniform(places))
    np.testing.assert_allclose(einstein, mean * (t[10] + t[-1]) / 6, rtol=1e-9)


def test_a_random_walk_diffuses():
    """Langevin's free particle, drawn exactly: D = kT/mγ from both, and the ballistic start."""
    gamma, speed2, dt = 5.0, 3.0, 0.02  # 1/ps; ⟨v²⟩ in Å²/ps², all three directions
    rng = np.random.default_rng(1)
    decay = np.exp(-gamma * dt)
    v = np.empty((20000, 40, 3))
    v[0] = rng.standard_normal((40, 3)) * np.sqrt(speed2 / 3)
    noise = rng.standard_normal(v.shape) * np.sqrt(speed2 / 3 * (1 - decay**2))
    for n in range(1, len(v)):
        v[n] = decay * v[n - 1] + noise[n]
    x = np.cumsum(0.5 * dt * (v + np.roll(v, 1, axis=0)), axis=0)
    time, numbers = jnp.arange(20000) * dt * units.ps, jnp.full((20000, 40), 18)
    places = Places(time, jnp.asarray(x), numbers)
    masses, freedom = jnp.ones((20000, 40)), jnp.ones(20000)
    velocities = Velocities(time, jnp.asarray(v) / units.ps, numbers, masses, freedom)
    exact = speed2 / 3 / gamma
    # 40 walks of 400 ps and τ = 0.2 ps: 1–2 %
    assert Diffusion(200, 100).estimate(places, uniform(places))[0] == pytest.approx(exact, rel=0.06)
    assert GreenKuboDiffusion(200).estimate(velocities, uniform(velocities))[0] == pytest.approx(exact, rel=0.06)


def test_derivatives_by_momenta_and_parameters_are_differences_in_both_modes():
    simulator = VelocityVerlet(2 * units.fs)
    start = simulator.init(MORSE, PRIMITIVE, jax.random.key(3), 300.0)
    n = start.momenta.size
    modes = SpectralEnergyDensity.of(SW, PRIMITIVE, (1, 1, 1), (0, 0, 0), frequencies=[9.0, 17.0], lags=6)
    observables = VibrationalDensityOfStates([5.0, 9.0], 6), GreenKuboDiffusion(6), Diffusion(6, 2), modes

    def predictions(z):
        potential = eqx.tree_at(lambda p: p.D, MORSE, z[-1])
        state = start.replace(momenta=z[:n].reshape(-1, 3))
        record = lambda p, s: [one.record(p, s) for one in observables]  # noqa: E731
        records, _ = trajectory(potential, simulator, state, 8, 2, record)
        found = [one.estimate(kept, jnp.full(8, 1 / 8)) for one, kept in zip(observables, records, strict=True)]
        return jnp.stack([jnp.sum(one * jnp.arange(1, 1 + one.size).reshape(one.shape)) for one in found])

    at = jnp.append(start.momenta.reshape(-1), MORSE.D)
    reverse, forward = jax.jit(jax.jacrev(predictions))(at), jax.jit(jax.jacfwd(predictions))(at)
    expected = differences(jax.jit(predictions), at, 1e-3)
    size = np.abs(expected).max(axis=1, keepdims=True)
    np.testing.assert_allclose(reverse / size, forward / size, rtol=0, atol=1e-10)
    np.testing.assert_allclose(forward / size, expected / size, rtol=0, atol=1e-8)


def test_correlations_refuse_what_is_no_run(cold):
    few = jax.tree.map(lambda leaf: leaf[:10], cold[0])
    with pytest.raises(ValueError, match="20 lags need more than the 10 frames"):
        VelocityAutocorrelation(20).estimate(few, uniform(few))
    with pytest.raises(ValueError, match="cannot be reweighted"):
        VelocityAutocorrelation(5).estimate(few, jnp.arange(10.0) / 45)
    torn = few._replace(time=few.time.at[5:].add(1.0))
    with pytest.raises(ValueError, match="equally far apart"):
        VelocityAutocorrelation(5).estimate(torn, uniform(torn))


def test_a_clock_in_32_bits_is_that_of_one_run():
    """It adds up steps, each of which is rounded, ever more coarsely."""
    step = np.float32(2.0 * units.fs)
    time = jnp.asarray(np.cumsum(np.full(200_000, step), dtype=np.float32)[::10])
    assert np.ptp(np.diff(time)) > 1e-3 * np.diff(time).max()
    share = jnp.full(len(time), 1 / len(time))
    spacing(time, share, 5)
    with pytest.raises(ValueError, match="equally far apart"):
        spacing(time.at[10_000:].add(-time[10_000]), share, 5)


def test_time_correlations_say_so():
    assert VelocityAutocorrelation.correlates_times
    assert Diffusion(5, 1).correlates_times
    assert not diffsim.RadialDistribution.correlates_times
