"""How fast neighbouring trajectories part: the growth that the derivative of a path inherits."""

from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from diffsim.potentials.base import AbstractPotential
from diffsim.simulators import State


def growth_rate(potential: AbstractPotential, simulator: Any, state: State, steps: int, key: Array) -> Float[Array, ""]:
    """Largest Lyapunov exponent, per unit of time, from a tangent that is kept at unit length (Benettin's method).

    λ = ⟨d ln|δ| / dt⟩, |δ|² = Σ δx² + (τ δp/m)², τ the unit of time, over the last three quarters of `steps`
    (doi:10.1007/BF02128236). Positions and momenta are varied, what a thermostat remembers is not.
    """
    masses = state.system.masses[:, None]

    def step(carry: tuple[State, tuple[Array, Array]], _: None) -> tuple[tuple[State, tuple[Array, Array]], Array]:
        state, tangent = carry

        def flow(positions: Array, momenta: Array) -> tuple[tuple[Array, Array], State]:
            after = simulator.step(potential, simulator.evaluate(potential, state.moved(positions, momenta)))
            return (after.system.positions, after.momenta), after

        at = (state.system.positions, state.momenta)
        _, tangent, after = jax.jvp(flow, at, tangent, has_aux=True)
        size = jnp.sqrt(jnp.sum(tangent[0] ** 2) + jnp.sum((tangent[1] / masses) ** 2))
        return (after, jax.tree.map(lambda t: t / size, tangent)), jnp.log(size)

    noise = jax.random.normal(key, (2, *state.momenta.shape), state.momenta.dtype)
    start = jax.lax.stop_gradient(state), (noise[0], noise[1] * masses)
    _, logs = jax.lax.scan(step, start, None, length=steps)
    return jnp.mean(logs[steps // 4 :]) / simulator.dt
