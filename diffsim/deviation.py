"""How sure a potential is: the standard deviation of what it predicts.

Of an ensemble, whose members disagree; of a linear fit, whose coefficients are known with an error. Each takes
(potential, system, neighbors=None) as the functions of `mechanics` do, and is differentiable in potential and system,
so it can be a loss, or a bias that drives atoms to where a potential is not sure. Deviations do not change where the
system is turned. Where there is none the derivative is taken as zero.
"""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from diffsim.mechanics import forces_and_virial, neighbors_of, require_periodic, total_energy, total_forces
from diffsim.neighbors import Neighbors
from diffsim.potentials.base import AbstractPotential
from diffsim.potentials.uncertain import AbstractUncertain
from diffsim.system import System


def energy_deviation(
    potential: AbstractPotential, system: System, neighbors: Neighbors | None = None
) -> Float[Array, ""]:
    """√⟨ΔE²⟩ / N in eV per atom."""
    return _energy(checked_uncertain(potential), system, neighbors_of(potential, system, neighbors))


def force_deviation(
    potential: AbstractPotential, system: System, neighbors: Neighbors | None = None
) -> Float[Array, " atoms"]:
    """√⟨|ΔF_i|²⟩ of each atom in eV/Å (doi:10.1103/PhysRevMaterials.3.023804)."""
    return _forces(checked_uncertain(potential), system, neighbors_of(potential, system, neighbors))


def stress_deviation(
    potential: AbstractPotential, system: System, neighbors: Neighbors | None = None
) -> Float[Array, ""]:
    """√⟨|Δσ|²⟩ in eV/Å³, |σ|² the sum of all nine components squared.

    **Raises** `ValueError` for a system that is not periodic in all three directions.
    """
    require_periodic(system, "stress")
    return _stress(checked_uncertain(potential), system, neighbors_of(potential, system, neighbors))


def checked_uncertain(potential: AbstractPotential) -> AbstractUncertain:
    """Refuses a potential that does not know how sure it is."""
    if not isinstance(potential, AbstractUncertain):
        raise ValueError(
            f"{type(potential).__name__} does not know how sure it is: make an Ensemble of several potentials, "
            "or the LinearPosterior of a linear fit"
        )
    return potential


def norm(spread: Float[Array, "ways *shape"], axes: tuple[int, ...]) -> Array:
    """The root of the variance, summed over components along `axes`."""
    square = jnp.sum(jnp.sum(spread**2, axis=0), axis=axes)
    return jnp.where(square > 0, jnp.sqrt(jnp.where(square > 0, square, 1.0)), 0.0)


@eqx.filter_jit
def _energy(potential: AbstractUncertain, system: System, neighbors: Neighbors) -> Float[Array, ""]:
    spread = potential.spread(lambda one: total_energy(one, system, neighbors))
    return norm(spread, ()) / jnp.sum(system.numbers > 0)


@eqx.filter_jit
def _forces(potential: AbstractUncertain, system: System, neighbors: Neighbors) -> Float[Array, " atoms"]:
    return norm(potential.spread(lambda one: total_forces(one, system, neighbors)), (-1,))


@eqx.filter_jit
def _stress(potential: AbstractUncertain, system: System, neighbors: Neighbors) -> Float[Array, ""]:
    spread = potential.spread(lambda one: forces_and_virial(one, system, neighbors)[1])
    return norm(spread, (-2, -1)) / system.volume
