"""Other starts for a fit, to see whether they end in the same place."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from diffsim.parametrization import Parametrization, Trainable
from diffsim.potentials.base import AbstractPotential

_SMALL = 0.01  # what a parameter near zero is moved relative to, in its own unit


def perturbed(
    potential: AbstractPotential, spread: float, key: Array, trainable: Trainable = None
) -> AbstractPotential:
    """The potential with its trainable parameters moved at random, and cut back to their bounds.

    ln θ → ln θ + spread · z for positive parameters, θ → θ + spread · max(|θ|, 0.01) · z for the others, z standard
    normal, one for each free number.

    **Raises** `ValueError` for a negative spread, and where the potential refuses what it would become.
    """
    if not (np.isfinite(spread) and spread >= 0):
        raise ValueError(f"the spread of the start must not be negative, got {spread}")
    held = Parametrization.of(potential, trainable)
    size = jnp.where(held.logarithmic, 1.0, jnp.maximum(jnp.abs(held.start), _SMALL))
    moved = held.start + spread * size * jax.random.normal(key, held.start.shape, held.start.dtype)
    return dataclasses.replace(held.rebuild(potential, held.inside(moved)))  # made anew: checks itself
