"""Sums over pairs of neighbours of a polynomial in the cosine between them, in as many steps as there are neighbours.

With the moments M_m = Σ_j w_j û_j ⊗ … ⊗ û_j (m times), Σ_jk w_j w'_k (û_j·û_k)ᵐ = ⟨M_m, M'_m⟩. Of the symmetric
tensor M_m the components xᵃyᵇzᶜ, a + b + c = m, are kept, each of which stands for m!/(a! b! c!) alike. Since |û| = 1,
M_m₋₂ is a trace of M_m, so neighbours are summed over for the two highest m alone: (L + 1)² components up to m = L.
"""

import functools
import math

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from diffsim.graph import Vectors


def moments(
    units: Vectors, weights: Float[Array, "fields neighbors atoms"], degree: int
) -> list[Float[Array, "components fields atoms"]]:
    """M₀ … M_degree of the unit vectors û, for each field of weights; the components in the order of `exponents`."""
    powers = monomials(units, degree)
    found = [jnp.sum(powers[m][:, None] * weights, axis=-2) for m in range(max(degree - 1, 0), degree + 1)]
    for m in range(degree - 2, -1, -1):
        found.insert(0, jnp.tensordot(_trace(m + 2), found[1], axes=1))
    return found


def monomials(units: Vectors, degree: int) -> list[Float[Array, "components neighbors atoms"]]:
    """xᵃyᵇzᶜ of degree 0, 1, … in the order of `exponents`."""
    x, y, z = units
    found = [jnp.ones((1, *x.shape), x.dtype)]
    for m in range(1, degree + 1):
        last = found[-1]
        found.append(jnp.concatenate([x * last, y * last[-m:], z * last[-1:]]))
    return found


def exponents(degree: int) -> list[tuple[int, int, int]]:
    """(a, b, c) with a + b + c = degree, those with high a first, then those with high b."""
    return [(a, b, degree - a - b) for a in range(degree, -1, -1) for b in range(degree - a, -1, -1)]


def product(left: Float[Array, "components *rest"], right: Float[Array, "components *rest"]) -> Float[Array, "*rest"]:
    """⟨M, M'⟩, all components of the full tensors counted."""
    degree = (math.isqrt(8 * len(left) + 1) - 3) // 2
    return jnp.tensordot(jnp.asarray(_counts(degree), left.dtype), left * right, axes=1)


@functools.cache
def traceless(degree: int) -> Float[np.ndarray, "harmonics components"]:
    """H, with which Σ_m (H M)_m (H M')_m is the Legendre polynomial P_l(û·û') of the monomials of two unit vectors.

    H M are the 2l + 1 real spherical harmonics times √(4π/(2l + 1)), of a vector that is no unit vector times |r|ˡ; how
    they are turned among each other is nobody's business, since only their products have a meaning.
    """
    form = np.zeros((len(exponents(degree)),) * 2)
    lowered = np.eye(len(form))  # |r|^2k times the monomials of degree l − 2k
    for m in range(degree, -1, -2):
        factor = np.polynomial.legendre.leg2poly([0] * degree + [1])[m]
        form += factor * lowered.T @ (_counts(m)[:, None] * lowered)
        if m > 1:
            lowered = _trace(m) @ lowered
    values, vectors = np.linalg.eigh(form)  # 2l + 1 are positive, the others zero
    return (vectors * np.sqrt(np.maximum(values, 0.0)))[:, -2 * degree - 1 :].T


def _counts(degree: int) -> Float[np.ndarray, " components"]:
    """How many components of the full tensor each one stands for."""
    return np.array([math.factorial(degree) / math.prod(map(math.factorial, abc)) for abc in exponents(degree)])


def _trace(degree: int) -> Float[np.ndarray, "fewer components"]:
    """M of two degrees less as a matrix times M."""
    place = {abc: column for column, abc in enumerate(exponents(degree))}
    matrix = np.zeros((len(exponents(degree - 2)), len(place)))
    for row, (a, b, c) in enumerate(exponents(degree - 2)):
        matrix[row, [place[a + 2, b, c], place[a, b + 2, c], place[a, b, c + 2]]] = 1.0
    return matrix
