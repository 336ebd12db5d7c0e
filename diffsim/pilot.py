"""Short runs before a fit: how long a moving experiment remembers itself, and how fast neighbouring paths part."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from diffsim import units
from diffsim.experiment import Experiment, check
from diffsim.gradients import Forward, growth_rate
from diffsim.mechanics import total_energy
from diffsim.observables import independent_frames
from diffsim.parametrization import Parametrization, Trainable
from diffsim.potentials.base import AbstractPotential
from diffsim.simulators import State, members
from diffsim.timing import compiled, timed

_TANGENT = 1000  # steps over which growth is measured
_TRIES = 8  # with ever roomier lists


class Pilot(NamedTuple):
    """Runs of an experiment without derivatives, and what they tell."""

    potential: AbstractPotential
    experiment: Experiment
    held: Parametrization
    states: list[State]  # where the repeats start
    residuals: Float[Array, " components"]  # of the mean prediction
    seconds: float  # of one evaluation
    memory: int  # bytes
    growth: float  # λ, 1/ps
    memory_time: float  # ps, how long the potential energy remembers itself; NaN where the run is too short to tell
    length: float  # ps that a path method differentiates

    @property
    def step(self) -> float:
        """ps"""
        assert self.experiment.simulator is not None
        return float(self.experiment.simulator.dt) / units.ps

    @property
    def seen(self) -> float:
        """ps that frames are taken from."""
        schedule = self.experiment.schedule
        assert schedule is not None
        return self.length * schedule.frames * schedule.stride / schedule.steps


def pilot(
    potential: AbstractPotential, experiment: Experiment, trainable: Trainable, repeats: int, key: Array
) -> Pilot:
    """Runs a moving experiment so often, each time with other momenta and noise."""
    held = Parametrization.of(potential, trainable)
    plain = dataclasses.replace(experiment, gradient=Forward())
    starts = [plain.start(potential, key=own) for own in jax.random.split(key, repeats)]
    check("the pilot run", plain, potential, starts[0])
    for states in ever_roomier(plain, potential, starts):
        program, memory = compiled(_run, plain, potential, states[0])
        runs, seconds = timed(program, [(plain, potential, state) for state in states])
        if not any(np.any(run.state.overflow) for run in runs):
            break
    else:
        raise ValueError("the neighbour lists of the pilot run stay too short: check the potential and the time step")
    mean = jax.tree.map(lambda *found: jnp.mean(jnp.stack(found), axis=0), *(run.predictions for run in runs))
    simulator, schedule = experiment.simulator, experiment.schedule
    assert simulator is not None
    assert schedule is not None
    growth = _growth(potential, simulator, members(runs[0].state)[0], _TANGENT, jax.random.key(0))
    step = float(simulator.dt) / units.ps
    frames = _memory(np.concatenate([np.atleast_2d(run.energies) for run in runs]))
    return Pilot(
        potential,
        experiment,
        held,
        states,
        plain.residuals(mean),
        seconds,
        memory,
        float(growth) * units.ps,
        frames * schedule.stride * step,
        schedule.steps * step,
    )


def ever_roomier(experiment: Experiment, potential: AbstractPotential, states: list[State]) -> Iterator[list[State]]:
    """Starts with lists of ever more room: nobody knows before how much a run, or its way back, will need."""
    for _ in range(_TRIES):
        yield states
        states = [experiment.again(potential, state, state.system) for state in states]


class _Run(NamedTuple):
    predictions: Any
    energies: Float[Array, "*replicas frames"]
    state: State


def _run(experiment: Experiment, potential: AbstractPotential, state: State) -> _Run:
    """Predictions, and the potential energy of every frame."""

    def record(potential: AbstractPotential, state: State) -> Any:
        return experiment.record(potential, state), total_energy(potential, state.system, state.neighbors)

    found = experiment.gradient.sample(potential, experiment.simulator, state, experiment.schedule, record)
    records, energies = found.records
    return _Run(experiment.estimate(records, found.weights), energies, found.state)


@eqx.filter_jit
def _growth(potential: AbstractPotential, simulator: Any, state: State, steps: int, key: Array) -> Array:
    return growth_rate(potential, simulator, state, steps, key)


def _memory(energies: Float[np.ndarray, "runs frames"]) -> float:
    """Correlation time in frames, half the statistical inefficiency; NaN where a run is too short for it."""
    if energies.shape[1] < 8:
        return float("nan")
    worth = np.mean([float(independent_frames(series)) for series in energies])
    return 0.5 * max(energies.shape[1] / worth, 1.0)  # what is shorter than a frame cannot be told
