"""Constant temperature without noise."""

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from diffsim.fields import as_array, constant
from diffsim.mechanics import total_energy
from diffsim.potentials.base import AbstractPotential
from diffsim.simulators.base import check_positive
from diffsim.simulators.momenta import degrees_of_freedom, kinetic_energy
from diffsim.simulators.splitting import AbstractReversible
from diffsim.simulators.state import State, drift
from diffsim.simulators.temperature import Temperature, as_temperature, thermal_energy
from diffsim.system import System

_W = 1 / (2 - 2 ** (1 / 3))
_WEIGHTS = (_W, 1 - 2 * _W, _W)  # Suzuki and Yoshida's of fourth order (doi:10.1016/0375-9601(90)90092-3)


class Chain(NamedTuple):
    """What the links of the chain have gone through, and how fast they move."""

    xi: Float[Array, "*replicas links"]
    v_xi: Float[Array, "*replicas links"]  # per unit of time


class NoseHoover(AbstractReversible):
    """Constant temperature: a chain of Nosé and Hoover's thermostats (doi:10.1063/1.463940).

    dp = F dt − v₁ p dt,  dξ_k = v_k dt,  dv_k = (G_k − v_{k+1} v_k) dt,   v_{M+1} = 0

    G₁ = (2K/(g k_B T) − 1)/τ²,  G₂ = g v₁² − 1/τ²,  G_k = v_{k−1}² − 1/τ²,   masses Q₁ = g k_B T τ², Q_k = k_B T τ²

    The chain acts in the middle of the step (doi:10.1021/acs.jpca.9b02771). It starts at rest and draws no noise, so
    small or stiff systems may not forget how they began; g = 3 (N − 1) degrees of freedom.
    """

    dt: Float[Array, ""] = eqx.field(converter=as_array)  # Å √(amu/eV)
    temperature: Temperature = eqx.field(converter=as_temperature)  # K
    timescale: Float[Array, ""] = eqx.field(converter=as_array)  # τ, Å √(amu/eV)
    chain: int = constant(default=3)

    def __check_init__(self) -> None:
        check_positive("timescale", self.timescale, "Å √(amu/eV)")
        if self.chain < 1:
            raise ValueError(f"a chain has at least one thermostat, got chain = {self.chain}")

    def bath(self, system: System, key: Array) -> Chain:
        del key
        rest = jnp.zeros(self.chain, system.positions.dtype)
        return Chain(rest, rest)

    def middle(self, state: State) -> State:
        return self._flow(state, self.dt)

    def unmiddle(self, state: State) -> State:
        return self._flow(state, -self.dt)

    def conserved_energy(self, potential: AbstractPotential, state: State) -> Float[Array, ""]:
        """E + K + Σ_k Q_k v_k²/2 + k_B T (g ξ₁ + ξ₂ + … + ξ_M) in eV: constant where the temperature is."""
        kT, (xi, v) = thermal_energy(self.temperature, state.time), state.bath
        weights = jnp.ones(self.chain).at[0].set(degrees_of_freedom(state))
        reservoir = kT * jnp.sum(weights * (0.5 * (self.timescale * v) ** 2 + xi))
        return total_energy(potential, state.system, state.neighbors) + kinetic_energy(state) + reservoir

    def _flow(self, state: State, dt: Float[Array, ""]) -> State:
        state = drift(state, 0.5 * dt)
        kT, g = thermal_energy(self.temperature, state.time), degrees_of_freedom(state)
        heat = 2 * kinetic_energy(state) / (g * kT)

        def substep(carry: tuple[Chain, Array], weight: Array) -> tuple[tuple[Chain, Array], None]:
            chain, scale = carry
            return self._substep(chain, scale, heat, g, weight * dt), None

        start = (state.bath, jnp.ones((), heat.dtype))
        (chain, scale), _ = jax.lax.scan(substep, start, jnp.asarray(_WEIGHTS, heat.dtype))
        return drift(state.replace(momenta=scale * state.momenta, bath=chain), 0.5 * dt)

    def _substep(self, chain: Chain, scale: Array, heat: Array, g: Array, dt: Array) -> tuple[Chain, Array]:
        """The chain from its end to the momenta and back, which −dt undoes; heat = 2K/(g k_B T) at scale 1."""
        xi, v = chain.xi, [*chain.v_xi, jnp.zeros((), chain.v_xi.dtype)]

        def pull(k: int) -> Array:
            push = scale**2 * heat / self.timescale**2 if k == 0 else (g if k == 1 else 1.0) * v[k - 1] ** 2
            return push - 1 / self.timescale**2

        def sweep(k: int) -> None:
            damped = jnp.exp(-0.25 * dt * v[k + 1])
            v[k] = damped * (damped * v[k] + 0.5 * dt * pull(k))

        for k in reversed(range(self.chain)):
            sweep(k)
        scale = scale * jnp.exp(-dt * v[0])
        xi = xi + dt * jnp.stack(v[:-1])
        for k in range(self.chain):
            sweep(k)
        return Chain(xi, jnp.stack(v[:-1])), scale
