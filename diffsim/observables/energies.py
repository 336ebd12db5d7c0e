"""Energies of crystals: cohesion, compression and other phases."""

from __future__ import annotations

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from diffsim.fields import as_array, constant
from diffsim.graph import Graph, Vectors, graph
from diffsim.mechanics import energy
from diffsim.neighbors import Neighbors
from diffsim.observables.base import AbstractStatic
from diffsim.potentials.base import AbstractPotential
from diffsim.relax import relax
from diffsim.simulators.state import State
from diffsim.system import System


def energy_of_atoms(potential: AbstractPotential, system: System, neighbors: Neighbors) -> Float[Array, ""]:
    """Total energy in eV of the same atoms infinitely far apart."""
    seen = graph(system, neighbors)
    seen = seen.with_vectors(_far(seen, neighbors))
    alone = eqx.tree_at(lambda g: g.mask, seen, jnp.zeros_like(seen.mask))
    return jnp.sum(jnp.where(seen.weights > 0, seen.weights * potential.atomic_energies(alone), 0.0))


def _far(seen: Graph, neighbors: Neighbors) -> Vectors:
    nothing = jnp.zeros_like(seen.distances)
    return nothing + neighbors.radius, nothing, nothing


def energy_within(potential: AbstractPotential, system: System, neighbors: Neighbors) -> Float[Array, ""]:
    """Total energy in eV, NaN where the structure has outgrown a list that was made for another shape of it."""
    missing = neighbors.overflow(system, potential.cutoff)
    return jnp.where(missing, jnp.nan, energy(potential, system, neighbors))


class CohesiveEnergy(AbstractStatic):
    """(Σ E_atom − E) / N: what it takes to pull the crystal apart into atoms, positive where it is bound."""

    unit: str = constant(default="eV/atom")

    @property
    def labels(self) -> tuple[str, ...]:
        return ("E_coh",)

    def record(self, potential: AbstractPotential, state: State) -> Float[Array, ""]:
        atoms = energy_of_atoms(potential, state.system, state.neighbors)
        return (atoms - energy(potential, state.system, state.neighbors)) / len(state.system.numbers)


class EquationOfState(AbstractStatic):
    """Energy per atom at given volumes per atom, relative to the structure's own; the cell scales uniformly."""

    volumes: Float[Array, " volumes"] = eqx.field(converter=as_array)  # Å³/atom
    unit: str = constant(default="eV/atom")

    @property
    def labels(self) -> tuple[str, ...]:
        return tuple(f"{volume:.2f} Å³" for volume in np.asarray(self.volumes))

    def record(self, potential: AbstractPotential, state: State) -> Float[Array, " volumes"]:
        n_atoms = len(state.system.numbers)

        def at(volume: Float[Array, ""]) -> Float[Array, ""]:
            stretch = jnp.cbrt(volume * n_atoms / state.system.volume)
            scaled = state.system.strained((stretch - 1) * jnp.eye(3, dtype=stretch.dtype))
            return energy_within(potential, scaled, state.neighbors) / n_atoms

        return jax.vmap(at)(self.volumes) - energy(potential, state.system, state.neighbors) / n_atoms


class PhaseEnergy(AbstractStatic):
    """Energy per atom of another structure, relaxed with its cell, relative to the experiment's own.

    `radius` is how far the list of the other structure reaches, in Å: the cutoff and room to relax.
    """

    structure: System
    neighbors: Neighbors
    name: str = constant(default="phase")
    unit: str = constant(default="eV/atom")

    def __init__(self, structure: System, radius: float, name: str = "phase"):
        self.structure = structure
        self.neighbors = Neighbors.allocate(structure, radius)
        self.name = name
        self.unit = "eV/atom"

    @property
    def labels(self) -> tuple[str, ...]:
        return (self.name,)

    def record(self, potential: AbstractPotential, state: State) -> Float[Array, ""]:
        other = relax(potential, self.structure, cell=True, neighbors=self.neighbors)
        value = energy_within(potential, other, self.neighbors) / len(other.numbers)
        return value - energy(potential, state.system, state.neighbors) / len(state.system.numbers)
