"""Response functions from fluctuations: heat capacity and thermal expansion."""

from typing import NamedTuple

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from diffsim import units
from diffsim.fields import as_array, constant
from diffsim.mechanics import energy, require_periodic
from diffsim.observables.base import AbstractObservable
from diffsim.potentials.base import AbstractPotential
from diffsim.simulators.base import check_positive
from diffsim.simulators.momenta import degrees_of_freedom
from diffsim.simulators.state import State


class Enthalpies(NamedTuple):
    """What fluctuations keep of a frame."""

    energy: Float[Array, "*frames"]  # eV, potential
    volume: Float[Array, "*frames"]  # Å³
    freedom: Float[Array, "*frames"]  # degrees of freedom


def covariance(
    x: Float[Array, "frames *x"], y: Float[Array, "frames *y"], weights: Float[Array, " frames"]
) -> Float[Array, "..."]:
    """⟨δx δy⟩ of all components of x with all of y, with weights that sum to one."""
    away = x - jnp.tensordot(weights, x, axes=1)
    return jnp.tensordot((away.T * weights).T, y - jnp.tensordot(weights, y, axes=1), axes=(0, 0))


class HeatCapacity(AbstractObservable):
    """C = f k_B/2 + ⟨δH²⟩/k_B T², all atoms together: at constant volume, or at constant pressure where one is given.

    H = U, or U + P V in a run at that pressure; f = 3N − 3 degrees of freedom carry the kinetic part exactly, which is
    independent of the rest and need not be sampled.
    """

    temperature: Float[Array, ""] = eqx.field(converter=as_array)  # K
    pressure: Float[Array, ""] | None = eqx.field(  # eV/Å³
        converter=lambda p: None if p is None else as_array(p), default=None
    )
    unit: str = constant(default="k_B")

    def __check_init__(self) -> None:
        check_positive("temperature", self.temperature, "K")

    @property
    def labels(self) -> tuple[str, ...]:
        return ("C_V" if self.pressure is None else "C_P",)

    def record(self, potential: AbstractPotential, state: State) -> Enthalpies:
        return enthalpies_of(potential, state)

    def estimate(self, records: Enthalpies, weights: Float[Array, " frames"]) -> Float[Array, ""]:
        work = 0.0 if self.pressure is None else self.pressure * records.volume
        enthalpy = records.energy + work
        kT = units.kB * self.temperature
        return 0.5 * weights @ records.freedom + covariance(enthalpy, enthalpy, weights) / kT**2


class ThermalExpansion(AbstractObservable):
    """Volumetric α = (1/V) ∂V/∂T|_P = ⟨δV δ(U + PV)⟩/(k_B T² ⟨V⟩) in a run at constant pressure.

    Three times the linear coefficient of a cubic crystal.
    """

    temperature: Float[Array, ""] = eqx.field(converter=as_array)  # K
    pressure: Float[Array, ""] = eqx.field(converter=as_array, default=0.0)  # eV/Å³
    unit: str = constant(default="1e-6/K")

    def __check_init__(self) -> None:
        check_positive("temperature", self.temperature, "K")

    @property
    def labels(self) -> tuple[str, ...]:
        return ("alpha_V",)

    def record(self, potential: AbstractPotential, state: State) -> Enthalpies:
        return enthalpies_of(potential, state)

    def estimate(self, records: Enthalpies, weights: Float[Array, " frames"]) -> Float[Array, ""]:
        enthalpy = records.energy + self.pressure * records.volume
        spread = covariance(records.volume, enthalpy, weights)
        return 1e6 * spread / (units.kB * self.temperature**2 * (weights @ records.volume))


def enthalpies_of(potential: AbstractPotential, state: State) -> Enthalpies:
    """Potential energy, volume and degrees of freedom of one frame."""
    require_periodic(state.system, "an enthalpy")
    potential_energy = energy(potential, state.system, state.neighbors)
    return Enthalpies(potential_energy, state.system.volume, degrees_of_freedom(state))
