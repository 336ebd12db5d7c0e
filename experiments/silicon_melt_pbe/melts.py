"""Classical melts of 64 atoms: of the published potentials by LAMMPS, of a fitted one by diffsim itself."""

from pathlib import Path
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from diffsim import AbstractPotential, Langevin, Schedule, State, System, simulate, units
from diffsim.mechanics import total_energy
from experiments.silicon_liquid.melts import Melt, crystal, sample

TEMPERATURE = 2500.0  # K, of atoms and of electrons
REPEATS = 2  # of the eight-atom cube
STRIDE = 50  # steps of 1 fs between two frames
_FRICTION = 2.0  # per ps


class Trajectory(NamedTuple):
    """What was sampled, and the energies that it was sampled with."""

    positions: np.ndarray  # [frames atoms 3] Å
    energies: np.ndarray  # [frames] eV


def published(potential, work: Path, name: str) -> np.ndarray:
    """Positions `[frames atoms 3]` of 10 ps, melted at 5000 K and quenched in LAMMPS."""
    path = work / f"{name}.npy"
    if not path.exists():
        np.save(path, sample(Melt(TEMPERATURE, REPEATS, sampling=10.0), 11, potential))
    return np.load(path)


def run(
    potential: AbstractPotential, start: np.ndarray, work: Path, name: str, *, rest: float, sampling: float
) -> Trajectory:
    """A melt of the potential from positions that another one left, after a rest; both in ps."""
    path = work / f"{name}.npz"
    if not path.exists():
        langevin = Langevin(dt=units.fs, temperature=TEMPERATURE, friction=_FRICTION / units.ps)
        state = langevin.init(potential, system_at(start), jax.random.key(7))
        steps = round(1000 * sampling)
        schedule = Schedule(steps // STRIDE, stride=STRIDE, equilibration=round(1000 * rest))
        positions, energies = simulate(potential, langevin, state, schedule, _keep)[0]
        np.savez(path, positions=positions, energies=energies)
    with np.load(path) as kept:
        return Trajectory(kept["positions"], kept["energies"])


def system_at(positions: np.ndarray) -> System:
    """The cell of the liquid with its atoms there."""
    return crystal(REPEATS).replace(positions=jnp.asarray(positions))


def spaced(frames: int, count: int) -> list[int]:
    """So many frames at equal distances, the last one among them."""
    return [frames * (k + 1) // count - 1 for k in range(count)]


def _keep(potential: AbstractPotential, state: State) -> Trajectory:
    return Trajectory(state.system.positions, total_energy(potential, state.system, state.neighbors))
