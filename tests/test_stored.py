"""Numbers that are computed once are the same numbers, with the same derivatives, and stay so in compiled code."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from diffsim.stored import stored

X = jnp.linspace(0.3, 2.0, 7)
COUNTS = jnp.arange(7)


def plain(x):
    return jnp.sum(jnp.sin(x) * jnp.exp(x) * jnp.array([1.0, 2.0, 3.0])[:, None])


def kept(x):
    return jnp.sum(stored(jnp.sin(x) * jnp.exp(x), COUNTS) * jnp.array([1.0, 2.0, 3.0])[:, None])


@pytest.mark.parametrize(
    "derivative",
    [lambda f: f, jax.grad, jax.jacfwd, jax.hessian, lambda f: jax.jacfwd(jax.hessian(f))],
    ids=["value", "reverse", "forward", "second", "third"],
)
def test_what_is_stored_has_the_derivatives_of_what_is_not(derivative):
    np.testing.assert_allclose(jax.jit(derivative(kept))(X), derivative(plain)(X), rtol=1e-13, atol=1e-13)
    several = jnp.stack([X, 2 * X])
    np.testing.assert_allclose(jax.vmap(derivative(kept))(several)[1], derivative(plain)(2 * X), rtol=1e-13, atol=1e-13)


def test_what_is_not_a_number_is_not_hidden():
    found = jax.jit(stored)({"a": X.at[0].set(jnp.nan), "b": COUNTS}, COUNTS)
    assert np.isnan(found["a"][0])
    np.testing.assert_array_equal(found["b"], COUNTS)


def test_the_compiler_keeps_what_is_stored():
    """Else the chain would be computed for each of the three rows."""

    def compiled(function):
        return jax.jit(lambda x, c: function(x, c)).lower(X, COUNTS).compile().as_text()

    rows = jnp.array([1.0, 2.0, 3.0])[:, None]
    assert "conditional" in compiled(lambda x, counts: rows * stored(jnp.sin(x) * x, counts))
    assert "conditional" not in compiled(lambda x, counts: rows * jnp.sin(x) * x)
