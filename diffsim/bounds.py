"""Bounds by projection: a step that leaves the box is cut back to it, and what presses against a wall rests there."""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

_NEAR = 1e-9  # in units of the coordinates (ln θ or θ): closer to a bound than this is on it


def outside(start: np.ndarray, lower: np.ndarray, upper: np.ndarray) -> np.ndarray:
    """Which coordinates are outside by more than rounding: exp(ln θ) is not θ to the last bit."""
    return np.flatnonzero(~((lower - _NEAR <= start) & (start <= upper + _NEAR)))


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
