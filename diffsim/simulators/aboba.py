"""Constant temperature by friction and noise, the noise of a step following its only force."""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from diffsim import units
from diffsim.fields import as_array
from diffsim.potentials.base import AbstractPotential
from diffsim.simulators.base import AbstractSimulator, check_positive, evaluated
from diffsim.simulators.langevin import ornstein_uhlenbeck
from diffsim.simulators.state import State, drift, ticked
from diffsim.simulators.temperature import Temperature, as_temperature, kelvin


class Aboba(AbstractSimulator):
    """Constant temperature: Langevin dynamics, split as ABOBA (doi:10.1093/amrx/abs010).

    x ← x + p/m dt/2;  p ← c (p + F(x) dt/2) + √(1 − c²) √(m k_B T) ξ + F(x) dt/2;  x ← x + p/m dt/2,  c = e^{−γ dt}

    Given where a step begins, its momenta are Gaussian, and the parameters of the potential enter their mean alone: the
    probability of a path has an exact derivative, that of `Score`. Positions are sampled to dt². Between steps the
    forces are those of half a step before: `evaluate` makes them those of the positions.
    """

    dt: Float[Array, ""] = eqx.field(converter=as_array)  # Å √(amu/eV)
    temperature: Temperature = eqx.field(converter=as_temperature)  # K
    friction: Float[Array, ""] = eqx.field(converter=as_array)  # γ, per unit of time

    def __check_init__(self) -> None:
        check_positive("friction", self.friction, "1/(Å √(amu/eV))")

    def step(self, potential: AbstractPotential, state: State) -> State:
        return self.after(evaluated(potential, self.halfway(state)))

    def halfway(self, state: State) -> State:
        """Where the force of the step is taken."""
        return drift(state, 0.5 * self.dt)

    def after(self, halfway: State) -> State:
        """The end of the step, from the state halfway with its forces."""
        keep, noise = self.keep_and_noise(halfway)
        momenta = keep * halfway.momenta + noise + (1 + keep) * 0.5 * self.dt * halfway.forces
        return ticked(drift(halfway.replace(momenta=momenta), 0.5 * self.dt), self.dt)

    def score(self, halfway: State) -> Float[Array, "atoms 3"]:
        """w such that the derivative of the step's log-probability by a parameter is that of Σ w·F(x).

        log P = −½ Σ (p′ − μ)² / ((1 − c²) m k_B T) with ∂μ/∂F = (1 + c) dt/2: its noise divided by its variance.
        """
        keep, noise = self.keep_and_noise(halfway)
        heat = units.kB * kelvin(self.temperature, halfway.time) * halfway.system.masses[:, None]
        return (1 + keep) * 0.5 * self.dt * noise / (-jnp.expm1(-2 * self.friction * self.dt) * heat)

    def keep_and_noise(self, halfway: State) -> tuple[Float[Array, ""], Float[Array, "atoms 3"]]:
        """c, and the noise of this step."""
        return ornstein_uhlenbeck(halfway, self.friction * self.dt, kelvin(self.temperature, halfway.time))
