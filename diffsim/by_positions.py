"""Forces and their adjoint of what is no energy of edges: derivatives by the positions, and forces that have none."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from diffsim.blocks import energy_of
from diffsim.graph import graph
from diffsim.neighbors import Neighbors
from diffsim.potentials.base import AbstractPotential
from diffsim.potentials.direct import AbstractDirectForces
from diffsim.system import System


def forces_by_positions(potential: AbstractPotential, system: System, neighbors: Neighbors) -> Float[Array, "atoms 3"]:
    """F = −∂E/∂x, or F as it is told."""
    if isinstance(potential, AbstractDirectForces):
        return potential.atomic_forces(graph(system, neighbors))[:, : len(system.numbers)].T
    return forces_and_strain_by_positions(potential, system, neighbors)[0]


def forces_and_strain_by_positions(
    potential: AbstractPotential, system: System, neighbors: Neighbors
) -> tuple[Float[Array, "atoms 3"], Float[Array, "3 3"]]:
    """F = −∂E/∂x, and ∂E/∂ε in eV by a strain of positions and cell, not yet symmetric."""

    def energy(x: Array, strain: Array) -> Array:
        return energy_of(potential, graph(system.replace(positions=x).strained(strain), neighbors))

    slope, by_strain = jax.grad(energy, (0, 1))(system.positions, jnp.zeros((3, 3), system.positions.dtype))
    return -slope, by_strain


def work_by_positions(
    potential: AbstractPotential, system: System, neighbors: Neighbors, w: Float[Array, "atoms 3"]
) -> tuple[Float[Array, "atoms 3"], Float[Array, "atoms 3"], AbstractPotential]:
    """F, and the derivatives of Σ_i w_i·F_i by positions and by the parameters."""
    theta, rest = eqx.partition(potential, eqx.is_inexact_array)

    def forces(x: Array, theta: AbstractPotential) -> Array:
        return forces_by_positions(eqx.combine(theta, rest), system.replace(positions=x), neighbors)

    found, pull = jax.vjp(forces, system.positions, theta)
    return found, *pull(w)
