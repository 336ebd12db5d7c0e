"""Saddle points: Newton's method uphill along one mode and downhill along all others."""

from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from diffsim.fields import concrete, require_x64
from diffsim.mechanics import neighbors_of, total_energy
from diffsim.neighbors import Neighbors
from diffsim.potentials.base import AbstractPotential
from diffsim.relax import jacobian, rigid_motions, stiffened
from diffsim.system import System

_TOLERANCE = 1e-10  # eV/Å: largest component of the gradient
_ACCEPTABLE = 1e-8  # eV/Å: where rounding keeps it from falling further
_LONGEST_STEP = 0.1  # Å
_MAX_STEPS = 100
_SKIN = 0.5  # Å: how much further the list reaches than the cutoff
_SOFT = 1e-9  # of the stiffest mode: below, a mode is a translation


def saddle_point(
    potential: AbstractPotential,
    guess: System,
    direction: Float[Array, "atoms 3"],
    *,
    neighbors: Neighbors | None = None,
) -> System:
    """The saddle point near `guess`: no forces, and exactly one mode with a negative curvature.

    `direction` is that of the path there: `path.image(path.highest), path.tangent` of a `minimum_energy_path`. Each
    step is Newton's, with the sign turned for the mode that is followed: of those with a negative curvature, or of all
    where there is none, the one most like `direction` (C. J. Cerjan and W. H. Miller, doi:10.1063/1.442352). Full
    Hessians: up to a few hundred atoms. Differentiable in the potential and in the cell of `guess` by the implicit
    function theorem.

    **Raises** `ValueError` where no such point is found, and for 32-bit input. Under `jit`, which needs `neighbors`
    with room to move, the result is then NaN.
    """
    require_x64(guess.positions, "a saddle point")
    made = neighbors_of(potential, guess, neighbors, skin=_SKIN)
    found, left, outgrown = _saddle_point(potential, guess, jnp.asarray(direction, guess.positions.dtype), made)
    if neighbors is None:
        size = concrete(left)
        if size is None or not np.isfinite(size) or concrete(outgrown):
            raise ValueError(
                "no saddle point found near the structure given: start from the highest image of a converged path, "
                "with more images; two negative modes mean that the path is symmetric where the true one is not"
            )
    return found


@eqx.filter_jit
def _saddle_point(
    potential: AbstractPotential, guess: System, direction: Array, neighbors: Neighbors
) -> tuple[System, Array, Array]:
    place = lambda x: guess.replace(positions=x.reshape(-1, 3))  # noqa: E731
    energy = lambda x: total_energy(potential, place(x), neighbors)  # noqa: E731
    still = rigid_motions(guess)

    def tangent_solve(linear: Callable, rhs: Array) -> Array:
        return jnp.linalg.solve(stiffened(jax.vmap(linear)(jnp.eye(len(rhs), dtype=rhs.dtype)), still), rhs)

    start = guess.positions.reshape(-1)
    solve = lambda _, x: climb(energy, x, direction.reshape(-1), still)  # noqa: E731
    x, left = jax.lax.custom_root(jax.grad(energy), start, solve, tangent_solve, has_aux=True)
    outgrown = neighbors.overflow(place(x), potential.cutoff)
    left = jax.lax.stop_gradient(jnp.where((left < _ACCEPTABLE) & ~outgrown, left, jnp.nan))
    return place(x + 0 * left), left, outgrown


def climb(
    function: Callable, start: Float[Array, " n"], direction: Float[Array, " n"], still: Float[Array, "n n"]
) -> tuple[Float[Array, " n"], Float[Array, ""]]:
    """The saddle point near `start` and the largest component of the gradient there; infinite if it is none.

    `still` projects onto motions that cost nothing.
    """
    gradient = jax.grad(function)

    def modes(y: Array) -> tuple[Array, Array, Array]:
        return gradient(y), *jnp.linalg.eigh(stiffened(jacobian(gradient, y), still))

    def proceed(carry: tuple) -> Bool[Array, ""]:
        _, _, slope, _, step = carry
        return (jnp.max(jnp.abs(slope)) > _TOLERANCE) & (step < _MAX_STEPS)

    def update(carry: tuple) -> tuple:
        y, move, _, _, step = carry
        y = y + move
        slope, curvatures, vectors = modes(y)
        negative = curvatures < 0
        alike = jnp.where(negative | ~jnp.any(negative), jnp.abs(direction @ vectors), -1.0)
        uphill = jnp.arange(len(y)) == jnp.argmax(alike)
        stiffness = jnp.abs(curvatures) + _SOFT * jnp.max(jnp.abs(curvatures))
        move = vectors @ (jnp.where(uphill, 1.0, -1.0) * (vectors.T @ slope) / stiffness)
        move = move * jnp.minimum(1.0, _LONGEST_STEP / (jnp.max(jnp.abs(move)) + 1e-300))
        return y, move, slope, jnp.sum(negative), step + 1

    start, direction = jax.lax.stop_gradient((start, direction))
    nowhere = (start, jnp.zeros_like(start), jnp.full_like(start, jnp.inf), 0, 0)
    y, _, slope, negative, _ = jax.lax.while_loop(proceed, update, nowhere)
    return y, jnp.where(negative == 1, jnp.max(jnp.abs(slope)), jnp.inf)
