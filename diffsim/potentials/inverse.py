"""1/x whose derivatives are products: JAX divides again for each, and that is most of what a short formula costs."""

import jax
from jaxtyping import Array, Float


@jax.custom_jvp
def inverse(x: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """1/x"""
    return 1 / x


@inverse.defjvp
def _inverse_jvp(primals: tuple[Array], tangents: tuple[Array]) -> tuple[Array, Array]:
    y = inverse(primals[0])
    return y, -(y * y) * tangents[0]
