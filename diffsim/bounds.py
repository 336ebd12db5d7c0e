"""Bounds by projection: a step that leaves the box is cut back to it, and what presses against a wall rests there."""

from collections.abc import Sequence

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

_NEAR = 1e-9  # in units of the coordinates (ln θ or θ): closer to a bound than this is on it


def check(start: np.ndarray, lower: np.ndarray, upper: np.ndarray, labels: Sequence[str]) -> None:
    """Refuses a start that is outside by more than rounding: exp(ln θ) is not θ to the last bit."""
    for x, low, high, label in zip(start, lower, upper, labels, strict=True):
        if not low - _NEAR <= x <= high + _NEAR:
            raise ValueError(f"parameter {label!r} does not start inside its bounds: move the start or the bounds")


def pressed(
    x: Float[Array, " free"],
    gradient: Float[Array, " free"],
    lower: Float[Array, " free"],
    upper: Float[Array, " free"],
) -> Bool[Array, " free"]:
    """Which coordinates stand on a bound that a step downhill would cross."""
    return ((x <= lower + _NEAR) & (gradient > 0)) | ((x >= upper - _NEAR) & (gradient < 0))


def reached(x: np.ndarray, lower: np.ndarray, upper: np.ndarray) -> np.ndarray:
    """−1 on the lower bound, 1 on the upper one, 0 inside."""
    return np.asarray(jnp.where(x >= upper - _NEAR, 1, 0) - jnp.where(x <= lower + _NEAR, 1, 0))
