"""A crystal of 64 atoms at 300 K: its size without pressure, and elastic constants at a given size."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from ase.build import bulk

from diffsim import (
    Bussi,
    FiniteTemperatureElasticConstants,
    Langevin,
    LatticeConstant,
    Schedule,
    StochasticCellRescaling,
    System,
    simulate,
    units,
)
from diffsim.observables import AbstractObservable
from diffsim.potentials import AbstractPotential
from diffsim.simulators import AbstractSimulator
from diffsim.system import stack

TEMPERATURE, REPLICAS = 300.0, 8
DT, EQUILIBRATION = 2 * units.fs, 2500
CONSTANTS = FiniteTemperatureElasticConstants(temperature=TEMPERATURE)


class Sampled(NamedTuple):
    """A mean over replicas and its standard error, from their spread."""

    value: np.ndarray
    error: np.ndarray


def lattice_constant(potential: AbstractPotential, start: float, frames: int, stride: int) -> Sampled:
    """In Å, at zero pressure; `start` is the edge of the eight-atom cube to begin with."""
    barostat = StochasticCellRescaling(
        thermostat=Bussi(DT, TEMPERATURE, 0.2 * units.ps),
        pressure=0.0,
        timescale=0.5 * units.ps,
        compressibility=1 / (98 * units.GPa),
    )
    edge = _sampled(potential, barostat, start, (frames, stride), LatticeConstant(multiplicity=1))
    return Sampled(edge.value / 2, edge.error / 2)


def elastic_constants(potential: AbstractPotential, lattice: float, frames: int, stride: int) -> Sampled:
    """C11, C12 and C44 in GPa, isothermal, at this lattice constant in Å."""
    bath = Langevin(DT, TEMPERATURE, 2 / units.ps)
    return _sampled(potential, bath, lattice, (frames, stride), CONSTANTS)


def _sampled(
    potential: AbstractPotential,
    simulator: AbstractSimulator,
    edge: float,
    sampling: tuple[int, int],
    observable: AbstractObservable,
) -> Sampled:
    system = System.from_ase(bulk("Si", a=edge, cubic=True), [2, 2, 2])
    keys = jax.random.split(jax.random.key(3), REPLICAS)
    state = stack([simulator.init(potential, system, key) for key in keys])
    schedule = Schedule(*sampling, equilibration=EQUILIBRATION)
    records, _ = simulate(potential, simulator, state, schedule, observable.record)
    shares = jnp.full(schedule.frames, 1 / schedule.frames)
    of_one = lambda replica: jax.tree.map(lambda leaf: leaf[replica], records)  # noqa: E731
    alone = np.array([observable.estimate(of_one(replica), shares) for replica in range(REPLICAS)])
    return Sampled(alone.mean(axis=0), alone.std(axis=0, ddof=1) / np.sqrt(REPLICAS))
