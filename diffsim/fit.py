"""The outer loop: a generator that makes a force field better, one update at a time.

The caller owns the loop, `for state in fit(potential, experiments, optax.adam(1e-2)): ...`, and leaves it when content.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np
import optax
import optimistix as optx
from jaxtyping import Array

from diffsim.experiment import Experiment, check
from diffsim.optimizers import AbstractMethod, Moved, Problem, method_for
from diffsim.parametrization import Parametrization
from diffsim.potentials.base import AbstractPotential

_ROOM = 0.3  # Å: lists that reach less far beyond the cutoff than this are made again before the next update


class FitState(NamedTuple):
    """What is known after an update; handing it back to `fit` goes on from it."""

    step: int
    potential: AbstractPotential
    loss: float  # ½ Σ residuals² at this potential
    predictions: dict[str, dict[str, np.ndarray]]  # {experiment: {target: array}} at this potential
    start: dict[str, dict[str, np.ndarray]]  # the predictions that the fit began with
    seconds: float  # since the fit began, compilation included
    memory: Any  # the optimizer's own


def fit(
    potential: AbstractPotential,
    experiments: Mapping[str, Experiment] | Sequence[Experiment],
    optimizer: optax.GradientTransformation | optx.AbstractGaussNewton,
    *,
    steps: int = 100,
    trainable: Sequence[str] | None = None,
    key: Array | None = None,
    state: FitState | None = None,
) -> Iterator[FitState]:
    """Yields a `FitState` after each of `steps` updates.

    `optimizer` is an optax transformation on the loss ½ Σ r², or `LevenbergMarquardt` (`GaussNewton`,
    `Dogleg`) of optimistix on the residuals r. `trainable` picks parameters by name; positive ones move in log space.
    `state` is one that an earlier fit yielded, to go on from. `key` is for experiments that draw random numbers.

    **Raises** `ValueError`, before anything is compiled, for targets of the wrong shape, unknown parameters and steps
    < 1; later, where predictions stop being finite.
    """
    del key  # static experiments draw none
    if steps < 1:
        raise ValueError(f"steps must be positive, got {steps}")
    if not isinstance(experiments, Mapping):
        experiments = {str(number): experiment for number, experiment in enumerate(experiments)}
    if not any(experiment.targets for experiment in experiments.values()):
        raise ValueError("nothing to fit to: give at least one experiment with a target")
    method = method_for(optimizer)
    parametrization = Parametrization.of(potential, trainable)
    start = potential if state is None else state.potential
    states = {name: experiment.start(start) for name, experiment in experiments.items()}
    for name, experiment in experiments.items():
        check(name, experiment, potential, states[name])
    return _updates(Problem(start, dict(experiments), states, parametrization), method, steps, state)


def _updates(problem: Problem, method: AbstractMethod, steps: int, state: FitState | None) -> Iterator[FitState]:
    done = state.step if state else 0
    began = time.perf_counter() - (state.seconds if state else 0.0)
    free = problem.parametrization.free(problem.potential)
    if state is None:
        problem, (free, memory, outcome) = _with_room(problem, lambda p: method.start(p, free))
        start = jax.tree.map(np.asarray, outcome.predictions)
    else:
        memory, start = state.memory, state.start
    for step in range(done + 1, done + steps + 1):
        here = (free, memory)
        problem, (free, memory, outcome) = _with_room(problem, lambda p: method.update(p, *here))  # noqa: B023
        predictions = jax.tree.map(np.asarray, outcome.predictions)
        seconds = time.perf_counter() - began
        yield FitState(step, problem.at(free), float(outcome.loss), predictions, start, seconds, memory)


def _with_room(problem: Problem, move: Callable[[Problem], Moved]) -> tuple[Problem, Moved]:
    """Moves, again with longer neighbour lists where they were too short, and renews those that soon will be."""
    for _ in range(5):
        free, memory, outcome = move(problem)
        lost = [name for name, system in outcome.systems.items() if not np.isfinite(system.positions).all()]
        if lost or not (outcome.overflow or np.isfinite(outcome.loss)):
            where = f" in experiment {lost[0]!r}" if lost else ""
            raise ValueError(
                f"the loss is {float(outcome.loss)}: no minimum was found{where}, or a structure left the radius of "
                "its neighbour list; start closer to a sensible potential, or take smaller steps"
            )
        if outcome.overflow:
            problem = problem.relisted(free, outcome)
            continue
        cutoff = problem.at(free).cutoff + _ROOM
        states = problem.states.items()
        if any(state.neighbors.overflow(outcome.systems[name], cutoff) for name, state in states):
            problem = problem.relisted(free, outcome)
        return problem, (free, memory, outcome)
    raise ValueError("a structure keeps growing out of its neighbour list: take smaller steps")
