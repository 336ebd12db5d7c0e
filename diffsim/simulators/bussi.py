"""Constant temperature by rescaling all momenta alike."""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from diffsim.fields import as_array
from diffsim.simulators.base import check_positive
from diffsim.simulators.langevin import ornstein_uhlenbeck
from diffsim.simulators.splitting import AbstractSplitting
from diffsim.simulators.state import State, drift
from diffsim.simulators.temperature import Temperature, as_temperature, kelvin


class Bussi(AbstractSplitting):
    """Constant temperature: stochastic velocity rescaling (doi:10.1063/1.2408420).

    p ← α p in the middle of a step of velocity Verlet, with α such that the kinetic energy K follows

    dK = (K̄ − K) dt/τ + 2 √(K K̄/g) dW/√τ,   K̄ = g k_B T/2,   g degrees of freedom

    exactly. Friction γ = 1/2τ and noise on each atom make K do just that. So K is given the value, and α the sign, that
    a step of theirs would lead to; directions of the momenta stay, and with them most of the dynamics.
    """

    dt: Float[Array, ""] = eqx.field(converter=as_array)  # Å √(amu/eV)
    temperature: Temperature = eqx.field(converter=as_temperature)  # K
    timescale: Float[Array, ""] = eqx.field(converter=as_array)  # τ, Å √(amu/eV)

    def __check_init__(self) -> None:
        check_positive("timescale", self.timescale, "Å √(amu/eV)")

    def middle(self, state: State) -> State:
        state = drift(state, 0.5 * self.dt)
        heat = kelvin(self.temperature, state.time)
        keep, noise = ornstein_uhlenbeck(state, 0.5 * self.dt / self.timescale, heat)
        p, q = state.momenta, keep * state.momenta + noise
        inner = lambda a, b: jnp.sum(a * b / state.system.masses[:, None])  # noqa: E731
        rest = inner(p, p) == 0  # nothing to rescale yet
        size = jnp.sqrt(inner(q, q) / jnp.where(rest, 1.0, inner(p, p)))
        momenta = jnp.where(rest, q, jnp.where(inner(p, q) < 0, -size, size) * p)
        return drift(state.replace(momenta=momenta), 0.5 * self.dt)
