"""Bands along the crystal's path at rest, and which waves of the path fit into a repeated cell."""

import math
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from diffsim.io.band_path import BandPath, band_path
from diffsim.solid.lattice import Lattice

_INTERVALS = 24  # of a segment
_FEWER = 8  # where wave vectors are costly: those of cubic paths are then multiples of 1/64
_PARTS = 24  # of a segment, times the repeats: where waves that fit are looked for


class Bands(NamedTuple):
    """Frequencies along the path."""

    path: BandPath
    frequencies: Float[np.ndarray, "q modes"]  # THz


class Wave(NamedTuple):
    """A wave vector that fits, and where along the path it is (1/Å): more than once where the path comes back."""

    q: tuple[float, float, float]
    places: list[float]
    name: str  # of a special point, or its fractions


def bands(lattice: Lattice) -> Bands:
    """Phonon bands of the crystal at rest.

    **Raises** as `Lattice.matrices` and `band_path`.
    """
    path = path_of(lattice)
    return Bands(path, lattice.frequencies(path.qpoints))


def path_of(lattice: Lattice) -> BandPath:
    """The path that its bands are shown along.

    **Raises** as `band_path`.
    """
    return band_path(lattice.crystal, _FEWER if lattice.costly else _INTERVALS)


def waves_of(path: BandPath, repeats: tuple[int, int, int]) -> list[Wave]:
    """All waves of the path but Γ that repeat with the cell `repeats` times; q, −q and q + G are one wave."""
    found: dict[tuple[int, ...], Wave] = {}
    parts = _PARTS * math.lcm(*repeats)
    for (first, start), (last, end) in zip(path.labels[::2], path.labels[1::2], strict=True):
        q0, q1, s0, s1 = path.qpoints[first], path.qpoints[last], path.distances[first], path.distances[last]
        for n in range(parts + 1):
            share = n / parts
            turns = (q0 + share * (q1 - q0)) * repeats
            whole = np.rint(turns).astype(int)
            if np.abs(turns - whole).max() > 1e-6 or not (whole % repeats).any():
                continue
            key = min(tuple(map(int, sign * whole % repeats)) for sign in (1, -1))
            name = start if n == 0 else end if n == parts else _fractions(whole, repeats)
            a, b, c = (float(x) for x in whole / np.array(repeats))
            wave = found.setdefault(key, Wave((a, b, c), [], name))
            place = float(s0 + share * (s1 - s0))
            if not any(abs(place - other) < 1e-9 for other in wave.places):
                wave.places.append(place)
    return list(found.values())


def _fractions(whole: np.ndarray, repeats: tuple[int, int, int]) -> str:
    parts = []
    for n, size in zip(whole, repeats, strict=True):
        common = math.gcd(int(n), size)
        parts.append(f"{n // common}/{size // common}" if size // common > 1 else f"{n // common}")
    return f"({' '.join(parts)})"
