"""How phonons answer to a change of wave vector or volume: group velocities and mode Grüneisen parameters."""

from collections.abc import Sequence

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Complex, Float

from diffsim import units
from diffsim.fields import ArrayLike, as_array, constant
from diffsim.graph import graph
from diffsim.mechanics import neighbors_of
from diffsim.neighbors import Neighbors
from diffsim.observables.base import AbstractStatic
from diffsim.observables.eigen import eigenvalue_slopes
from diffsim.observables.elastic import internal_response, responses
from diffsim.observables.phonons import (
    bloch_matrix,
    check_names,
    checked_qpoints,
    dynamical_matrices,
    edge_hessians,
    is_moving,
    point_names,
)
from diffsim.observables.ring import denominator
from diffsim.potentials.base import AbstractPotential
from diffsim.simulators.state import State
from diffsim.system import System


def group_velocities(
    potential: AbstractPotential, system: System, qpoints: ArrayLike, neighbors: Neighbors | None = None
) -> Float[Array, "q coordinates 3"]:
    """v = ∂ω/∂q in Å THz (= 100 m/s), Cartesian; zero for modes of zero frequency.

    In a degenerate set each Cartesian component is taken by degenerate perturbation theory along its own axis.
    """
    points, _ = checked_qpoints(potential, system, qpoints)
    return _group_velocities(potential, system, neighbors_of(potential, system, neighbors), points)


def mode_gruneisen(
    potential: AbstractPotential, system: System, qpoints: ArrayLike, neighbors: Neighbors | None = None
) -> Float[Array, "q coordinates"]:
    """γ = −∂ln ω/∂ln V of each mode under a uniform dilation, atoms following inside the cell; zero for modes of zero
    frequency. `system` should be relaxed. **Raises** as `dynamical_matrix`.
    """
    points, cells = checked_qpoints(potential, system, qpoints, denominator(qpoints))
    return _mode_gruneisen(potential, system, neighbors_of(potential, system, neighbors), points, cells)


@eqx.filter_jit
def _group_velocities(
    potential: AbstractPotential, system: System, neighbors: Neighbors, qpoints: Float[Array, "q 3"]
) -> Float[Array, "q coordinates 3"]:
    seen = graph(system, neighbors)
    hessians = edge_hessians(potential, seen)
    matrix = lambda q: bloch_matrix(hessians, seen, system, q)  # noqa: E731

    def along(q: Float[Array, "3"], axis: Float[Array, "3"]) -> Float[Array, " coordinates"]:
        values, slopes = eigenvalue_slopes(*jax.jvp(matrix, (q,), (axis,)))  # by q/2π along a Cartesian axis
        return _slope_of_frequency(values, slopes)

    axes = system.cell.T  # q_fractional = cell · q_Cartesian, so column x is ∂q_fractional/∂q_x
    return jax.lax.map(lambda q: jax.vmap(along, (None, 0), 1)(q, axes), qpoints)


@eqx.filter_jit
def _mode_gruneisen(
    potential: AbstractPotential,
    system: System,
    neighbors: Neighbors,
    qpoints: Float[Array, "q 3"],
    cells: int | None,
) -> Float[Array, "q coordinates"]:
    internal, _ = responses(potential, system, neighbors)
    follow = jnp.sum(internal_response(system, internal)[:, :3], axis=1).reshape(-1, 3) / 3

    def matrices(dilation: Float[Array, ""]) -> Complex[Array, "q coordinates coordinates"]:
        strain = dilation / 3 * jnp.eye(3, dtype=system.cell.dtype)
        dilated = system.replace(positions=system.positions + dilation * follow).strained(strain)
        return dynamical_matrices(potential, dilated, neighbors, qpoints, cells)

    zero, one = jnp.zeros((), system.cell.dtype), jnp.ones((), system.cell.dtype)
    values, slopes = jax.vmap(eigenvalue_slopes)(*jax.jvp(matrices, (zero,), (one,)))
    return -0.5 * jnp.where(is_moving(values), slopes / jnp.where(is_moving(values), values, 1.0), 0.0)


def _slope_of_frequency(values: Float[Array, " n"], slopes: Float[Array, " n"]) -> Float[Array, " n"]:
    """dν = dλ/(2√|λ|) / 2π in THz; zero where λ is."""
    moving = is_moving(values)
    root = jnp.sqrt(jnp.where(moving, jnp.abs(values), 1.0))
    return jnp.where(moving, slopes / (2 * root), 0.0) / (2 * np.pi * units.THz)


class ModeGruneisen(AbstractStatic):
    """Mode Grüneisen parameters at chosen wave vectors."""

    qpoints: Float[Array, "q 3"]  # fractions of the reciprocal lattice
    names: tuple[str, ...] = constant()
    cells: int | None = constant()  # of the ring that they go around; None for too many
    unit: str = constant()

    def __init__(self, qpoints: ArrayLike, names: Sequence[str] = (), unit: str = ""):
        self.qpoints = as_array(qpoints)
        self.names = tuple(names)
        self.cells = denominator(self.qpoints)
        self.unit = unit
        check_names(self.names, self.qpoints)

    @property
    def labels(self) -> tuple[str, ...]:
        return point_names(self.names, self.qpoints)

    def record(self, potential: AbstractPotential, state: State) -> Float[Array, "q coordinates"]:
        points, cells = checked_qpoints(potential, state.system, self.qpoints, self.cells)
        neighbors = neighbors_of(potential, state.system, state.neighbors)
        return _mode_gruneisen(potential, state.system, neighbors, points, cells)
