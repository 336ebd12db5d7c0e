"""What a potential says of a batch of structures: all of them one graph, differentiated once."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from diffsim.blocks import energy_of
from diffsim.data.labels import Labels
from diffsim.graph import Graph, graph, joined
from diffsim.neighbors import Neighbors
from diffsim.potentials.base import AbstractPotential
from diffsim.potentials.direct import AbstractDirectForces
from diffsim.system import System


def predicted(potential: AbstractPotential, systems: System, neighbors: Neighbors) -> Labels:
    """Energy, forces and stress of every structure of a batch, without checks; stress only where there is a volume.

    Structures do not see each other, so the derivative of the sum of their energies is that of each. Energies and
    stresses of forces that are predicted directly are NaN.
    """
    if isinstance(potential, AbstractDirectForces):
        return _told(potential, systems, neighbors)

    def total(positions: Array, strains: Array) -> tuple[Float[Array, ""], Float[Array, " configurations"]]:
        moved = jax.vmap(lambda system, strain: system.strained(strain))(systems.replace(positions=positions), strains)
        energies = _energies(potential, jax.vmap(graph)(moved, neighbors))
        return jnp.sum(energies), energies

    strains = jnp.zeros((len(systems.numbers), 3, 3), systems.positions.dtype)
    slopes, energies = jax.grad(total, (0, 1), has_aux=True)(systems.positions, strains)
    by_positions, by_strain = slopes
    virials = 0.5 * (by_strain + jnp.swapaxes(by_strain, 1, 2))
    if not all(systems.pbc):
        return Labels(energies, -by_positions, jnp.zeros_like(virials))
    volumes = jax.vmap(lambda system: system.volume)(systems)
    return Labels(energies, -by_positions, virials / volumes[:, None, None])


def _told(potential: AbstractDirectForces, systems: System, neighbors: Neighbors) -> Labels:
    graphs, (count, atoms, _) = jax.vmap(graph)(systems, neighbors), systems.positions.shape
    forces = potential.atomic_forces(joined(graphs)).reshape(3, count, -1)[:, :, :atoms]
    unknown = lambda *shape: jnp.full((count, *shape), jnp.nan, forces.dtype)  # noqa: E731
    return Labels(unknown(), jnp.moveaxis(forces, 0, -1), unknown(3, 3))


def _energies(potential: AbstractPotential, graphs: Graph) -> Float[Array, " configurations"]:
    if potential.of_positions:
        return jax.vmap(lambda one: energy_of(potential, one))(graphs)
    seen = joined(graphs)
    energies = jnp.where(seen.weights > 0, seen.weights * potential.atomic_energies(seen), 0.0)
    return jnp.sum(energies.reshape(len(graphs.numbers), -1), axis=1)
