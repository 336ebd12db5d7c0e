"""How far the members of a potential disagree: the standard deviation of what each of them predicts.

Each takes (potential, system, neighbors=None) as the functions of `mechanics` do, and is differentiable in potential
and system, so it can be a loss, or a bias that drives atoms to where a potential is not sure. Deviations are over the
members as they are (1/M, not 1/(M − 1)), and do not change where the system is turned. Where all members agree the
derivative is taken as zero.
"""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from diffsim.mechanics import forces_and_virial, neighbors_of, require_periodic, total_energy, total_forces
from diffsim.neighbors import Neighbors
from diffsim.potentials.base import AbstractPotential
from diffsim.potentials.uncertain import AbstractUncertain, of_members
from diffsim.system import System


def energy_deviation(
    potential: AbstractPotential, system: System, neighbors: Neighbors | None = None
) -> Float[Array, ""]:
    """√⟨(E_m − ⟨E⟩)²⟩ / N in eV per atom."""
    return _energy(_checked(potential), system, neighbors_of(potential, system, neighbors))


def force_deviation(
    potential: AbstractPotential, system: System, neighbors: Neighbors | None = None
) -> Float[Array, " atoms"]:
    """√⟨|F_i^m − ⟨F_i⟩|²⟩ of each atom in eV/Å (doi:10.1103/PhysRevMaterials.3.023804)."""
    return _forces(_checked(potential), system, neighbors_of(potential, system, neighbors))


def stress_deviation(
    potential: AbstractPotential, system: System, neighbors: Neighbors | None = None
) -> Float[Array, ""]:
    """√⟨|σ^m − ⟨σ⟩|²⟩ in eV/Å³, |σ|² the sum of all nine components squared.

    **Raises** `ValueError` for a system that is not periodic in all three directions.
    """
    require_periodic(system, "stress")
    return _stress(_checked(potential), system, neighbors_of(potential, system, neighbors))


def _checked(potential: AbstractPotential) -> AbstractUncertain:
    if not isinstance(potential, AbstractUncertain):
        raise ValueError(
            f"{type(potential).__name__} has no members that could disagree: make an Ensemble of several potentials"
        )
    return potential


def _deviation(values: Float[Array, "members *shape"], axes: tuple[int, ...]) -> Array:
    """The root of the mean square distance from the mean, summed over components along `axes`."""
    square = jnp.sum(jnp.mean((values - jnp.mean(values, axis=0)) ** 2, axis=0), axis=axes)
    return jnp.where(square > 0, jnp.sqrt(jnp.where(square > 0, square, 1.0)), 0.0)


@eqx.filter_jit
def _energy(potential: AbstractUncertain, system: System, neighbors: Neighbors) -> Float[Array, ""]:
    values = of_members(lambda member: total_energy(member, system, neighbors), potential.members)
    return _deviation(values, ()) / jnp.sum(system.numbers > 0)


@eqx.filter_jit
def _forces(potential: AbstractUncertain, system: System, neighbors: Neighbors) -> Float[Array, " atoms"]:
    values = of_members(lambda member: total_forces(member, system, neighbors), potential.members)
    return _deviation(values, (-1,))


@eqx.filter_jit
def _stress(potential: AbstractUncertain, system: System, neighbors: Neighbors) -> Float[Array, ""]:
    values = of_members(lambda member: forces_and_virial(member, system, neighbors)[1], potential.members)
    return _deviation(values, (-2, -1)) / system.volume
