"""Which of many points a sparse Gaussian process is built on."""

from collections.abc import Callable

import numpy as np
from jaxtyping import Float, Int

_NEW = 1e-12  # of the largest variance: less is rounding, and no new point


def pivots(
    points: Float[np.ndarray, "points dimensions"],
    kernel: Callable[[np.ndarray, np.ndarray], np.ndarray],
    count: int,
) -> Int[np.ndarray, " chosen"]:
    """The rows that tell most of all others, best first: `count`, or fewer where the rest is known from them.

    Each is the one of largest variance k(q, q) − k_qM K_MM⁻¹ k_Mq, given the M before: a Cholesky decomposition of the
    kernel matrix with pivots (doi:10.1016/j.apnum.2011.10.001), of which only the columns of the chosen are made.
    `kernel` gives k of all pairs of the rows of two arrays.
    """
    unknown = np.array([kernel(one[None], one[None])[0, 0] for one in points])
    columns, chosen = np.zeros((len(points), min(count, len(points)))), []
    least = _NEW * unknown.max(initial=0.0)
    for m in range(columns.shape[1]):
        pivot = int(np.argmax(unknown))
        if unknown[pivot] <= least:
            break
        column = kernel(points, points[pivot][None])[:, 0] - columns[:, :m] @ columns[pivot, :m]
        columns[:, m] = column / np.sqrt(unknown[pivot])
        unknown = np.maximum(unknown - columns[:, m] ** 2, 0.0)
        unknown[pivot] = 0.0
        chosen.append(pivot)
    return np.array(chosen, int)
