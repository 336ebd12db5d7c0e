"""Short trajectories of every potential, and a number that depends on all that happens in them."""

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from helpers import POTENTIALS

from diffsim import Schedule, State, VelocityVerlet, units
from diffsim.gradients import AbstractGradient
from diffsim.simulators import AbstractSimulator

VERLET = VelocityVerlet(1 * units.fs)


def started(name: str, simulator: AbstractSimulator = VERLET, heat: float = 300.0, **more) -> tuple[Any, State]:
    """A potential of the table, and its tiny, rattled, strained system in motion."""
    potential, system = POTENTIALS[name]()
    return potential, simulator.init(potential, system, jax.random.key(1), heat, **more)


def record(potential: Any, state: State) -> dict[str, jax.Array]:
    """Something of everything: positions, momenta and forces, each atom with a weight of its own."""
    weights = jnp.cos(jnp.arange(state.momenta.size)).reshape(state.momenta.shape)
    centre = jnp.mean(state.system.positions, axis=0)
    return {
        "positions": jnp.sum(weights * (state.system.positions - centre) ** 2),
        "momenta": jnp.sum(weights * state.momenta),
        "forces": jnp.sum(weights * state.forces**2),
    }


def number(
    method: AbstractGradient, potential: Any, simulator: Any, state: State, schedule: Schedule
) -> tuple[jax.Array, Any]:
    """One number made of all records and the last state, and the diagnostics."""
    found = method.sample(potential, simulator, state, schedule, record)
    seen = sum(jnp.sum(jnp.sin(value) * found.weights) for value in found.records.values())
    return seen + jnp.sum(found.state.momenta**2) + 0.1 * jnp.sum(found.state.forces**2), found.diagnostics


def gradient(
    method: AbstractGradient, potential: Any, simulator: Any, state: State, schedule: Schedule
) -> tuple[np.ndarray, Any]:
    """The derivative of `number` by every parameter, flat, taken in the method's own mode; and the diagnostics."""
    theta, rest = eqx.partition(potential, eqx.is_inexact_array)
    value = lambda t: number(method, eqx.combine(t, rest), simulator, state, schedule)  # noqa: E731
    derivative = jax.jacfwd if method.mode == "forward" else jax.grad
    found, diagnostics = jax.jit(derivative(value, has_aux=True))(theta)
    return np.concatenate([np.ravel(leaf) for leaf in jax.tree.leaves(found)]), diagnostics


def flat(function: Callable, potential: Any) -> tuple[Callable, np.ndarray]:
    """A function of the potential as one of all its numbers, and these."""
    leaves, tree = jax.tree.flatten(eqx.filter(potential, eqx.is_inexact_array))
    rest = eqx.filter(potential, eqx.is_inexact_array, inverse=True)
    cuts = np.cumsum([leaf.size for leaf in leaves])[:-1]

    def of_numbers(numbers: Any) -> Any:
        parts = jnp.split(jnp.asarray(numbers), cuts)
        shaped = [part.reshape(leaf.shape) for part, leaf in zip(parts, leaves, strict=True)]
        return function(eqx.combine(jax.tree.unflatten(tree, shaped), rest))

    return jax.jit(of_numbers), np.concatenate([np.ravel(leaf) for leaf in leaves])
