"""Sine and cosine together: to the last digits, with their derivatives."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from diffsim.potentials.waves import sine_and_cosine


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_they_are_right_to_the_last_digits(dtype):
    x = np.concatenate([np.random.default_rng(0).uniform(-300, 300, 100_000), np.pi / 4 * np.arange(-99, 100)])
    x = x.astype(dtype)
    sine, cosine = jax.jit(sine_and_cosine)(jnp.asarray(x))
    assert sine.dtype == cosine.dtype == dtype
    exact = x.astype(np.longdouble)
    np.testing.assert_allclose(sine, np.sin(exact), rtol=0, atol=1.5 * np.finfo(dtype).eps)
    np.testing.assert_allclose(cosine, np.cos(exact), rtol=0, atol=1.5 * np.finfo(dtype).eps)


def test_their_derivatives_are_each_other_in_both_modes():
    x = jnp.linspace(-20.0, 20.0, 101)
    sine = lambda x: sine_and_cosine(3 * x)[0]  # noqa: E731
    third = jax.vmap(jax.grad(jax.jacfwd(jax.grad(sine))))(x)
    np.testing.assert_allclose(third, -27 * jnp.cos(3 * x), rtol=0, atol=1e-13)
