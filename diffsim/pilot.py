"""Short runs before a fit: what the derivative of a moving experiment is like by each method, and what it costs."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from diffsim import units
from diffsim.experiment import Experiment, check
from diffsim.gradients import AbstractGradient, Forward, Reweighting, growth_rate
from diffsim.mechanics import total_energy
from diffsim.observables import independent_frames
from diffsim.parametrization import Parametrization, Trainable
from diffsim.potentials.base import AbstractPotential
from diffsim.simulators import State, members

_TANGENT = 1000  # steps over which growth is measured
_TRIES = 8  # with ever roomier lists
_NUDGE = 0.01  # how far parameters are moved to see how many frames still count


class Gradient(NamedTuple):
    """The derivative of the loss by one method: what one evaluation gives, from several that differ in their noise.

    It is that by the free numbers, ln θ of positive parameters, at the residuals of the mean prediction.
    """

    method: AbstractGradient
    name: str
    mean: Float[np.ndarray, " free"]
    error: Float[np.ndarray, " free"]  # standard deviation of one evaluation
    repeats: int
    seconds: float  # of one evaluation, compiled
    memory: int  # bytes, temporary
    effective_sample_size: float = float("nan")  # frames that count after a step of 1 % along the gradient
    refusal: str = ""  # why the method does not apply; then there are no numbers

    @property
    def relative_error(self) -> float:
        """|error| / |mean|; infinite where the derivative is not finite."""
        noise, size = np.linalg.norm(self.error), np.linalg.norm(self.mean)
        return float(noise / size) if np.isfinite(noise) and np.isfinite(size) and size > 0 else float("inf")


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
    states = [plain.start(potential, key=own) for own in jax.random.split(key, repeats)]
    check("the pilot run", plain, potential, states[0])
    for _ in range(_TRIES):
        program, memory = compiled(_run, plain, potential, states[0])
        runs, seconds = timed(program, [(plain, potential, state) for state in states])
        if not any(np.any(run.state.overflow) for run in runs):
            break
        states = [plain.again(potential, state, state.system) for state in states]
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


def gradient_by(run: Pilot, name: str, method: AbstractGradient) -> Gradient:
    """The derivative by one method, or the sentence by which it refuses."""
    nothing = Gradient(method, name, np.empty(0), np.empty(0), 0, float("nan"), 0)
    try:
        experiment = dataclasses.replace(run.experiment, gradient=method)
        for states in _roomier(run):
            states = [method.prepare(run.potential, experiment.simulator, s, experiment.schedule) for s in states]
            given = run.held.start, run.held, run.potential, experiment
            program, memory = compiled(_slope, *given, states[0], run.residuals)
            try:
                found, seconds = timed(program, [(*given, state, run.residuals) for state in states])
            except RuntimeError as error:
                if "a neighbour list" not in _sentence(error):
                    raise
                continue
            if not any(one.overflow for one in found):
                break
        else:
            return nothing._replace(refusal="its neighbour lists stay too short: give them more room")
    except (ValueError, RuntimeError) as error:
        return nothing._replace(refusal=_sentence(error))
    each = np.array([one.gradient for one in found])
    counts = float("nan")
    if isinstance(method, Reweighting):
        lenient = dataclasses.replace(experiment, gradient=dataclasses.replace(method, enough=1e-12))
        along = _NUDGE * found[0].gradient / jnp.maximum(jnp.linalg.norm(found[0].gradient), 1e-300)
        moved = run.held.rebuild(run.potential, run.held.start + along)
        counts = float(_counted(lenient, moved, found[0].state))
    error = np.std(each, axis=0, ddof=1)
    return nothing._replace(
        mean=each.mean(axis=0), error=error, repeats=len(each), seconds=seconds, memory=memory,
        effective_sample_size=counts,
    )  # fmt: skip


def _roomier(run: Pilot) -> Iterator[list[State]]:
    """Starts with lists of ever more room: a way back, or a method's own way, may need more than the plain runs."""
    states = run.states
    for _ in range(_TRIES):
        yield states
        states = [run.experiment.again(run.potential, state, state.system) for state in states]


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


class _Slope(NamedTuple):
    gradient: Float[Array, " free"]
    state: State
    overflow: Array


def _slope(
    free: Array, held: Parametrization, potential: AbstractPotential, experiment: Experiment, state: State, bar: Array
) -> _Slope:
    """Derivative of Σ r̄ r by the free numbers, r̄ held."""

    def loss(free: Array) -> tuple[Array, tuple[State, Array]]:
        predictions, last, diagnostics = experiment.predict(held.rebuild(potential, free), state)
        return bar @ experiment.residuals(predictions), (last, diagnostics["overflow"])

    derivative = jax.jacfwd if experiment.gradient.mode == "forward" else jax.grad
    gradient, (last, overflow) = derivative(loss, has_aux=True)(free)
    return _Slope(gradient, last, overflow)


@eqx.filter_jit
def _counted(experiment: Experiment, potential: AbstractPotential, state: State) -> Array:
    return experiment.predict(potential, state)[2]["effective_sample_size"]


@eqx.filter_jit
def _growth(potential: AbstractPotential, simulator: Any, state: State, steps: int, key: Array) -> Array:
    return growth_rate(potential, simulator, state, steps, key)


def _memory(energies: Float[np.ndarray, "runs frames"]) -> float:
    """Correlation time in frames, half the statistical inefficiency; NaN where a run is too short for it."""
    if energies.shape[1] < 8:
        return float("nan")
    worth = np.mean([float(independent_frames(series)) for series in energies])
    return 0.5 * max(energies.shape[1] / worth, 1.0)  # what is shorter than a frame cannot be told


def compiled(function: Callable[..., Any], *given: Any) -> tuple[Callable[..., Any], int]:
    """A compiled function, and how many bytes it needs beside what goes in and comes out."""
    program = eqx.filter_jit(function).lower(*given).compile()
    return program, program.compiled.memory_analysis().temp_size_in_bytes


def timed(program: Callable[..., Any], calls: list[tuple[Any, ...]]) -> tuple[list[Any], float]:
    """What a compiled function returns to each call, and the median of the seconds that they took.

    On a processor those that it has worked, so that what else the machine does is not counted.
    """
    clock = time.process_time if jax.default_backend() == "cpu" else time.perf_counter
    found, seconds = [], []
    for given in calls:
        began = clock()
        found.append(jax.block_until_ready(program(*given)))
        seconds.append(clock() - began)
    return found, float(np.median(seconds))


def _sentence(error: Exception) -> str:
    """What an error says, without what jax puts around it."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    marked = [line.split("EquinoxRuntimeError: ")[1] for line in lines if "EquinoxRuntimeError: " in line]
    return (marked or lines)[0]
