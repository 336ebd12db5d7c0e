"""The outer loop: a generator that makes a force field better, one update at a time.

The caller owns the loop, `for state in fit(potential, experiments, optax.adam(1e-2)): ...`, and leaves it when content.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import equinox as eqx
import jax
from jaxtyping import Array

from diffsim.choice import decided
from diffsim.experiment import Experiment, check
from diffsim.fields import constant
from diffsim.fit_state import FitState, kept_choices, restored, state_of
from diffsim.optimizers import AbstractMethod, Problem, method_for, with_room
from diffsim.parametrization import Parametrization, Trainable
from diffsim.potentials.base import AbstractPotential
from diffsim.trees import Packed


class Plateau(eqx.Module):
    """A rule to stop: over the last `patience` updates the loss has not fallen by `rtol` of itself."""

    rtol: float = constant(default=1e-6)
    patience: int = constant(default=5)

    def __check_init__(self) -> None:
        if not self.rtol >= 0:
            raise ValueError(f"rtol of a plateau must not be negative, got {self.rtol}")
        if self.patience < 1:
            raise ValueError(f"patience must be at least 1, got {self.patience}")

    def reached(self, losses: Sequence[float]) -> bool:
        """Whether the losses so far, the start's first, end in a plateau."""
        if len(losses) <= self.patience:
            return False
        before = min(losses[: -self.patience])
        return before - min(losses[-self.patience :]) <= self.rtol * before


def fit(
    potential: AbstractPotential,
    experiments: Mapping[str, Experiment] | Sequence[Experiment],
    optimizer: Any,
    *,
    steps: int = 100,
    trainable: Trainable = None,
    stop: Plateau | None = None,
    key: Array | None = None,
    state: FitState | Packed | None = None,
) -> Iterator[FitState]:
    """Yields a `FitState` after each update, until `steps` of them are done, or `stop`, or the optimizer's own end.

    `optimizer` is an optax transformation or optimistix's BFGS on the loss ½ Σ r², optimistix's `LevenbergMarquardt`
    (`GaussNewton`, `Dogleg`) on the residuals r, or `Scipy`. `trainable` picks parameters by name, or says by a mapping
    of names to `Free` how each may move; positive ones move in log space. `state` is one that an earlier fit of the
    same things yielded, or that `load_state` read, to go on from. `key` is for experiments that draw random numbers.

    **Raises** `ValueError`, before anything is compiled, for targets of the wrong shape, unknown parameters, steps < 1
    and a state of another fit; later, where predictions or their derivatives stop being finite (`SimulationError` for a
    trajectory) and the optimizer cannot take a smaller step instead: those of optax cannot.
    """
    if steps < 1:
        raise ValueError(f"steps must be positive, got {steps}")
    method = method_for(optimizer)
    problem = problem_of(potential, experiments, trainable, key, kept_choices(state))
    return updates(problem, method, steps, stop, None if state is None else restored(state, problem, method))


def problem_of(
    potential: AbstractPotential,
    experiments: Mapping[str, Experiment] | Sequence[Experiment],
    trainable: Trainable,
    key: Array | None = None,
    kept: Mapping[str, str] | None = None,
) -> Problem:
    """Experiments as a function of the free numbers, checked, with neighbour lists made for this potential.

    Where an experiment leaves its gradient method to `Auto`, that is chosen here, or `kept` from an earlier fit.
    """
    if not isinstance(experiments, Mapping):
        experiments = {str(number): experiment for number, experiment in enumerate(experiments)}
    if not any(experiment.targets for experiment in experiments.values()):
        raise ValueError("nothing to fit to: give at least one experiment with a target")
    parametrization = Parametrization.of(potential, trainable)
    experiments = decided(potential, experiments, trainable, kept=kept)
    keys = [None] * len(experiments) if key is None else jax.random.split(key, len(experiments))
    states = {
        name: experiment.start(potential, key=own)
        for (name, experiment), own in zip(experiments.items(), keys, strict=True)
    }
    for name, experiment in experiments.items():
        check(name, experiment, potential, states[name])
    return Problem(potential, dict(experiments), states, parametrization)


def updates(
    problem: Problem, method: AbstractMethod, steps: int, stop: Plateau | None, state: FitState | None
) -> Iterator[FitState]:
    """What `fit` yields, from things that are made and checked."""
    for name, experiment in problem.experiments.items():
        experiment.warn_of_long_step(problem.potential, problem.states[name])
    last = _begin(problem, method) if state is None else state
    began = time.perf_counter() - last.seconds
    problem = problem.starting_from(last.memory.states)
    for step in range(last.step + 1, last.step + steps + 1):
        if last.memory.done or (stop is not None and stop.reached(last.losses)):
            return
        free, memory = last.memory.free, last.memory.optimizer
        problem, moved = with_room(problem, lambda p: method.update(p, free, memory))  # noqa: B023
        last = state_of(step, problem, moved, time.perf_counter() - began, last)
        yield last


def _begin(problem: Problem, method: AbstractMethod) -> FitState:
    began = time.perf_counter()
    problem, moved = with_room(problem, lambda p: method.start(p, p.parametrization.start))
    return state_of(0, problem, moved._replace(done=False), time.perf_counter() - began)
