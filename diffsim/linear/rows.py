"""The design matrix: derivatives of energy, forces and stress by the parameters that the energy is linear in.

E = E₀ + Σ_k c_k A_k, so A = ∂E/∂c. Its derivatives by positions and strain are taken forwards, for all k at once; where
coefficients are few and atoms many, those of the forces by each c_k.
"""

from collections.abc import Sequence

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree
from jaxtyping import Array, Float

from diffsim.fields import get
from diffsim.mechanics import total_energy
from diffsim.neighbors import Neighbors
from diffsim.potentials.base import AbstractPotential
from diffsim.system import System

_AT_ONCE = 16  # derivatives, each of which takes the memory of some evaluations of the energy
_BY_PARAMETER = 2  # a derivative by a parameter costs so many times one by a coordinate: it goes through the forces


class Linear(eqx.Module):
    """A potential as a function of a vector: of the parameters of these names, one array after the other."""

    potential: AbstractPotential
    names: tuple[str, ...] = eqx.field(static=True)

    @property
    def vector(self) -> Float[Array, " coefficients"]:
        """The values that the potential has."""
        return ravel_pytree([get(self.potential, name) for name in self.names])[0]

    def at(self, vector: Float[Array, " coefficients"]) -> AbstractPotential:
        """The potential with other values."""
        unravel = ravel_pytree([get(self.potential, name) for name in self.names])[1]
        return eqx.tree_at(lambda p: [get(p, name) for name in self.names], self.potential, unravel(vector))

    def spread(self, of_names: Sequence[float]) -> Float[np.ndarray, " coefficients"]:
        """A number for each name, repeated for each entry of its array."""
        sizes = [get(self.potential, name).size for name in self.names]
        return np.repeat(np.asarray(of_names, float), sizes)


@eqx.filter_jit
def rows(
    linear: Linear, vector: Float[Array, " coefficients"], systems: System, neighbors: Neighbors
) -> tuple[Float[Array, "structures rows coefficients"], Float[Array, "structures rows"]]:
    """A and y⁰ of each structure of a batch, where energy, forces and stress at `vector` are A · vector + y⁰.

    Rows are the energy, the forces atom by atom, and the stress in Voigt order. Where the energy is linear, neither
    depends on `vector`.
    """
    return jax.lax.map(lambda one: _rows(linear, vector, *one), (systems, neighbors))


def _rows(linear: Linear, vector: Array, system: System, neighbors: Neighbors) -> tuple[Array, Array]:
    def energy(vector: Array, moves: Array) -> Array:
        n = system.positions.size
        moved = system.replace(positions=system.positions + moves[:n].reshape(-1, 3))
        return total_energy(linear.at(vector), moved.strained(_tensor(moves[n:])), neighbors)

    still = jnp.zeros(system.positions.size + 6, system.positions.dtype)
    value, slopes = jax.value_and_grad(energy, 1)(vector, still)
    by_vector = jax.grad(energy, 0)
    if len(still) <= _BY_PARAMETER * len(vector):
        along = lambda move: jax.jvp(lambda m: by_vector(vector, m), (still,), (move,))[1]  # noqa: E731
        by_moves = jax.lax.map(along, jnp.eye(len(still), dtype=still.dtype), batch_size=_AT_ONCE)
    else:
        by_moves_of = lambda vector: jax.grad(energy, 1)(vector, still)  # noqa: E731
        along = lambda change: jax.jvp(by_moves_of, (vector,), (change,))[1]  # noqa: E731
        by_moves = jax.lax.map(along, jnp.eye(len(vector), dtype=still.dtype), batch_size=_AT_ONCE).T
    signs = jnp.where(jnp.arange(len(still)) < system.positions.size, -1.0, 1 / system.volume)
    matrix = jnp.concatenate([by_vector(vector, still)[None], signs[:, None] * by_moves])
    return matrix, jnp.append(value, signs * slopes) - matrix @ vector


def _tensor(strain: Float[Array, "6"]) -> Float[Array, "3 3"]:
    """The symmetric tensor in Voigt order, whose derivatives are stresses: shears once in each triangle, halved."""
    xx, yy, zz, yz, xz, xy = strain
    half = jnp.array([[0.0, xy, xz], [xy, 0.0, yz], [xz, yz, 0.0]]) / 2
    return jnp.diag(jnp.stack([xx, yy, zz])) + half
