"""What is known of a fit after an update, and how one that was stored is gone on from."""

from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from diffsim.gradients import Auto
from diffsim.optimizers import AbstractMethod, Moved, Problem
from diffsim.potentials.base import AbstractPotential
from diffsim.simulators.state import State
from diffsim.trees import Packed


class Memory(NamedTuple):
    """What the next update needs."""

    free: Float[Array, " free"]
    states: dict[str, State]  # where each experiment starts
    optimizer: Any  # its own memory
    done: bool  # whether the optimizer sees no way further
    gradients: dict[str, str]  # what `Auto` has chosen for which experiments


class FitState(NamedTuple):
    """What is known after an update; handing it back to `fit` goes on from it."""

    step: int
    potential: AbstractPotential
    loss: float  # ½ Σ residuals² at this potential, those of the priors included
    predictions: dict[str, dict[str, np.ndarray]]  # {experiment: {target: array}} at this potential
    start: dict[str, dict[str, np.ndarray]]  # the predictions that the fit began with
    losses: tuple[float, ...]  # at the start and after each update
    evaluations: int  # of the experiments, with or without derivatives, since the fit began
    seconds: float  # since the fit began, compilation included
    memory: Memory
    diagnostics: dict[str, float]  # what gradient methods say of their samples, as experiment/name


def state_of(step: int, problem: Problem, moved: Moved, seconds: float, before: FitState | None = None) -> FitState:
    """What is known after a move, `before` it what was known then."""
    predictions = jax.tree.map(np.asarray, moved.outcome.predictions)
    loss = float(moved.outcome.loss)
    memory = jax.tree.map(_strong, moved.memory)
    return FitState(
        step=step,
        potential=problem.at(moved.free),
        loss=loss,
        predictions=predictions,
        start=before.start if before else predictions,
        losses=(*before.losses, loss) if before else (loss,),
        evaluations=int(moved.evaluations) + (before.evaluations if before else 0),
        seconds=seconds,
        memory=Memory(moved.free, problem.states, memory, bool(moved.done), _choices(problem)),
        diagnostics={name: float(value) for name, value in moved.outcome.diagnostics.items()},
    )


def kept_choices(state: FitState | Packed | None) -> dict[str, str]:
    """What `Auto` had chosen in the fit that a state is of."""
    if isinstance(state, Packed):
        return state.plain("memory", "gradients") or {}
    return {} if state is None else state.memory.gradients


def _choices(problem: Problem) -> dict[str, str]:
    methods = {name: experiment.gradient for name, experiment in problem.experiments.items()}
    return {name: method.words for name, method in methods.items() if isinstance(method, Auto)}


def restored(state: FitState | Packed, problem: Problem, method: AbstractMethod) -> FitState:
    """A state of this very fit, from its plain data if need be.

    **Raises** `ValueError` for that of another potential, other experiments, parameters or another optimizer.
    """
    if isinstance(state, Packed):
        try:
            state = state.unpack(_blank(problem, method))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"the state to go on from is not one of this fit: {error}") from error
    assert isinstance(state, FitState)
    found, expected = state.memory.free.shape, problem.parametrization.start.shape
    if found != expected:
        raise ValueError(f"the state to go on from has {found[0]} free numbers, but this fit has {expected[0]}")
    return state


def _strong(leaf: Any) -> Any:
    """Without jax's weak type, which plain data cannot tell: a state that was stored runs the same compiled program."""
    return jnp.asarray(leaf, leaf.dtype) if getattr(leaf, "weak_type", False) else leaf


def _blank(problem: Problem, method: AbstractMethod) -> FitState:
    """A state of the right structure, whose numbers mean nothing: what a stored one is read into."""
    moved = eqx.filter_eval_shape(method.start, problem, problem.parametrization.start)
    predictions = jax.tree.map(lambda array: np.zeros(array.shape, array.dtype), moved.outcome.predictions)
    memory = Memory(moved.free, problem.states, moved.memory, False, _choices(problem))
    said = dict.fromkeys(moved.outcome.diagnostics, 0.0)
    return FitState(0, problem.potential, 0.0, predictions, predictions, (0.0,), 0, 0.0, memory, said)
