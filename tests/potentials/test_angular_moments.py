"""Moments of neighbours against sums over their pairs."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from diffsim.potentials.angular import exponents, moments, monomials, product

RNG = np.random.default_rng(0)
UNITS = RNG.standard_normal((3, 9, 2))
UNITS /= np.linalg.norm(UNITS, axis=0)
WEIGHTS = RNG.uniform(0.1, 1.0, (2, 3, 9, 2))  # [sets fields neighbors atoms]


@pytest.mark.parametrize("degree", range(9))
def test_products_of_moments_are_sums_of_powers_of_the_cosine(degree):
    left, right = (moments(tuple(jnp.asarray(UNITS)), jnp.asarray(w), degree) for w in WEIGHTS)
    cosines = np.einsum("xja,xka->jka", UNITS, UNITS)
    assert len(left) == degree + 1
    for m in range(degree + 1):
        expected = np.einsum("fja,fka,jka->fa", *WEIGHTS, cosines**m)
        np.testing.assert_allclose(product(left[m], right[m]), expected, rtol=0, atol=1e-13)  # of up to 81 terms


def test_monomials_stand_in_the_order_of_their_exponents():
    x, y, z = UNITS
    for degree, found in enumerate(monomials(tuple(jnp.asarray(UNITS)), 5)):
        expected = [x**a * y**b * z**c for a, b, c in exponents(degree)]
        np.testing.assert_allclose(found, expected, rtol=1e-14)


def test_moments_have_no_scatter_in_their_derivative():
    value = lambda units: sum(jnp.sum(m**2) for m in moments(units, jnp.asarray(WEIGHTS[0]), 4))  # noqa: E731
    assert "scatter" not in jax.jit(jax.grad(value)).lower(tuple(jnp.asarray(UNITS))).as_text()
