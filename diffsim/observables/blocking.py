"""How far to trust an average over frames that remember each other: blocks, until they no longer do."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from diffsim.fields import ArrayLike
from diffsim.observables.base import AbstractObservable

_LEFT_OUT = 512  # blocks of a jackknife, and
_ALONE = 8  # of a time correlation


def error_of_mean(series: ArrayLike) -> Float[np.ndarray, "..."]:
    """Standard error of the mean over the first axis by blocking (Flyvbjerg–Petersen, doi:10.1063/1.457480).

    Neighbours are averaged into blocks of b = 1, 2, 4 … values, whose spread gives the error s_b. Taken is the first b
    with b³ > 2n (s_b/s_1)⁴, where what blocks still remember is as small as the noise of s_b itself
    (doi:10.1103/PhysRevE.83.066706). NaN where there is none: the series is too short for its memory.

    **Raises** `ValueError` for fewer than eight values.
    """
    values = np.asarray(series, float)
    if len(values) < 8:
        raise ValueError(f"an error by blocking needs at least 8 values, got {len(values)}: record more frames")
    columns = values.reshape(len(values), -1)
    return np.array([_error(column) for column in columns.T]).reshape(values.shape[1:])


def _error(x: Float[np.ndarray, " n"]) -> float:
    if np.ptp(x) == 0:
        return 0.0
    n, alone, size = len(x), np.std(x, ddof=1) / np.sqrt(len(x)), 1
    while len(x) >= 2:
        error = np.std(x, ddof=1) / np.sqrt(len(x))
        if size**3 > 2 * n * (error / alone) ** 4:
            return float(error)
        x, size = 0.5 * (x[: len(x) // 2 * 2 : 2] + x[1::2]), 2 * size
    return float("nan")


def independent_frames(series: ArrayLike) -> Float[np.ndarray, "..."]:
    """How many independent values a series is worth, variance / error²: its length over its statistical inefficiency.

    The inefficiency is 1 + 2 Σ ρ(t), some twice the correlation time in frames.
    """
    values = np.asarray(series, float)
    error = error_of_mean(values)
    varies = error > 0
    return np.where(varies, values.var(axis=0) / np.where(varies, error, 1.0) ** 2, float(len(values)))


def standard_error(
    observable: AbstractObservable,
    records: Any,
    weights: Float[Array, " frames"] | None = None,
    *,
    blocks: int | None = None,
    replicas: bool = False,
) -> Float[np.ndarray, "..."]:
    """Standard error of what the observable estimates from these records, of the prediction's shape.

    Averages, also fluctuations: each of the `blocks` (512) is left out once; the pseudo-values
    B θ − (B − 1) θ₋ᵦ of that jackknife are a series, which is blocked further where it still remembers itself. Time
    correlations: the estimates of each block (8) alone, which must be longer than the lags. Records of `replicas`,
    along a leading axis: the spread of the replicas' predictions, which needs no blocks.

    **Raises** `ValueError` for fewer than two replicas, fewer than eight blocks, or more blocks than frames.
    """
    several = len(jax.tree.leaves(records)[0])
    if replicas:
        if several < 2:
            raise ValueError(f"the spread over replicas needs at least 2 of them, got {several}")
        return _spread(_of_each(observable, records))
    count = blocks or (_ALONE if observable.correlates_times else min(_LEFT_OUT, several))
    if not 8 <= count <= several:
        raise ValueError(f"{several} frames cannot be cut into {count} blocks: take 8 to {several}")
    long = several // count
    kept = jax.tree.map(lambda leaf: leaf[several - count * long :], records)
    if observable.correlates_times:
        parts = jax.tree.map(lambda leaf: leaf.reshape(count, long, *leaf.shape[1:]), kept)
        return _spread(_of_each(observable, parts))
    shares = jnp.full(several, 1 / several) if weights is None else jnp.asarray(weights)
    return error_of_mean(_pseudo_values(observable, kept, shares[several - count * long :], count))


def _spread(found: Float[Array, "parts ..."]) -> Float[np.ndarray, "..."]:
    return np.asarray(np.std(np.asarray(found), axis=0, ddof=1) / np.sqrt(len(found)))


@eqx.filter_jit
def _of_each(observable: AbstractObservable, records: Any) -> Float[Array, "parts ..."]:
    def one(part: Any) -> Array:
        frames = len(jax.tree.leaves(part)[0])
        return observable.estimate(part, jnp.full(frames, 1 / frames))

    return jax.lax.map(one, records)


@eqx.filter_jit
def _pseudo_values(
    observable: AbstractObservable, records: Any, weights: Float[Array, " frames"], blocks: int
) -> Float[Array, "blocks ..."]:
    block = jnp.arange(len(weights)) // (len(weights) // blocks)
    estimate = lambda w: observable.estimate(records, w / jnp.sum(w))  # noqa: E731
    without = jax.lax.map(lambda b: estimate(jnp.where(block == b, 0.0, weights)), jnp.arange(blocks))
    return blocks * estimate(weights) - (blocks - 1) * without
