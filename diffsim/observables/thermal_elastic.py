"""Elastic constants at finite temperature, from the fluctuations of the stress at constant volume."""

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from diffsim import units
from diffsim.blocks import by_strain, energy_of
from diffsim.fields import as_array, constant, require_x64
from diffsim.graph import Vectors, graph
from diffsim.mechanics import energy_by_edges, require_periodic
from diffsim.observables.base import AbstractObservable
from diffsim.observables.elastic import check_components
from diffsim.observables.fluctuations import covariance
from diffsim.observables.lattice import voigt
from diffsim.potentials.base import AbstractPotential
from diffsim.relax import strain_matrix
from diffsim.simulators.base import check_positive
from diffsim.simulators.momenta import degrees_of_freedom
from diffsim.simulators.state import State

_NORMAL = np.array([1.0, 1.0, 1.0, 0.0, 0.0, 0.0])


class Strains(NamedTuple):
    """What elastic constants keep of a frame."""

    energy: Float[Array, "*frames"]  # eV, potential
    stress: Float[Array, "*frames 6"]  # eV/Å³, without the kinetic part
    born: Float[Array, "*frames 6 6"]  # eV/Å³, its derivative by strain, fractional positions kept
    volume: Float[Array, "*frames"]  # Å³
    freedom: Float[Array, "*frames"]  # degrees of freedom


class FiniteTemperatureElasticConstants(AbstractObservable):
    """Elastic constants of a run at constant volume and temperature, named C11 … C66 after their Voigt indices.

    Isothermal (doi:10.1063/1.447221, doi:10.1063/1.342687), as stress–strain coefficients ∂⟨σ_α⟩/∂ε_β:

    C_αβ = ⟨∂σ_α/∂ε_β⟩ − (V/kT) ⟨δσ_α δσ_β⟩ + (f/3)(kT/V) [α, β ≤ 3]

    the Born term, fluctuations of the virial stress and the kinetic part of f = 3N − 3 degrees of freedom; momenta are
    not sampled. (With Lagrangian strain at finite stress the kinetic part reads differently, the sum is the same.)
    `adiabatic`: C_αβ + (V T/C_V) b_α b_β, b_α = ∂⟨σ_α⟩/∂T = ⟨δσ_α δU⟩/kT² − (f/3)(k/V) [α ≤ 3].

    Born terms settle at once, fluctuations within some hundred periods of the slowest mode. Forces must end smoothly: a
    jump at the cutoff is a spike in the Born term that no derivative sees (0.03 GPa of C11 in argon cut at 12 Å).
    """

    temperature: Float[Array, ""] = eqx.field(converter=as_array)  # K
    components: tuple[str, ...] = constant(converter=tuple, default=("C11", "C12", "C44"))
    adiabatic: bool = constant(default=False)
    unit: str = constant(default="GPa")

    def __check_init__(self) -> None:
        check_positive("temperature", self.temperature, "K")
        check_components(self.components)

    @property
    def labels(self) -> tuple[str, ...]:
        return self.components

    def record(self, potential: AbstractPotential, state: State) -> Strains:
        require_x64(state.system.positions, "elastic constants")
        require_periodic(state.system, "elastic constants")
        seen = graph(state.system, state.neighbors)
        stress, born = born_terms(potential, state)
        energy = energy_of(potential, seen)
        return Strains(energy, stress, born, state.system.volume, degrees_of_freedom(state))

    def estimate(self, records: Strains, weights: Float[Array, " frames"]) -> Float[Array, " components"]:
        matrix = self.matrix(records, weights) / units.GPa
        return jnp.stack([matrix[int(name[1]) - 1, int(name[2]) - 1] for name in self.components])

    def matrix(self, records: Strains, weights: Float[Array, " frames"]) -> Float[Array, "6 6"]:
        """All of them, in eV/Å³."""
        kT = units.kB * self.temperature
        volume, freedom = weights @ records.volume, weights @ records.freedom
        born = jnp.tensordot(weights, records.born, axes=1)
        ideal = freedom / 3 * kT / volume
        spread = covariance(records.stress, records.stress, weights)
        isothermal = born - volume / kT * spread + ideal * np.outer(_NORMAL, _NORMAL)
        if not self.adiabatic:
            return isothermal
        heat = units.kB * (0.5 * freedom + covariance(records.energy, records.energy, weights) / kT**2)
        by_heat = (covariance(records.stress, records.energy, weights) / kT - ideal * _NORMAL) / self.temperature
        return isothermal + volume * self.temperature / heat * jnp.outer(by_heat, by_heat)


def born_terms(potential: AbstractPotential, state: State) -> tuple[Float[Array, "6"], Float[Array, "6 6"]]:
    """Stress and ∂σ_α/∂ε_β in eV/Å³ where the atoms are carried along: edges r → (1 + ε) r, forward over reverse."""
    seen = graph(state.system, state.neighbors)
    volume = state.system.volume

    def virial(vectors: Vectors) -> Float[Array, "3 3"]:
        at = seen.with_vectors(vectors)
        return by_strain(at, energy_by_edges(potential, at))

    def along(strain: Float[Array, "6"]) -> Float[Array, "6"]:
        x, y, z = seen.vectors
        moved = tuple(row[0] * x + row[1] * y + row[2] * z for row in strain_matrix(strain))
        change = jax.jvp(virial, (seen.vectors,), (moved,))[1]
        return voigt(0.5 * (change + change.T))

    stress = virial(seen.vectors)
    stress = voigt(0.5 * (stress + stress.T)) / volume
    changes = jax.lax.map(along, jnp.eye(6, dtype=stress.dtype)).T / volume
    return stress, changes - jnp.outer(stress, _NORMAL)
