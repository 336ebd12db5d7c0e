"""A smooth curve through points of a space of many dimensions."""

from __future__ import annotations

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float


class Spline(eqx.Module):
    """Cubics with continuous second derivatives, over the length of the chords between the points.

    The second derivative of the first and of the last piece is constant: three points give a parabola.
    """

    knots: Float[Array, " points"]
    values: Float[Array, "points coordinates"]
    curvatures: Float[Array, "points coordinates"]

    @staticmethod
    def through(values: Float[Array, "points coordinates"]) -> Spline:
        """At least three points, no two of which that follow each other are the same."""
        gaps = jnp.linalg.norm(jnp.diff(values, axis=0), axis=1)
        knots = jnp.concatenate([jnp.zeros(1, gaps.dtype), jnp.cumsum(gaps)])
        bends = jnp.diff(jnp.diff(values, axis=0) / gaps[:, None], axis=0)
        rows = jnp.diag(jnp.concatenate([jnp.ones(1), (gaps[:-1] + gaps[1:]) / 3, jnp.ones(1)]))
        rows += jnp.diag(jnp.concatenate([-jnp.ones(1), gaps[1:] / 6]), 1)
        rows += jnp.diag(jnp.concatenate([gaps[:-1] / 6, -jnp.ones(1)]), -1)
        curvatures = jnp.linalg.solve(rows.astype(values.dtype), jnp.pad(bends, ((1, 1), (0, 0))))
        return Spline(knots, values, curvatures)

    def at(self, x: Float[Array, " places"]) -> tuple[Float[Array, "places coordinates"], ...]:
        """Values and slopes at lengths x."""
        left = jnp.clip(jnp.searchsorted(self.knots, x, side="right") - 1, 0, len(self.knots) - 2)
        gap = (self.knots[left + 1] - self.knots[left])[:, None]
        b = (x - self.knots[left])[:, None] / gap
        a = 1 - b
        (f, g), (df, dg) = ((y[left], y[left + 1]) for y in (self.values, self.curvatures))
        value = a * f + b * g + ((a**3 - a) * df + (b**3 - b) * dg) * gap**2 / 6
        slope = (g - f) / gap + ((1 - 3 * a**2) * df + (3 * b**2 - 1) * dg) * gap / 6
        return value, slope

    def evenly(self, count: int) -> Float[Array, "count coordinates"]:
        """As many points, equally far from each other along the curve."""
        return self.at(jnp.linspace(0.0, 1.0, count, dtype=self.knots.dtype) * self.knots[-1])[0]
