"""How a cell has been deformed since a list was made in it."""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float


def deformation(
    old: Float[Array, "3 3"], new: Float[Array, "3 3"], pbc: tuple[bool, bool, bool]
) -> Float[Array, "3 3"]:
    """F − 1 of x = x₀ F that takes the old periodic vectors to the new ones and the normal of a slab to the normal."""
    before, after = (_with_normal(cell[np.array(pbc, bool)]) for cell in (old, new))
    inverse = jnp.linalg.inv if len(before) == 3 else jnp.linalg.pinv
    return inverse(before) @ (after - before)


def stretched(strain: Float[Array, "3 3"]) -> Float[Array, ""]:
    """s² − 1, where s is the smallest stretch of F and `strain` is F − 1."""
    return jnp.linalg.eigvalsh(strain + strain.T + strain @ strain.T)[0]


def _with_normal(vectors: Array) -> Array:
    if len(vectors) != 2:
        return vectors
    normal = jnp.cross(vectors[0], vectors[1])
    return jnp.concatenate([vectors, (normal / jnp.linalg.norm(normal))[None]])
