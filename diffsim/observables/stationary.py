"""The energy of a minimum or of a pass: its derivatives without derivatives of the search.

Where ∂E/∂z (θ, z*) = 0, the total derivative of E(θ, z*(θ)) is ∂E/∂θ at fixed z*: the envelope theorem. The rule below
says that and no more, at a z* that itself depends on θ (implicit function theorem), so that second derivatives are
right as well.
"""

import abc

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from diffsim.fields import require_x64
from diffsim.mechanics import neighbors_of, total_energy
from diffsim.neighbors import Neighbors
from diffsim.observables.pieces import Piece
from diffsim.potentials.base import AbstractPotential
from diffsim.relax import minimize, stiffened
from diffsim.system import System

_ACCEPTABLE = 1e-6  # eV/Å: largest component of the gradient that a stationary point may have


class AbstractLandscape(eqx.Module):
    """A defective structure made of a crystal, over the coordinates z in Å that it may change; z = 0 is the start."""

    piece: eqx.AbstractVar[Piece]
    neighbors: eqx.AbstractVar[Neighbors]

    @property
    @abc.abstractmethod
    def free(self) -> Float[Array, "coordinates motions"]:
        """Orthonormal motions that cost nothing: translations."""

    @abc.abstractmethod
    def structure(self, crystal: System, z: Float[Array, " coordinates"]) -> System:
        """The structure at z."""

    def find(self, potential: AbstractPotential, crystal: System) -> tuple[Float[Array, " coordinates"], Array]:
        """The stationary point, and the largest component of the gradient there: a minimum, unless overridden."""
        return minimize(lambda z: self.energy(potential, crystal, z), jnp.zeros(len(self.free), crystal.cell.dtype))

    def energy(self, potential: AbstractPotential, crystal: System, z: Float[Array, " coordinates"]) -> Array:
        """Total energy in eV at z."""
        return total_energy(potential, self.structure(crystal, z), self.neighbors)


def stationary_energy(landscape: AbstractLandscape, potential: AbstractPotential, crystal: System) -> Float[Array, ""]:
    """The lowest energy (or that of the pass) in eV; NaN where none was found, or the list of neighbours was outgrown.

    Differentiable in the potential and the crystal, positions and cell, in both modes and to any order.
    """
    require_x64(crystal.positions, "relax")
    start = landscape.structure(crystal, jnp.zeros(len(landscape.free), crystal.cell.dtype))
    neighbors_of(potential, start, landscape.neighbors)
    return _stationary_energy(landscape, potential, crystal)


@eqx.filter_jit
def _stationary_energy(landscape: AbstractLandscape, potential: AbstractPotential, crystal: System) -> Array:
    value, valid = _envelope((potential, crystal), landscape)
    return jnp.where(valid, value, jnp.nan)


@eqx.filter_custom_jvp
def _envelope(at: tuple[AbstractPotential, System], landscape: AbstractLandscape) -> tuple[Array, Array]:
    z, valid = _stationary_point(*at, landscape)
    return landscape.energy(*at, z), valid


@_envelope.def_jvp
def _envelope_jvp(primals, tangents):
    (potential, crystal), landscape = primals
    z, valid = _stationary_point(potential, crystal, landscape)
    value, slope = eqx.filter_jvp(lambda at: landscape.energy(*at, z), (primals[0],), tangents[:1])
    return (value, valid), (slope, None)


def _stationary_point(potential: AbstractPotential, crystal: System, landscape: AbstractLandscape):
    """z* with dz*/dθ = −(∂²E/∂z²)⁻¹ ∂²E/∂z∂θ, and whether it is one."""
    still = landscape.free @ landscape.free.T
    dtype = crystal.cell.dtype

    def tangent_solve(linear, rhs):
        return jnp.linalg.solve(stiffened(jax.vmap(linear)(jnp.eye(len(rhs), dtype=dtype)), still), rhs)

    gradient = jax.grad(lambda z: landscape.energy(potential, crystal, z))
    solve = lambda _, __: landscape.find(potential, crystal)  # noqa: E731
    start = jnp.zeros(len(still), dtype)
    z, left = jax.lax.custom_root(gradient, start, solve, tangent_solve, has_aux=True)
    outgrown = landscape.neighbors.overflow(landscape.structure(crystal, z), potential.cutoff)
    return z, (jax.lax.stop_gradient(left) < _ACCEPTABLE) & ~outgrown


class Displaced(AbstractLandscape):
    """A piece of which every atom may move."""

    piece: Piece
    neighbors: Neighbors

    @property
    def free(self) -> Float[Array, "coordinates 3"]:
        return jnp.tile(jnp.eye(3), (len(self.piece.places), 1)) / jnp.sqrt(1.0 * len(self.piece.places))

    def structure(self, crystal: System, z: Float[Array, " coordinates"]) -> System:
        whole = self.piece.of(crystal)
        return whole.replace(positions=whole.positions + z.reshape(-1, 3))
