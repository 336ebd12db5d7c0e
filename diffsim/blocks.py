"""Derivatives of the energy by edges, a block of atoms at a time: what dynamics spends its time on.

A block of some hundred atoms is small enough for all that is computed for it to stay in a core's cache. Only the
vectors and the tables of all edges are ever as long as the system.
"""

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from diffsim.graph import Graph, Vectors
from diffsim.neighbors.columns import blocks_of
from diffsim.potentials.base import AbstractPotential


def energy_by_edges(potential: AbstractPotential, seen: Graph, atoms: int) -> Vectors:
    """∂E/∂r_ij in eV/Å for every edge."""

    def derivative(seen: Graph) -> tuple[Vectors, None]:
        return jax.grad(lambda vectors: energy_of(potential, seen, vectors))(seen.vectors), None

    return in_blocks(potential, derivative, seen, atoms)[0]


def work_by_edges(
    potential: AbstractPotential, seen: Graph, displaced: Vectors, atoms: int
) -> tuple[Vectors, Vectors, AbstractPotential]:
    """Derivatives of φ = Σ_ij ∂E/∂r_ij · δ_ij by r_ij, by δ_ij and by the parameters, in one reverse pass.

    With δ_ij = w_j − w_i, −φ is the work Σ_i w_i·F_i. So its derivatives are all that the adjoint of a step asks for:
    the Hessian times w, the forces (∂φ/∂δ_ij = ∂E/∂r_ij), and Σ_i w_i·∂F_i/∂θ.
    """
    theta, rest = eqx.partition(potential, eqx.is_inexact_array)

    def derivatives(part: tuple[Graph, Vectors]) -> tuple[tuple[Vectors, Vectors], AbstractPotential]:
        seen, displaced = part

        def work(vectors: Vectors, displaced: Vectors, theta: AbstractPotential) -> Float[Array, ""]:
            energy = lambda v: energy_of(eqx.combine(theta, rest), seen, v)  # noqa: E731
            return jax.jvp(energy, (vectors,), (displaced,))[1]

        by_vectors, by_displaced, by_theta = jax.grad(work, (0, 1, 2))(seen.vectors, displaced, theta)
        return (by_vectors, by_displaced), by_theta

    (by_vectors, by_displaced), by_theta = in_blocks(potential, derivatives, (seen, displaced), atoms)
    return by_vectors, by_displaced, by_theta


def energy_of(potential: AbstractPotential, seen: Graph, vectors: Vectors) -> Float[Array, ""]:
    """Σ_i w_i E_i with these edge vectors in place of the graph's."""
    energies = potential.atomic_energies(eqx.tree_at(lambda g: g.vectors, seen, vectors))
    return jnp.sum(jnp.where(seen.weights > 0, seen.weights * energies, 0.0))


def in_blocks(
    potential: AbstractPotential, function: Callable[[Any], tuple[Any, Any]], tree: Any, atoms: int
) -> tuple[Any, Any]:
    """A function of columns that gives values for each column and values to be summed, block by block.

    All leaves of `tree`, and those of the first result, have the columns as their last axis. A potential that passes
    messages looks beyond a block, and is evaluated whole.
    """
    count, size = blocks_of(atoms)
    if count == 1 or potential.depth > 1:
        return function(tree)

    def cut(start: Array) -> Any:
        return jax.tree.map(lambda leaf: jax.lax.dynamic_slice_in_dim(leaf, start, size, axis=-1), tree)

    def step(block: Array, carry: tuple[Any, Any]) -> tuple[Any, Any]:
        columns, sums = carry
        found, more = function(cut(block * size))
        put = lambda into, part: jax.lax.dynamic_update_slice_in_dim(into, part, block * size, axis=-1)  # noqa: E731
        return jax.tree.map(put, columns, found), jax.tree.map(jnp.add, sums, more)

    shapes, sums = jax.eval_shape(function, jax.eval_shape(cut, 0))
    blank = lambda s: jnp.zeros((*s.shape[:-1], count * size), s.dtype)  # noqa: E731
    nothing = jax.tree.map(lambda s: jnp.zeros(s.shape, s.dtype), sums)
    return jax.lax.fori_loop(0, count, step, (jax.tree.map(blank, shapes), nothing))
