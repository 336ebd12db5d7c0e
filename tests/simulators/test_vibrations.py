"""The stiffest vibration: what the dense Hessian says, what velocity Verlet can follow, and who is warned when."""

import warnings

import jax
import numpy as np
import pytest
from ase.build import bulk
from helpers import copper_gold, rattled

import diffsim
from diffsim import Brownian, LennardJones, Schedule, StillingerWeber, System, VelocityVerlet, simulate, units
from diffsim.simulators.vibrations import fastest_vibration, largest_eigenvalue
from diffsim.system import stack

SW = StillingerWeber.silicon()
VERLET = VelocityVerlet(1 * units.fs)
SILICON = rattled(bulk("Si", a=5.431, cubic=True), 0.1, strain=0.03)
CRYSTALS = {
    "silicon": (SW, SILICON),
    "argon": (
        LennardJones(epsilon=0.0104, sigma=3.4, cutoff=5.2),
        rattled(bulk("Ar", a=5.3, cubic=True).repeat(2), 0.2),
    ),
    "CuAu": (copper_gold(cutoff=4.5, onset=3.5), rattled(bulk("CuAu", "cesiumchloride", a=3.15).repeat(2), 0.1)),
}


def dense(potential, system: System, mobile: np.ndarray) -> float:
    """From the eigenvalues of the Hessian of those atoms."""
    hessian = np.asarray(diffsim.hessian(potential, system))[mobile][:, :, mobile].reshape(3 * mobile.sum(), -1)
    root = np.repeat(np.sqrt(np.asarray(system.masses)[mobile]), 3)
    return np.sqrt(np.linalg.eigvalsh(hessian / np.outer(root, root))[-1])


@pytest.mark.parametrize("name", CRYSTALS)
def test_the_fastest_vibration_is_that_of_the_dense_hessian(name):
    potential, system = CRYSTALS[name]
    state = VERLET.init(potential, system, jax.random.key(0), 100.0)
    found, expected = (
        fastest_vibration(potential, VERLET, state),
        dense(potential, system, np.asarray(system.numbers) > 0),
    )
    # from below, by ten products with matrices of up to 96 × 96; differences of forces are good to 1e-5
    assert 0.98 * expected < found < (1 + 1e-4) * expected


def test_atoms_that_are_held_do_not_vibrate():
    mobile = np.arange(8) < 3
    state = VERLET.init(SW, SILICON, jax.random.key(0), 100.0, mobile=mobile)
    expected = dense(SW, SILICON, mobile)
    assert fastest_vibration(SW, VERLET, state) == pytest.approx(expected, rel=1e-3)  # 9 × 9: all but exhausted
    nothing = VERLET.init(SW, SILICON, jax.random.key(0), 100.0, mobile=np.zeros(8, bool))
    assert fastest_vibration(SW, VERLET, nothing) == 0


@pytest.mark.parametrize(("omega_dt", "stable"), [(1.9, True), (2.1, False)])
def test_velocity_verlet_is_stable_up_to_two(omega_dt, stable):
    """So cold that the crystal is harmonic; just above the limit a mode grows by more than a third each step."""
    crystal = System.from_ase(bulk("Si", a=5.431, cubic=True))
    state = VERLET.init(SW, crystal, jax.random.key(0), 1e-12)
    verlet = VelocityVerlet(omega_dt / fastest_vibration(SW, VERLET, state))
    with pytest.warns(UserWarning, match="stiffest vibration"):
        _, last = simulate(SW, verlet, state, Schedule(frames=1, stride=25))
    growth = np.linalg.norm(last.momenta) / np.linalg.norm(state.momenta)
    assert (growth < 10) if stable else (growth > 1e4)


def test_the_largest_eigenvalue_is_the_largest_though_another_is_larger_in_size():
    values = np.array([-9.0, -2.0, 0.0, 1.0, 3.0])
    turn = np.linalg.qr(np.random.default_rng(1).standard_normal((5, 5)))[0]
    matrix = turn @ np.diag(values) @ turn.T
    assert largest_eigenvalue(lambda v: matrix @ v, np.ones(5)) == pytest.approx(3.0, rel=1e-9)
    assert largest_eigenvalue(lambda v: np.nan * v, np.ones(5)) == 0


def started(system: System = SILICON, dt: float = 1.0):
    simulator = VelocityVerlet(dt * units.fs)
    return simulator, simulator.init(SW, system, jax.random.key(0), 10.0)


def test_a_long_step_is_warned_of_once_with_what_to_take():
    simulator, state = started(dt=8.0)
    several = stack([state, state, state])
    with pytest.warns(UserWarning, match="stiffest vibration") as caught:
        simulate(SW, simulator, several, Schedule(frames=3, stride=2))
    assert len(caught) == 1
    sentence = str(caught[0].message)
    period = 2 * np.pi / fastest_vibration(SW, simulator, state) / units.fs
    assert sentence.startswith("a time step of 8 fs makes ")
    assert f"or {period:.3g} fs: take 10 of them, {period / 10:.2g} fs" in sentence
    assert f"unstable from {period / np.pi:.3g} fs on" in sentence


def test_a_step_that_is_short_enough_is_not():
    simulator, state = started(dt=4.0)  # 56 fs is silicon's shortest period
    with warnings.catch_warnings(action="error"):
        simulate(SW, simulator, state, Schedule(frames=1))


def test_what_goes_on_for_a_short_stretch_is_not_looked_at_again():
    simulator, state = started(dt=8.0)
    with pytest.warns(UserWarning, match="stiffest vibration"):
        _, state = simulate(SW, simulator, state, Schedule(frames=1))
    with warnings.catch_warnings(action="error"):
        simulate(SW, simulator, state, Schedule(frames=10))


def test_motion_without_vibrations_may_take_longer_steps():
    simulator = Brownian(8 * units.fs, 10.0, friction=5.0)
    state = simulator.init(SW, SILICON, jax.random.key(0))
    with warnings.catch_warnings(action="error"):
        simulate(SW, simulator, state, Schedule(frames=1))
