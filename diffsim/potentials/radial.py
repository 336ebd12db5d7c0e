"""What learned potentials see of a distance: bases of functions of r, and how they end at the cutoff.

Each takes r in Å, of any shape, and all are finite wherever r > 0, with all their derivatives; padded edges, which are
as long as the list radius, get a zero from `envelope`. A basis times `envelope` vanishes at the cutoff with two
derivatives. Basis functions run along a new first axis: `[basis neighbors atoms]` of `graph.distances`.
"""

import jax.numpy as jnp
from jaxtyping import Array, Float

Length = Float[Array, ""] | float  # Å


def envelope(r: Float[Array, "*edges"], cutoff: Length, p: int = 6) -> Float[Array, "*edges"]:
    """The polynomial envelope of Gasteiger, Groß and Günnemann (doi:10.48550/arXiv.2003.03123).

    u(x) = 1 − (p+1)(p+2)/2 xᵖ + p(p+2) xᵖ⁺¹ − p(p+1)/2 xᵖ⁺², x = r/r_c < 1; 0 from the cutoff on, to which it goes
    with a continuous second derivative. The larger p, the longer it stays near 1.
    """
    inside = r < cutoff
    x = jnp.where(inside, r / cutoff, 0.0)
    u = 1 + x**p * (-(p + 1) * (p + 2) / 2 + x * (p * (p + 2) - x * (p * (p + 1) / 2)))
    return jnp.where(inside, u, 0.0)


def gaussian_basis(
    r: Float[Array, "*edges"], centers: Float[Array, " basis"], eta: Float[Array, "..."] | float
) -> Float[Array, "basis *edges"]:
    """exp(−η (r − r_s)²), centres r_s in Å, η in 1/Å² one number or one for each centre."""
    eta = jnp.broadcast_to(jnp.asarray(eta, centers.dtype), centers.shape)
    return jnp.exp(-_first(eta, r) * (r - _first(centers, r)) ** 2)


def bessel_basis(
    r: Float[Array, "*edges"], frequencies: Float[Array, " basis"], cutoff: Length
) -> Float[Array, "basis *edges"]:
    """√(2/r_c) sin(ω r/r_c) / r with ω = nπ, n = 1, 2 …: `bessel_frequencies` (doi:10.48550/arXiv.2003.03123).

    These are the spherical Bessel functions j₀ that vanish at the cutoff, normalised in its sphere.
    """
    return jnp.sqrt(2 / jnp.asarray(cutoff)) * jnp.sin(_first(frequencies, r) * (r / cutoff)) / r


def bessel_frequencies(count: int) -> Float[Array, " basis"]:
    """nπ, n = 1 … count."""
    return jnp.pi * jnp.arange(1.0, count + 1)


def chebyshev_basis(
    r: Float[Array, "*edges"], count: int, cutoff: Length, start: Length = 0.0
) -> Float[Array, "basis *edges"]:
    """Chebyshev polynomials T₀ … T_count₋₁ of x, which goes from −1 at `start` to 1 at the cutoff.

    T₀ = 1, T₁ = x, T_n = 2x T_n₋₁ − T_n₋₂
    """
    x = 2 * (r - start) / (cutoff - start) - 1
    terms = [jnp.ones_like(x), x]
    while len(terms) < count:
        terms.append(2 * x * terms[-1] - terms[-2])
    return jnp.stack(terms[:count])


def _first(values: Float[Array, " basis"], r: Array) -> Array:
    """Along an axis in front of those of r."""
    return values.reshape(-1, *(1,) * r.ndim)
