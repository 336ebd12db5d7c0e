"""A crystal in motion at constant energy."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from diffsim import units
from diffsim.mechanics import total_energy
from diffsim.potentials.base import AbstractPotential
from diffsim.quality.structures import repeats
from diffsim.simulate import simulate
from diffsim.simulators import Schedule, State, VelocityVerlet
from diffsim.simulators.momenta import kinetic_energy
from diffsim.simulators.vibrations import fastest_vibration
from diffsim.system import System

_ATOMS = 32  # at least
_STEPS = 30  # a period of the stiffest vibration
_FRAMES, _STRIDE = 200, 5


class Motion(NamedTuple):
    """A stretch of constant-energy dynamics."""

    times: Float[np.ndarray, " frames"]  # ps
    energies: Float[np.ndarray, " frames"]  # meV/atom, from that of the first frame
    step: float  # fs
    systems: list[System]


def in_motion(potential: AbstractPotential, crystal: System, temperature: float) -> Motion:
    """A thousand steps of a thirtieth of the stiffest vibration, from a crystal at rest; `temperature` in K.

    **Raises** `ValueError` where nothing vibrates and where the trajectory explodes.
    """
    start = crystal.supercell(repeats(crystal, _ATOMS))
    key, hot = jax.random.key(0), 2 * temperature  # half of it goes into the potential energy
    trial = VelocityVerlet(units.fs)
    omega = fastest_vibration(potential, trial, trial.init(potential, start, key, hot))
    if not omega > 0:
        raise ValueError("nothing vibrates in the crystal at rest: no eigenvalue of its Hessian is positive")
    simulator = VelocityVerlet(2 * np.pi / omega / _STEPS)
    state = simulator.init(potential, start, key, hot)
    records, _ = simulate(potential, simulator, state, Schedule(frames=_FRAMES, stride=_STRIDE), _record)
    energies, positions, times = map(np.asarray, records)
    change, step = 1e3 * (energies - energies[0]) / len(start.numbers), float(simulator.dt) / units.fs
    return Motion(times / units.ps, change, step, [start.replace(positions=jnp.asarray(one)) for one in positions])


def _record(potential: AbstractPotential, state: State) -> Any:
    energy = total_energy(potential, state.system, state.neighbors) + kinetic_energy(state)
    return energy, state.system.positions, state.time
