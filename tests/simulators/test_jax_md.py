"""jax-md's ensembles through the adapter: with baths too slow to act, both are Newton's equations."""

import functools

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from diffsim import JaxMD, Schedule, VelocityVerlet, load_state, save_state, simulate, units
from diffsim.simulators.momenta import temperature
from tests.simulators.ensembles import ARGON, LJ

jax_md = pytest.importorskip("jax_md", reason="needs jax-md: pip install jax-md")
fs = units.fs
kT = units.kB * 30.0
SLOW = {"chain_length": 3, "chain_steps": 1, "sy_steps": 1, "tau": 1e8}


def nvt(**more) -> JaxMD:
    return JaxMD(5 * fs, functools.partial(jax_md.simulate.nvt_nose_hoover, kT=kT, **more))


def npt(pressure: float, thermostat: dict, barostat: dict) -> JaxMD:
    make = jax_md.simulate.npt_nose_hoover
    more = {"kT": kT, "pressure": pressure, "thermostat_kwargs": thermostat, "barostat_kwargs": barostat}
    return JaxMD(5 * fs, functools.partial(make, **more))


@pytest.mark.parametrize("simulator", [nvt(**SLOW), npt(0.0, SLOW, SLOW)], ids=["nvt", "npt"])
def test_a_bath_that_is_too_slow_leaves_newtons_equations(simulator):
    state = simulator.init(LJ, ARGON, jax.random.key(0), 60.0)
    _, last = simulate(LJ, simulator, state, Schedule(frames=1, stride=50))
    _, expected = simulate(LJ, VelocityVerlet(5 * fs), state, Schedule(frames=1, stride=50))
    assert jnp.abs(expected.system.positions - ARGON.positions).max() > 0.1
    np.testing.assert_allclose(last.system.positions, expected.system.positions, rtol=0, atol=1e-8)
    np.testing.assert_allclose(last.system.cell, ARGON.cell, rtol=0, atol=1e-8)


def test_pressure_squeezes_the_cell():
    quick = SLOW | {"tau": 100 * fs}
    simulator = npt(0.01, quick, quick | {"tau": 300 * fs})
    state = simulator.init(LJ, ARGON, jax.random.key(0), 30.0)
    volume, _ = simulate(LJ, simulator, state, Schedule(frames=200, stride=2), lambda _, s: s.system.volume)
    assert np.mean(volume[100:]) < 0.95 * float(ARGON.volume)


def test_a_thermostat_heats_to_its_temperature_and_goes_on_from_a_file(tmp_path):
    simulator = nvt(tau=100 * fs)
    start = lambda seed: simulator.init(LJ, ARGON, jax.random.key(seed), 10.0)  # noqa: E731
    run = lambda state, frames: simulate(LJ, simulator, state, Schedule(frames, stride=10), record)  # noqa: E731
    record = lambda _, state: temperature(state)  # noqa: E731
    heats, last = run(start(0), 400)
    assert np.mean(heats[100:]) == pytest.approx(30.0 * 4 / 3, rel=0.2)  # jax-md counts 3 N for 3 (N − 1); one crystal
    save_state(tmp_path / "half.npz", run(start(0), 200)[1])
    restored = load_state(tmp_path / "half.npz").unpack(start(1))
    _, end = run(restored, 200)
    assert eqx.tree_equal(end, last)
