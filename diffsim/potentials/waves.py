"""Sine and cosine together, of many arguments at once: compiled code would call a library for each."""

import math

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

_QUARTERS = {  # π/2 in parts, of which the first have so few bits that multiples of them are exact
    "float32": (1.5703125, 4.837512969970703125e-4, 7.549789948768648e-8),
    "float64": (1.57079632673412561417, 6.07710050630396597660e-11, 2.02226624879595063154e-21),
}
_TERMS = {"float32": 5, "float64": 9}  # of Taylor's series: what is left out is below rounding for |r| ≤ π/4


@jax.custom_jvp
def sine_and_cosine(x: Float[Array, "*any"]) -> tuple[Float[Array, "*any"], Float[Array, "*any"]]:
    """sin x and cos x, to the last digits for |x| up to some thousand.

    x = kπ/2 + r with |r| ≤ π/4, where Taylor's series are short; each derivative of the two is one of the two.
    """
    name = x.dtype.name
    quarters = jnp.round(x * (2 / math.pi))
    r = x
    for part in _QUARTERS[name]:
        r = r - quarters * part
    sine, cosine = r * _series(r * r, 1, _TERMS[name]), _series(r * r, 0, _TERMS[name] + 1)
    turn = quarters.astype(jnp.int32)
    odd = (turn & 1) == 1
    return (
        jnp.where(odd, cosine, sine) * jnp.where((turn & 2) == 2, -1, 1).astype(x.dtype),
        jnp.where(odd, sine, cosine) * jnp.where(((turn + 1) & 2) == 2, -1, 1).astype(x.dtype),
    )


@sine_and_cosine.defjvp
def _derivative(primals: tuple[Array], tangents: tuple[Array]) -> tuple[tuple[Array, Array], tuple[Array, Array]]:
    sine, cosine = sine_and_cosine(*primals)
    return (sine, cosine), (cosine * tangents[0], -sine * tangents[0])


def _series(square: Array, first: int, terms: int) -> Array:
    """Σ_n (−1)ⁿ r²ⁿ / (2n + first)!"""
    found = jnp.zeros_like(square)
    for n in reversed(range(terms)):
        found = found * square + (-1) ** n / math.factorial(2 * n + first)
    return found
