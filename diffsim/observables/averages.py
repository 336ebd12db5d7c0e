"""Averages over frames: temperature, energy, density, pressure and stress."""

import jax.numpy as jnp
from jaxtyping import Array, Float

from diffsim import units
from diffsim.fields import constant
from diffsim.mechanics import energy, require_periodic, stress
from diffsim.observables.base import AbstractStatic, require_motion
from diffsim.observables.lattice import voigt
from diffsim.potentials.base import AbstractPotential
from diffsim.simulators.momenta import kinetic_tensor, temperature
from diffsim.simulators.state import State

_KINETIC = "the kinetic part needs"
_GRAM_PER_CM3 = 1.66053906660  # of one amu/Å³


class Temperature(AbstractStatic):
    """2 E_kin / (k_B · degrees of freedom)."""

    unit: str = constant(default="K")

    @property
    def labels(self) -> tuple[str, ...]:
        return ("T",)

    def record(self, potential: AbstractPotential, state: State) -> Float[Array, ""]:
        require_motion(state, _KINETIC)
        return temperature(state)


class PotentialEnergy(AbstractStatic):
    """⟨U⟩ of all atoms."""

    unit: str = constant(default="eV")

    @property
    def labels(self) -> tuple[str, ...]:
        return ("U",)

    def record(self, potential: AbstractPotential, state: State) -> Float[Array, ""]:
        return energy(potential, state.system, state.neighbors)


class Density(AbstractStatic):
    """Mass over volume."""

    unit: str = constant(default="g/cm³")

    @property
    def labels(self) -> tuple[str, ...]:
        return ("density",)

    def record(self, potential: AbstractPotential, state: State) -> Float[Array, ""]:
        require_periodic(state.system, "a density")
        masses = jnp.where(state.system.numbers > 0, state.system.masses, 0.0)
        return _GRAM_PER_CM3 * jnp.sum(masses) / state.system.volume


class AverageStress(AbstractStatic):
    """Cauchy stress with its kinetic part, tension positive, in Voigt order.

    σ = (1/V) ⟨∂U/∂ε − Σ p⊗p/m⟩
    """

    unit: str = constant(default="GPa")

    @property
    def labels(self) -> tuple[str, ...]:
        return ("xx", "yy", "zz", "yz", "xz", "xy")

    def record(self, potential: AbstractPotential, state: State) -> Float[Array, "6"]:
        return voigt(total_stress(potential, state)) / units.GPa


class Pressure(AbstractStatic):
    """P = −⅓ tr σ with the kinetic part, compression positive."""

    unit: str = constant(default="GPa")

    @property
    def labels(self) -> tuple[str, ...]:
        return ("P",)

    def record(self, potential: AbstractPotential, state: State) -> Float[Array, ""]:
        return -jnp.trace(total_stress(potential, state)) / (3 * units.GPa)


def total_stress(potential: AbstractPotential, state: State) -> Float[Array, "3 3"]:
    """Stress of one frame in eV/Å³: that of the forces and that of the motion."""
    require_motion(state, _KINETIC)
    return stress(potential, state.system, state.neighbors) - kinetic_tensor(state) / state.system.volume
