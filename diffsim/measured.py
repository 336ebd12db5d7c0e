"""The derivative of a moving experiment by one method, measured: what it is, how noisy, and what it costs."""

from __future__ import annotations

import dataclasses
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from diffsim.experiment import Experiment
from diffsim.gradients import AbstractGradient, Reweighting
from diffsim.parametrization import Parametrization
from diffsim.pilot import Pilot, ever_roomier
from diffsim.potentials.base import AbstractPotential
from diffsim.simulators import State
from diffsim.timing import compiled, timed

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


def gradient_by(run: Pilot, name: str, method: AbstractGradient) -> Gradient:
    """The derivative by one method, or the sentence by which it refuses."""
    nothing = Gradient(method, name, np.empty(0), np.empty(0), 0, float("nan"), 0)
    try:
        experiment = dataclasses.replace(run.experiment, gradient=method)
        for states in ever_roomier(run.experiment, run.potential, run.states):
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


def _sentence(error: Exception) -> str:
    """What an error says, without what jax puts around it."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    marked = [line.split("EquinoxRuntimeError: ")[1] for line in lines if "EquinoxRuntimeError: " in line]
    return (marked or lines)[0]
