"""Constant temperature by friction and noise."""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from diffsim.fields import as_array
from diffsim.simulators.base import check_positive
from diffsim.simulators.momenta import thermal_noise
from diffsim.simulators.splitting import AbstractReversible
from diffsim.simulators.state import State, drift
from diffsim.simulators.temperature import Temperature, as_temperature, kelvin


class Langevin(AbstractReversible):
    """Constant temperature: Langevin dynamics, split as BAOAB (doi:10.1093/amrx/abs010, doi:10.1063/1.4802990).

    dp = F dt − γ p dt + √(2 γ m k_B T) dW

    p ← p + F(x) dt/2;  x ← x + p/m dt/2;  p ← c p + √(1 − c²) √(m k_B T) ξ;  x ← x + p/m dt/2;  p ← p + F(x) dt/2

    with c = e^{−γ dt}. Positions are sampled to dt⁴ where friction is strong and to dt² else, harmonic ones exactly.
    ξ has no part that would move the centre of mass, so 3 (N − 1) degrees of freedom share the heat; atoms that are
    held get none. Undoing a step draws the same noise again and divides by c: rounding grows as e^{γ t} on the way.
    """

    dt: Float[Array, ""] = eqx.field(converter=as_array)  # Å √(amu/eV)
    temperature: Temperature = eqx.field(converter=as_temperature)  # K
    friction: Float[Array, ""] = eqx.field(converter=as_array)  # γ, per unit of time

    def __check_init__(self) -> None:
        check_positive("friction", self.friction, "1/(Å √(amu/eV))")

    @property
    def loses_digits(self) -> bool:
        return True

    def middle(self, state: State) -> State:
        keep, noise = self._friction_and_noise(state)
        state = drift(state, 0.5 * self.dt)
        return drift(state.replace(momenta=keep * state.momenta + noise), 0.5 * self.dt)

    def unmiddle(self, state: State) -> State:
        keep, noise = self._friction_and_noise(state)
        state = drift(state, -0.5 * self.dt)
        return drift(state.replace(momenta=(state.momenta - noise) / keep), -0.5 * self.dt)

    def _friction_and_noise(self, state: State) -> tuple[Float[Array, ""], Float[Array, "atoms 3"]]:
        return ornstein_uhlenbeck(state, self.friction * self.dt, kelvin(self.temperature, state.time))


def ornstein_uhlenbeck(
    state: State, damping: Float[Array, ""], temperature: Float[Array, ""]
) -> tuple[Float[Array, ""], Float[Array, "atoms 3"]]:
    """c = e^{−γ dt}, and √(1 − c²) √(m k_B T) ξ of the state's step: p ← c p + noise keeps p Maxwellian."""
    noise = thermal_noise(state, state.step, temperature)
    return jnp.exp(-damping), jnp.sqrt(-jnp.expm1(-2 * damping)) * noise
