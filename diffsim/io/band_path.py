"""The path through the Brillouin zone for bands, by seekpath (doi:10.1016/j.commatsci.2016.10.015)."""

import warnings
from typing import NamedTuple

import numpy as np

from diffsim.system import System


class BandPath(NamedTuple):
    """Wave vectors along the path; a segment ends where its label does, and segments need not touch."""

    qpoints: np.ndarray  # [q 3] fractions of the reciprocal lattice of the system's own cell
    distances: np.ndarray  # [q] 1/Å (without 2π) along the path, not growing across a jump
    labels: list[tuple[int, str]]  # place in `qpoints` and name of each special point


def band_path(system: System, points: int = 40) -> BandPath:
    """The path recommended for the symmetry of the crystal, `points` intervals a segment.

    Bands along it: `diffsim.phonon_frequencies(potential, system, band_path(system).qpoints)`.

    **Raises** `ValueError` where seekpath is not installed, or the number of points is not positive.
    """
    if points < 1:
        raise ValueError(f"a band path needs at least one interval a segment, got {points}")
    try:
        import seekpath
    except ImportError:
        raise ValueError("band paths need seekpath: pip install seekpath") from None
    cell = np.asarray(system.cell, float)
    fractional = np.linalg.solve(cell.T, np.asarray(system.positions, float).T).T
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # seekpath calls spglib in an old way
        path = seekpath.get_path_orig_cell((cell, fractional, np.asarray(system.numbers).tolist()))
    reciprocal = np.linalg.inv(cell).T  # rows: vectors without 2π
    qpoints, distances, labels, walked = [], [], [], 0.0
    for start, end in path["path"]:
        ends = np.array([path["point_coords"][name] for name in (start, end)], float)
        steps = np.linspace(0, 1, points + 1)[:, None]
        length = float(np.linalg.norm((ends[1] - ends[0]) @ reciprocal))
        place = len(qpoints) * (points + 1)
        labels += [(place, _pretty(start)), (place + points, _pretty(end))]
        qpoints.append(ends[0] + steps * (ends[1] - ends[0]))
        distances.append(walked + steps[:, 0] * length)
        walked += length
    return BandPath(np.concatenate(qpoints), np.concatenate(distances), labels)


def _pretty(name: str) -> str:
    return "Γ" if name == "GAMMA" else name
