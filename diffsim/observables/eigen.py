"""Eigenvalues of Hermitian matrices and their derivatives where some of them coincide."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Complex, Float, Int


@jax.custom_jvp
def eigh(matrix: Complex[Array, "n n"]) -> tuple[Float[Array, " n"], Complex[Array, "n n"]]:
    """Eigenvalues, ascending, and eigenvectors; inside a degenerate set the vectors are not rotated by a perturbation.

    So the derivative of whatever does not depend on the basis of a degenerate set is right, where that of
    `jnp.linalg.eigh` is NaN.
    """
    values, vectors = jnp.linalg.eigh(matrix)
    return values, vectors


@eigh.defjvp
def _eigh_jvp(primals, tangents):
    (matrix,), (perturbation,) = primals, tangents
    values, vectors = eigh(matrix)
    coupling = vectors.conj().T @ perturbation @ vectors
    sets = degenerate_sets(values)
    apart = sets[:, None] != sets[None, :]
    gaps = jnp.where(apart, values[None, :] - values[:, None], 1.0)
    rotation = vectors @ jnp.where(apart, coupling / gaps, 0.0)
    return (values, vectors), (jnp.real(jnp.diagonal(coupling)), rotation)


def degenerate_sets(values: Float[Array, " n"]) -> Int[Array, " n"]:
    """The number of the degenerate set of each of the ascending eigenvalues."""
    tolerance = 1e-7 * jnp.max(jnp.abs(values)) + 1e-14
    return jnp.concatenate([jnp.zeros(1, int), jnp.cumsum(jnp.diff(values) > tolerance)])


def eigenvalue_slopes(
    matrix: Complex[Array, "n n"], perturbation: Complex[Array, "n n"]
) -> tuple[Float[Array, " n"], Float[Array, " n"]]:
    """Eigenvalues λ and their slopes dλ along a perturbation, by degenerate perturbation theory.

    Slopes of a degenerate set are the eigenvalues of the perturbation within it: blocks are set apart on the diagonal,
    diagonalised together and set back.
    """
    values, vectors = eigh(matrix)
    coupling = vectors.conj().T @ perturbation @ vectors
    sets = degenerate_sets(values)
    within = jnp.where(sets[:, None] == sets[None, :], coupling, 0.0)
    apart = jax.lax.stop_gradient(4 * jnp.sqrt(jnp.sum(jnp.abs(within) ** 2)) + 1e-30) * sets
    slopes, _ = eigh(0.5 * (within + within.conj().T) + jnp.diag(apart))
    return values, slopes - apart
