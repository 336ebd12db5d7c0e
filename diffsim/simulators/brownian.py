"""Overdamped motion."""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from diffsim.fields import as_array
from diffsim.potentials.base import AbstractPotential
from diffsim.simulators.base import AbstractSimulator, check_positive, evaluated
from diffsim.simulators.momenta import thermal_noise
from diffsim.simulators.state import State, ticked
from diffsim.simulators.temperature import Temperature, as_temperature, kelvin


class Brownian(AbstractSimulator):
    """Overdamped Langevin dynamics by Leimkuhler and Matthews' scheme (doi:10.1093/amrx/abs010).

    dx = F/(mγ) dt + √(2 k_B T/(mγ)) dW

    x ← x + F/(mγ) dt + √(k_B T dt/(2mγ)) (ξ_n + ξ_{n+1})

    Averages of positions are right to dt², harmonic ones exactly, for what Euler's scheme costs. The friction γ is one
    per unit of mass, that of `Langevin`: an atom's mobility is 1/(mγ) and its diffusion k_B T/(mγ). As ξ_n of a step
    comes back in the next, noise has a memory of one step. The centre of mass stays. Momenta stay as they were drawn:
    they say nothing of the temperature.
    """

    dt: Float[Array, ""] = eqx.field(converter=as_array)  # Å √(amu/eV)
    temperature: Temperature = eqx.field(converter=as_temperature)  # K
    friction: Float[Array, ""] = eqx.field(converter=as_array)  # γ, per unit of time

    def __check_init__(self) -> None:
        check_positive("friction", self.friction, "1/(Å √(amu/eV))")

    @property
    def vibrates(self) -> bool:
        return False

    def step(self, potential: AbstractPotential, state: State) -> State:
        heat = kelvin(self.temperature, state.time)
        now, then = (thermal_noise(state, state.step + n, heat) for n in (0, 1))
        pushed = self.dt / self.friction * state.forces + jnp.sqrt(0.5 * self.dt / self.friction) * (now + then)
        positions = state.system.positions + pushed / state.system.masses[:, None]
        state = state.replace(system=state.system.replace(positions=positions))
        return evaluated(potential, ticked(state, self.dt))
