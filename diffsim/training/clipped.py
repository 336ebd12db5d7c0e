"""Gradients that are too long, shortened."""

import math

import optax


def clipped(optimizer: optax.GradientTransformation, norm: float) -> optax.GradientTransformation:
    """The optimizer, which sees gradients of at most this norm (doi:10.5555/3042817.3043083).

    **Raises** `ValueError` for a norm that is not positive.
    """
    if not 0 < norm < math.inf:
        raise ValueError(f"the norm that gradients are clipped at must be positive, got {norm}")
    return optax.chain(optax.clip_by_global_norm(norm), optimizer)
