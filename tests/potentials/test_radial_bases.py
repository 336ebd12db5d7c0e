"""Radial bases and how they end: their equations, their ends, and derivatives that are finite everywhere."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.special import eval_chebyt, spherical_jn

from diffsim.potentials.radial import (
    bessel_basis,
    bessel_frequencies,
    chebyshev_basis,
    envelope,
    gaussian_basis,
)

CUTOFF = 4.0  # Å
R = jnp.linspace(0.3, 5.0, 48).reshape(2, 24)
CENTERS = jnp.linspace(0.5, 3.5, 4)
BASES = {
    "gaussian": lambda r: gaussian_basis(r, CENTERS, 2.0),
    "bessel": lambda r: bessel_basis(r, bessel_frequencies(4), CUTOFF),
    "chebyshev": lambda r: chebyshev_basis(r, 4, CUTOFF, 0.5),
}


def derivatives(function, r: float) -> np.ndarray:
    """f, f′, f″, f‴ at r, in forward mode."""
    found = [function]
    for _ in range(3):
        found.append(jax.jacfwd(found[-1]))
    return np.array([f(jnp.asarray(r)) for f in found])


@pytest.mark.parametrize("p", [2, 5, 6, 8])
def test_the_envelope_ends_with_two_derivatives_and_starts_at_one(p):
    end = derivatives(lambda r: envelope(r, CUTOFF, p), CUTOFF * (1 - 1e-8))
    # f‴ = −p(p+1)(p+2)/r_c³ at the cutoff, so f″ is 1e-8 r_c times that, f′ and f less; rounding of terms of some p²
    assert (np.abs(end[:3]) <= [1e-13, 1e-12, 1e-8 * p * (p + 1) * (p + 2) / CUTOFF**2 * (1 + 1e-5)]).all()
    np.testing.assert_allclose(end[3], -p * (p + 1) * (p + 2) / CUTOFF**3, rtol=1e-6)
    assert (derivatives(lambda r: envelope(r, CUTOFF, p), CUTOFF) == 0).all()
    assert envelope(jnp.asarray(1e-9), CUTOFF, p) == pytest.approx(1.0, abs=1e-15)


def test_bases_are_what_their_equations_say():
    r = np.asarray(R)
    np.testing.assert_allclose(BASES["gaussian"](R)[1], np.exp(-2.0 * (r - 1.5) ** 2), rtol=1e-13)
    n = np.arange(1, 5)[:, None, None]
    waves = np.sqrt(2 / CUTOFF) * n * np.pi / CUTOFF * spherical_jn(0, n * np.pi * r / CUTOFF)
    np.testing.assert_allclose(BASES["bessel"](R), waves, rtol=0, atol=1e-14)
    x = 2 * (r - 0.5) / (CUTOFF - 0.5) - 1
    np.testing.assert_allclose(BASES["chebyshev"](R), eval_chebyt(np.arange(4)[:, None, None], x), rtol=0, atol=1e-13)


def test_bessel_functions_are_orthonormal_in_their_sphere():
    """∫ b_m b_n r² dr = δ_mn, by the trapezoidal rule, which is exact to rounding for these sines."""
    r = jnp.linspace(0, CUTOFF, 201)[1:-1]
    b = BASES["bessel"](r)
    np.testing.assert_allclose(jnp.einsum("mr,nr,r->mn", b, b, r**2) * CUTOFF / 200, np.eye(4), atol=1e-13)


@pytest.mark.parametrize("name", BASES)
def test_a_basis_in_its_envelope_is_differentiable_three_times_everywhere(name):
    """Inside, on, and beyond the cutoff, where padded edges are; alike in both modes."""
    ended = lambda r: jnp.sum(BASES[name](r) * envelope(r, CUTOFF))  # noqa: E731
    r = jnp.array([0.3, 1.0, CUTOFF - 1e-12, CUTOFF, CUTOFF + 1e-12, 100.0])
    reverse = jax.vmap(jax.grad(jax.grad(jax.grad(ended))))(r)
    forward = jax.vmap(jax.jacfwd(jax.jacfwd(jax.jacfwd(ended))))(r)
    assert np.isfinite(reverse).all()
    np.testing.assert_allclose(forward, reverse, rtol=1e-10, atol=1e-10)  # of some 100 within the cutoff
    assert (np.asarray(reverse)[3:] == 0).all()
