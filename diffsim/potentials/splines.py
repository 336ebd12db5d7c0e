"""Tables on an equidistant grid, interpolated as LAMMPS' EAM styles do: cubic, the slopes five-point differences."""

import jax.numpy as jnp
from jaxtyping import Array, Float, Int


def interpolate(
    table: Float[Array, "*rows knots"], row: tuple[Int[Array, "..."], ...], x: Float[Array, "..."], step: float
) -> Float[Array, "..."]:
    """table[row] at x, the first knot standing at 0: Hermite's cubic of the two values and slopes around x.

    Before the first knot the first cubic goes on; past the last knot it stays at the last value.
    """
    knots = table.shape[-1]
    slope = _slopes(table)
    place = x / step
    left = jnp.clip(place.astype(jnp.int32), 0, knots - 2)
    p = place - left
    p = jnp.where(p < 1, p, 1.0)
    f, g = table[*row, left], table[*row, left + 1]
    df, dg = slope[*row, left], slope[*row, left + 1]
    quadratic = 3 * (g - f) - 2 * df - dg
    cubic = df + dg - 2 * (g - f)
    return ((cubic * p + quadratic) * p + df) * p + f


def extrapolate(
    table: Float[Array, "*rows knots"], row: tuple[Int[Array, "..."], ...], x: Float[Array, "..."], step: float
) -> Float[Array, "..."]:
    """As `interpolate`, but past the last knot it goes on as a straight line."""
    past = x / step - (table.shape[-1] - 1)
    return interpolate(table, row, x, step) + _slopes(table)[*row, -1] * jnp.where(past > 0, past, 0.0)


def _slopes(table: Float[Array, "*rows knots"]) -> Float[Array, "*rows knots"]:
    """The derivative at every knot, times the step; towards the ends with the knots that there are."""
    f = table
    inner = ((f[..., :-4] - f[..., 4:]) + 8 * (f[..., 3:-1] - f[..., 1:-3])) / 12
    first, last = f[..., 1:2] - f[..., :1], f[..., -1:] - f[..., -2:-1]
    second, second_last = 0.5 * (f[..., 2:3] - f[..., :1]), 0.5 * (f[..., -1:] - f[..., -3:-2])
    return jnp.concatenate([first, second, inner, second_last, last], axis=-1)
