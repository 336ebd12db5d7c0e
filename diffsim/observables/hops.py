"""From the empty site of each frame to the hops of a vacancy and their rate."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from diffsim.fields import ArrayLike
from diffsim.system import System

_ONE_SIGMA = 0.682689492137


class Rate(NamedTuple):
    """Events over time, and the interval that holds the rate with the probability that was asked for."""

    value: float  # THz
    low: float
    high: float


class Hops(NamedTuple):
    """What a run tells of a vacancy."""

    frames: Int[np.ndarray, " hops"]  # where each ends: the first frame that names the new site
    sites: Int[np.ndarray, " hops+1"]  # the vacancy's, one after the other
    vectors: Float[np.ndarray, "hops 3"]  # Å, of the vacancy
    recrossings: int  # returns within the memory; neither they nor the hops that they undo are among the hops
    named: float  # share of frames that name a site


def hops_of(empty: ArrayLike, perfect: System, memory: int) -> Hops:
    """The hops in a series of empty sites, −1 where none is named, of `perfect` without an atom.

    A hop that is undone within `memory` frames is a recrossing: the atom has not come to rest in between.

    **Raises** `ValueError` where no frame names a site.
    """
    series = np.asarray(empty, int)
    known = np.flatnonzero(series >= 0)
    if not len(known):
        raise ValueError("no frame names an empty site: the atoms do not stay on the lattice")
    seen = series[known]
    kept: list[tuple[int, int, int]] = []  # frame, from, to
    recrossings = 0
    for n in np.flatnonzero(np.diff(seen)) + 1:
        frame, before, after = int(known[n]), int(seen[n - 1]), int(seen[n])
        if kept and kept[-1][1:] == (after, before) and frame - kept[-1][0] <= memory:
            kept.pop()
            recrossings += 1
        else:
            kept.append((frame, before, after))
    sites = np.array([int(seen[0]), *(after for _, _, after in kept)])
    cell = np.asarray(perfect.cell)
    steps = np.diff(np.asarray(perfect.positions)[sites], axis=0)
    vectors = steps - np.rint(steps @ np.linalg.inv(cell)) @ cell
    return Hops(np.array([frame for frame, *_ in kept], int), sites, vectors, recrossings, len(known) / len(series))


def poisson_rate(events: int, time: float, probability: float = _ONE_SIGMA) -> Rate:
    """n/t, between χ²₂ₙ(α/2)/2t and χ²₂ₙ₊₂(1 − α/2)/2t: the exact interval (doi:10.1093/biomet/28.3-4.437).

    `time` in ps makes rates in THz. **Raises** `ValueError` for a time that is not positive.
    """
    from scipy.stats import chi2

    if not time > 0:
        raise ValueError(f"a rate needs a positive time, got {time} ps")
    outside = 0.5 * (1 - probability)
    low = chi2.ppf(outside, 2 * events) / 2 if events else 0.0
    return Rate(events / time, float(low) / time, float(chi2.isf(outside, 2 * events + 2)) / 2 / time)


def memory_of_direction(vectors: ArrayLike) -> tuple[float, float]:
    """⟨cos θ⟩ of hops that follow each other and its standard error: 0 for a random walk, −1 where each goes back.

    The correlation factor of the vacancy is 1 + 2⟨cos θ⟩ to lowest order. NaN for fewer than three hops.
    """
    v = np.asarray(vectors, float)
    if len(v) < 3:
        return float("nan"), float("nan")
    unit = v / np.linalg.norm(v, axis=1, keepdims=True)
    cosines = np.sum(unit[1:] * unit[:-1], axis=1)
    return float(cosines.mean()), float(cosines.std(ddof=1) / np.sqrt(len(cosines)))
