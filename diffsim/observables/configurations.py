"""Energies and forces of given configurations: what force matching compares."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from diffsim.fields import constant
from diffsim.mechanics import total_energy, total_forces
from diffsim.neighbors import Neighbors
from diffsim.observables.base import AbstractStatic
from diffsim.potentials.base import AbstractPotential
from diffsim.simulators.state import State
from diffsim.system import System


class ConfigurationEnergies(AbstractStatic):
    """Energy per atom of each configuration, relative to their mean: the zero of energy is left open.

    `systems` and `neighbors` are a batch, as `diffsim.data.batching.batch` makes them; the state of the experiment does
    not matter. NaN where a list is too short for the cutoff.
    """

    systems: System  # stacked along a first axis
    neighbors: Neighbors
    unit: str = constant(default="eV/atom")

    @property
    def labels(self) -> tuple[str, ...]:
        return numbered(self.systems)

    def record(self, potential: AbstractPotential, state: State) -> Float[Array, " configurations"]:
        def per_atom(system: System, neighbors: Neighbors) -> Float[Array, ""]:
            return total_energy(potential, system, neighbors) / jnp.sum(system.numbers > 0)

        energies = jax.vmap(per_atom)(self.systems, self.neighbors)
        return _where_listed(energies - jnp.mean(energies), self, potential)


class ConfigurationForces(AbstractStatic):
    """Force on every atom of each configuration; of padding, zero. See `ConfigurationEnergies`."""

    systems: System
    neighbors: Neighbors
    unit: str = constant(default="eV/Å")

    @property
    def labels(self) -> tuple[str, ...]:
        return numbered(self.systems)

    def record(self, potential: AbstractPotential, state: State) -> Float[Array, "configurations atoms 3"]:
        forces = jax.vmap(total_forces, (None, 0, 0))(potential, self.systems, self.neighbors)
        return _where_listed(forces, self, potential)


def numbered(systems: System) -> tuple[str, ...]:
    """Names of the configurations, counted from 1."""
    return tuple(str(number + 1) for number in range(len(systems.numbers)))


def _where_listed(
    values: Array, one: ConfigurationEnergies | ConfigurationForces, potential: AbstractPotential
) -> Array:
    lacking = jax.vmap(lambda n, s: n.overflow(s, potential.cutoff))(one.neighbors, one.systems)
    return jnp.where(jnp.any(lacking), jnp.nan, values)
