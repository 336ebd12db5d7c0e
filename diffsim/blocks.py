"""Forces and the adjoint of forces, a block of atoms at a time: what dynamics spends its time on.

A block of some hundred atoms is small enough for all that is computed for it to stay in a core's cache: its edge
vectors are made there, and only what other blocks want of it, derivatives by edges, is ever as long as the system.
Nothing here is meant to be differentiated: `mechanics` says what the derivatives are.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, Integer

from diffsim.graph import Graph, Vectors, padded
from diffsim.neighbors import Neighbors, Room
from diffsim.neighbors.columns import blocks_of, looked_up, separations
from diffsim.potentials.base import AbstractPotential
from diffsim.system import System

ByAtoms = tuple[Float[Array, " columns"], Float[Array, " columns"], Float[Array, " columns"]]


def energy_of(potential: AbstractPotential, seen: Graph, vectors: Vectors | None = None) -> Float[Array, ""]:
    """Σ_i w_i E_i, with edge vectors in place of the graph's where they are given."""
    energies = potential.atomic_energies(seen if vectors is None else seen.with_vectors(vectors))
    return jnp.sum(jnp.where(seen.weights > 0, seen.weights * energies, 0.0))


def by_strain(seen: Graph, by_edges: Vectors) -> Float[Array, "3 3"]:
    """Σ_ij r_ij ⊗ ∂E/∂r_ij in eV: the derivative by a strain that carries all atoms along, not yet symmetric."""
    of_pair = lambda r, slope: jnp.sum(jnp.where(seen.mask, r * slope, 0.0))  # noqa: E731
    return jnp.array([[of_pair(r, slope) for slope in by_edges] for r in seen.vectors])


def forces_in_blocks(
    potential: AbstractPotential, system: System, neighbors: Neighbors, *, virial: bool
) -> tuple[Float[Array, "atoms 3"], Float[Array, "3 3"]]:
    """F_i = Σ_j (∂E/∂r_ji − ∂E/∂r_ij), and Σ_ij r_ij ⊗ ∂E/∂r_ij in eV where it is asked for, else zero."""
    columns = _Columns.of(system, neighbors)
    around = _Around.of(columns, system, neighbors)

    def derivative(part: _Columns) -> tuple[Any, Float[Array, "3 3"]]:
        seen = around.seen(part)
        slopes = jax.grad(lambda vectors: energy_of(potential, seen, vectors))(seen.vectors)
        if not virial:
            return _halfway(potential, slopes), jnp.zeros((3, 3), slopes[0].dtype)
        return _halfway(potential, slopes), by_strain(seen, slopes)

    by_edges, sums = _in_blocks(potential, derivative, columns, neighbors)
    return -_collected(potential, by_edges, neighbors), sums


def work_in_blocks(
    potential: AbstractPotential, system: System, neighbors: Neighbors, w: Float[Array, "atoms 3"]
) -> tuple[Float[Array, "atoms 3"], Float[Array, "atoms 3"], AbstractPotential]:
    """Derivatives of φ = Σ_ij ∂E/∂r_ij · δ_ij by w, by positions and by the parameters, in one pass.

    With δ_ij = w_j − w_i, −φ is the work Σ_i w_i·F_i. So its derivatives are all that the adjoint of a step asks for:
    the forces (∂φ/∂δ_ij = ∂E/∂r_ij), the Hessian times w, and Σ_i w_i·∂F_i/∂θ. The last two are how ∂E/∂r_ij and
    ∂E/∂θ change along δ.
    """
    theta, rest = eqx.partition(potential, eqx.is_inexact_array)
    everywhere = _Columns.of(system, neighbors)
    around = _Around.of(everywhere, system, neighbors)
    moving = tuple(padded(x, neighbors.index.shape[1]) for x in w.T)

    def derivatives(part: tuple[_Columns, ByAtoms]) -> tuple[Any, AbstractPotential]:
        columns, here = part
        seen = around.seen(columns)
        displaced = tuple(looked_up(x, columns.index) - own for x, own in zip(moving, here, strict=True))

        def slopes(vectors: Vectors) -> tuple[Vectors, AbstractPotential]:
            energy = lambda vectors, theta: energy_of(eqx.combine(theta, rest), seen, vectors)  # noqa: E731
            return jax.grad(energy, (0, 1))(vectors, theta)

        (by_displaced, _), (by_vectors, by_theta) = jax.jvp(slopes, (seen.vectors,), (displaced,))
        return (_halfway(potential, by_displaced), _halfway(potential, by_vectors)), by_theta

    (by_displaced, by_vectors), by_theta = _in_blocks(potential, derivatives, (everywhere, moving), neighbors)
    collected = lambda by_edges: _collected(potential, by_edges, neighbors)  # noqa: E731
    return collected(by_displaced), collected(by_vectors), by_theta


class _Columns(NamedTuple):
    """What belongs to a column, along the last axis: what blocks are cut from."""

    homes: ByAtoms  # Å
    index: Int[Array, "neighbors columns"]
    image: Integer[Array, "neighbors columns"]
    mask: Bool[Array, "neighbors columns"]
    numbers: Int[Array, " columns"]

    @staticmethod
    def of(system: System, neighbors: Neighbors) -> "_Columns":
        homes, numbers = (padded(x, neighbors.index.shape[1]) for x in (neighbors.homes(system), system.numbers))
        return _Columns(tuple(homes.T), neighbors.index, neighbors.image, neighbors.mask, numbers)


class _Around(NamedTuple):
    """What a block looks up of other atoms."""

    homes: ByAtoms  # Å
    offsets: Float[Array, "3 images"]  # Å
    numbers: Int[Array, " columns"]
    reverse: Int[Array, "neighbors columns"]
    near: Room | None

    @staticmethod
    def of(columns: _Columns, system: System, neighbors: Neighbors) -> "_Around":
        offsets = neighbors.offsets(system.cell)
        return _Around(columns.homes, offsets, columns.numbers, neighbors.reverse, neighbors.near)

    def seen(self, part: _Columns) -> Graph:
        """The graph of a block. Masked edges lead from an atom to itself and then to where no image is."""
        x, y, z = separations(self.homes, part.homes, self.offsets, part.index, part.image)
        weights = (part.numbers > 0).astype(x.dtype)
        reverse = self.reverse if part.index.shape == self.reverse.shape else None
        return Graph((x, y, z), part.index, part.mask, part.numbers, weights, self.numbers, reverse, near=self.near)


def _halfway(potential: AbstractPotential, by_edges: Vectors) -> Vectors | ByAtoms:
    """What `_collected` needs of a block: where reverse edges are minus each other, the sum is at hand."""
    if not potential.pairwise:
        return by_edges
    x, y, z = (-2 * jnp.sum(g, axis=0) for g in by_edges)
    return x, y, z


def _collected(potential: AbstractPotential, by_edges: Any, neighbors: Neighbors) -> Float[Array, "atoms 3"]:
    """Σ_j (G_ji − G_ij): derivatives by positions from those by edges.

    Behind a branch that is always taken: XLA would else compute G_ji inside the gather, one number at a time.
    """

    def gathered(by_edges: Vectors) -> ByAtoms:
        x, y, z = (jnp.sum(looked_up(g, neighbors.reverse) - g, axis=0) for g in by_edges)
        return x, y, z

    if not potential.pairwise and neighbors.reverse.size:
        otherwise = lambda by_edges: tuple(g[0] for g in by_edges)  # noqa: E731
        by_edges = jax.lax.cond(neighbors.reverse[0, 0] >= 0, gathered, otherwise, by_edges)
    return jnp.stack(by_edges, axis=1)[: len(neighbors.positions)]


def _in_blocks(
    potential: AbstractPotential, function: Callable[[Any], tuple[Any, Any]], tree: Any, neighbors: Neighbors
) -> tuple[Any, Any]:
    """A function of columns that gives values for each column and values to be summed, block by block.

    All leaves of `tree`, and those of the first result, have the columns as their last axis. A potential that passes
    messages looks beyond a block, and is evaluated as a whole.
    """
    count, size = blocks_of(len(neighbors.positions), len(neighbors.index))
    if count == 1 or potential.whole:
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
