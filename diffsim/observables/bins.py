"""Histograms with a derivative: each value spread over the bins around it by a Gaussian."""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from diffsim.fields import concrete

_TAIL = 6.0  # widths: what lies further out is 2e-9 of a value


def edges_of(centers: Float[Array, " bins"]) -> Float[Array, " edges"]:
    """Borders of the bins: half way between their centers, the outer two as far out as the next ones are in."""
    middle = 0.5 * (centers[1:] + centers[:-1])
    return jnp.concatenate([2 * centers[:1] - middle[:1], middle, 2 * centers[-1:] - middle[-1:]])


def span_of(centers: Float[Array, " bins"], width: Float[Array, ""]) -> int:
    """How many bins one value can reach: what decides the shape of the sums below.

    **Raises** `ValueError` for fewer than two bins, centers that do not ascend, and a width that is not positive.
    """
    at, wide = concrete(centers), concrete(width)
    if at is None or wide is None:
        raise ValueError("bins cannot be made inside jit: make the observable before")
    if at.ndim != 1 or len(at) < 2 or not (np.isfinite(at).all() and (np.diff(at) > 0).all()):
        raise ValueError(f"centers of bins must be at least two ascending numbers, got {at.tolist()}")
    if not (np.isfinite(wide) and wide > 0):
        raise ValueError(f"the width of the Gaussian must be positive, got {wide}")
    return min(int(np.ceil(2 * _TAIL * wide / np.diff(at).min())) + 2, len(at))


def smeared(
    values: Float[Array, " values"],
    amounts: Float[Array, "kinds values"],
    edges: Float[Array, " edges"],
    width: Float[Array, ""],
    span: int,
    mirrors: tuple[float, ...],
) -> Float[Array, "kinds bins"]:
    """Σ_v amount_v ∫_bin N(x − v; width) dx for amounts of several kinds, values at most 6 widths from a bin.

    What would leave through a mirror comes back: nothing is lost at the end of a range, and the slope there is zero.
    """
    start = jnp.searchsorted(edges, jax.lax.stop_gradient(values) - _TAIL * width) - 1
    start = jnp.clip(start, 0, len(edges) - 1 - span)
    places = start[:, None] + jnp.arange(span)  # [values span]
    borders = edges[start[:, None] + jnp.arange(span + 1)]
    below = jnp.zeros_like(borders)
    for image in (values, *(2 * mirror - values for mirror in mirrors)):
        below += 0.5 * jax.scipy.special.erf((borders - image[:, None]) / (jnp.sqrt(2.0) * width))
    parts = jnp.diff(below, axis=1)
    blank = jnp.zeros(len(edges) - 1, jnp.result_type(values, amounts))
    add = lambda amount: blank.at[places].add(amount[:, None] * parts)  # noqa: E731
    return jnp.stack([add(amount) for amount in amounts])
