"""For every simulator: as many steps again from a file are bit for bit one longer run."""

import diffrax
import equinox as eqx
import jax
import pytest

from diffsim import (
    Brownian,
    Bussi,
    Langevin,
    NoseHoover,
    Ode,
    Ramp,
    Schedule,
    StochasticCellRescaling,
    VelocityVerlet,
    load_state,
    save_state,
    simulate,
    units,
)
from tests.simulators.ensembles import ARGON, LJ

fs = units.fs
RAMP = Ramp(20.0, 60.0, 100 * fs)
CHAIN = NoseHoover(5 * fs, RAMP, timescale=50 * fs)
SIMULATORS = [
    VelocityVerlet(5 * fs),
    Langevin(5 * fs, RAMP, friction=1 / (100 * fs)),
    CHAIN,
    Bussi(5 * fs, RAMP, timescale=50 * fs),
    Brownian(1 * fs, RAMP, friction=1 / (100 * fs)),
    StochasticCellRescaling(CHAIN, 0.0, timescale=100 * fs, compressibility=50.0, full_cell=True),
    Ode(5 * fs, diffrax.Tsit5()),
]


@pytest.mark.parametrize("simulator", SIMULATORS, ids=lambda s: type(s).__name__)
def test_going_on_from_a_file_is_bit_for_bit_a_longer_run(simulator, tmp_path):
    start = lambda seed: simulator.init(LJ, ARGON, jax.random.key(seed), 40.0)  # noqa: E731
    half = Schedule(frames=1, stride=10)
    _, last = simulate(LJ, simulator, start(0), Schedule(frames=1, stride=20))
    save_state(tmp_path / "half.npz", simulate(LJ, simulator, start(0), half)[1])
    restored = load_state(tmp_path / "half.npz").unpack(start(1))
    _, end = simulate(LJ, simulator, restored, half)
    assert int(end.step) == 20
    assert eqx.tree_equal(end, last)
