"""Minimum-energy structures, differentiable by the implicit function theorem.

At the minimum ∂H/∂y(y*, θ) = 0, so dy*/dθ = −(∂²H/∂y²)⁻¹ ∂²H/∂y∂θ: how the minimum was found does not matter.
`jax.lax.custom_root` says exactly that, in both modes and to any order.
"""

from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from diffsim.fields import concrete, require_x64
from diffsim.mechanics import neighbors_of, require_periodic, total_energy
from diffsim.neighbors import Neighbors
from diffsim.potentials.base import AbstractPotential
from diffsim.system import System

_TOLERANCE = 1e-11  # eV/Å: largest component of the gradient
_ACCEPTABLE = 1e-6  # eV/Å: where rounding keeps it from falling further
_LONGEST_STEP = 0.2  # Å
_MAX_STEPS = 200
_AT_ONCE = 96  # rows of a Hessian
_SKIN = 0.5  # Å: how much further the list reaches than the cutoff, so that atoms may move


def relax(
    potential: AbstractPotential,
    system: System,
    *,
    cell: bool = False,
    pressure: float | Float[Array, ""] = 0.0,
    neighbors: Neighbors | None = None,
) -> System:
    """The nearest minimum of the enthalpy E + pV over the positions and, if asked, the cell (pressure in eV/Å³).

    Newton's method on the full Hessian with |eigenvalues|, so that it goes downhill from saddles too: meant for up to a
    few hundred atoms. Without `cell` the pressure plays no part. Positions keep their centre, the cell its orientation.

    **Raises** `ValueError` where no minimum is found. Under `jit` (which needs `neighbors`, with room to move) the
    result is then NaN, and `neighbors.overflow(result, potential.cutoff)` tells whether the list was too short.
    """
    require_x64(system.positions, "relax")
    if cell:
        require_periodic(system, "relaxing the cell")
    pressure = jnp.asarray(pressure, system.positions.dtype)
    if neighbors is not None:
        return _relax(potential, system, neighbors_of(potential, system, neighbors), pressure, cell)[0]
    for _ in range(20):
        made = neighbors_of(potential, system, None, skin=_SKIN)
        relaxed, gradient = _relax(potential, system, made, pressure, cell)
        left = concrete(gradient)
        if left is None or not np.isfinite(left):
            raise ValueError(
                f"no minimum found within {_MAX_STEPS} steps from the structure given: check the potential's "
                "parameters, or start closer to the minimum"
            )
        if not concrete(made.overflow(relaxed, potential.cutoff)):
            return relaxed
        system = jax.tree.map(jax.lax.stop_gradient, relaxed)
    raise ValueError("the structure keeps moving out of its neighbour list: it has no minimum near the start")


@eqx.filter_jit
def _relax(
    potential: AbstractPotential, system: System, neighbors: Neighbors, pressure: Float[Array, ""], cell: bool
) -> tuple[System, Float[Array, ""]]:
    """The relaxed system, NaN where not converged, and the largest component of the gradient that is left."""
    dtype = system.positions.dtype
    n_atoms = len(system.numbers)
    n_strain = 6 if cell else 0
    length = jax.lax.stop_gradient(jnp.cbrt(system.volume) * jnp.sqrt(1.0 * n_atoms)) if cell else jnp.ones((), dtype)

    def structure(y: Float[Array, " coordinates"]) -> System:
        moved = system.replace(positions=system.positions + y[: 3 * n_atoms].reshape(n_atoms, 3))
        return moved.strained(strain_matrix(y[3 * n_atoms :] / length)) if cell else moved

    def enthalpy(y: Float[Array, " coordinates"]) -> Float[Array, ""]:
        at = structure(y)
        work = pressure * at.volume if cell else 0.0
        return total_energy(potential, at, neighbors) + work

    still = jnp.pad(rigid_motions(system), ((0, n_strain), (0, n_strain)))

    def tangent_solve(linear, rhs):
        return jnp.linalg.solve(stiffened(jax.vmap(linear)(jnp.eye(len(rhs), dtype=dtype)), still), rhs)

    start = jnp.zeros(3 * n_atoms + n_strain, dtype)
    solve = lambda _, y: minimize(enthalpy, y)  # noqa: E731
    found, left = jax.lax.custom_root(jax.grad(enthalpy), start, solve, tangent_solve, has_aux=True)
    left = jax.lax.stop_gradient(jnp.where(left < _ACCEPTABLE, left, jnp.nan))
    relaxed = structure(found)
    return jax.tree.map(lambda x: x + 0 * left if eqx.is_inexact_array(x) else x, relaxed), left


def minimize(function: Callable, start: Float[Array, " n"]) -> tuple[Float[Array, " n"], Float[Array, ""]]:
    """Newton's method downhill: y ← y − |H|⁻¹ g, and the largest component of the gradient that is left.

    No step is longer than 0.2 Å; one that does not lower the function is taken back and shortened. Value, gradient and
    Hessian are evaluated in one place of the loop, which keeps the compiled code small.
    """

    def proceed(carry: tuple) -> Bool[Array, ""]:
        best, _, longest, step = carry
        done = jnp.max(jnp.abs(best[2])) <= _TOLERANCE
        return (step < _MAX_STEPS) & ~done & (longest > 1e-10)

    def update(carry: tuple) -> tuple:
        best, trial, longest, step = carry
        value, gradient = jax.value_and_grad(function)(trial)
        hessian = jacobian(jax.grad(function), trial)
        slack = 1e-13 * (jnp.abs(value) + 1.0)  # rounding of the function
        better = value <= best[1] + slack
        best = jax.tree.map(lambda new, old: jnp.where(better, new, old), (trial, value, gradient, hessian), best)
        longest = jnp.where(better, jnp.minimum(2 * longest, _LONGEST_STEP), 0.25 * longest)
        move = newton_step(best[3], best[2])
        move = move * jnp.minimum(1.0, longest / (jnp.max(jnp.abs(move)) + 1e-300))
        longest = jnp.minimum(longest, jnp.max(jnp.abs(move)))
        return best, best[0] + move, longest, step + 1

    start = jax.lax.stop_gradient(start)
    nowhere = (start, jnp.full((), jnp.inf, start.dtype), jnp.full_like(start, jnp.inf), jnp.zeros((len(start),) * 2))
    best, *_ = jax.lax.while_loop(proceed, update, (nowhere, start, jnp.array(_LONGEST_STEP, start.dtype), 0))
    return best[0], jnp.max(jnp.abs(best[2]))


def jacobian(function: Callable, y: Float[Array, " n"]) -> Float[Array, "n n"]:
    """∂f/∂y, all of it at once where that is little, else row by row: fast on a processor, and it takes less memory."""
    along = lambda seed: jax.jvp(function, (y,), (seed,))[1]  # noqa: E731
    seeds = jnp.eye(len(y), dtype=y.dtype)
    few = len(y) <= _AT_ONCE or jax.default_backend() != "cpu"
    return (jax.vmap(along)(seeds) if few else jax.lax.map(along, seeds)).T


def newton_step(hessian: Float[Array, "n n"], gradient: Float[Array, " n"]) -> Float[Array, " n"]:
    """−|H|⁻¹ g: downhill whatever the signs of the curvatures; nothing along rigid motions."""
    values, vectors = jnp.linalg.eigh(hessian)
    stiffness = jnp.abs(values)
    soft = stiffness < 1e-9 * jnp.max(stiffness)
    return -vectors @ jnp.where(soft, 0.0, (vectors.T @ gradient) / jnp.where(soft, 1.0, stiffness))


def strain_matrix(voigt: Float[Array, "6"]) -> Float[Array, "3 3"]:
    """Symmetric 3×3 strain from xx, yy, zz, yz, xz, xy with engineering shear."""
    xx, yy, zz, yz, xz, xy = voigt
    return jnp.array([[xx, xy / 2, xz / 2], [xy / 2, yy, yz / 2], [xz / 2, yz / 2, zz]])


def rigid_motions(system: System) -> Float[Array, "coordinates coordinates"]:
    """Projector onto the displacements that cost nothing: translations, and rotations of what is not periodic."""
    n_atoms = len(system.numbers)
    eye = jnp.eye(3, dtype=system.positions.dtype)
    motions = [jnp.tile(axis, (n_atoms, 1)) for axis in eye]
    if not any(system.pbc):
        centred = system.positions - jnp.mean(system.positions, axis=0)
        motions += [jnp.cross(axis, centred) for axis in eye]
    basis = jnp.stack([m.reshape(-1) for m in motions], axis=1)
    u, size, _ = jnp.linalg.svd(jax.lax.stop_gradient(basis), full_matrices=False)
    u = jnp.where(size > 1e-8 * size[0], u, 0.0)  # the axis of a linear molecule is no rotation
    return u @ u.T


def stiffened(hessian: Float[Array, "n n"], rigid: Float[Array, "n n"]) -> Float[Array, "n n"]:
    """The Hessian made regular: rigid motions, which no force can drive, cost as much as the mean mode."""
    scale = jnp.maximum(jnp.trace(jnp.abs(hessian)) / len(hessian), 1.0)
    scale = jax.lax.stop_gradient(scale)
    return 0.5 * (hessian + hessian.T) + scale * (rigid + 1e-14 * jnp.eye(len(hessian), dtype=hessian.dtype))
