"""Sums over pairs of neighbours of a polynomial in the cosine between them, in as many steps as there are neighbours.

With the moments M_m = Σ_j w_j û_j ⊗ … ⊗ û_j (m times), Σ_jk w_j w'_k (û_j·û_k)ᵐ = ⟨M_m, M'_m⟩. Of the symmetric
tensor M_m the components xᵃyᵇzᶜ, a + b + c = m, are kept, each of which stands for m!/(a! b! c!) alike. Since |û| = 1,
M_m₋₂ is a trace of M_m, so neighbours are summed over for the two highest m alone: (L + 1)² components up to m = L.
"""

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
    counts = [math.factorial(degree) / math.prod(map(math.factorial, abc)) for abc in exponents(degree)]
    return jnp.tensordot(jnp.asarray(counts, left.dtype), left * right, axes=1)


def _trace(degree: int) -> Float[np.ndarray, "fewer components"]:
    """M of two degrees less as a matrix times M."""
    place = {abc: column for column, abc in enumerate(exponents(degree))}
    matrix = np.zeros((len(exponents(degree - 2)), len(place)))
    for row, (a, b, c) in enumerate(exponents(degree - 2)):
        matrix[row, [place[a + 2, b, c], place[a, b + 2, c], place[a, b, c + 2]]] = 1.0
    return matrix
