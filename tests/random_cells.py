"""Random structures of every kind that a neighbour search has to get right."""

import numpy as np

from diffsim import System

KINDS = ("triclinic", "left-handed", "skewed", "partly periodic", "zero vectors where not periodic")


def random_structure(seed: int, n: int | None = None) -> System:
    """1–30 atoms at 15 Å³ each, of kind `seed % 5`; in every other structure they lie several cells outside."""
    rng = np.random.default_rng(seed)
    kind = KINDS[seed % len(KINDS)]
    n = int(rng.integers(1, 31)) if n is None else n
    cell = rng.standard_normal((3, 3)) + np.eye(3)
    pbc = np.ones(3, bool)
    if kind == "skewed":  # b nearly parallel to a, and c leaning
        cell[1] = cell[0] * rng.integers(1, 8) + 0.2 * rng.standard_normal(3)
    if kind == "left-handed":
        cell[0] *= -np.sign(np.linalg.det(cell))
    if kind in KINDS[3:]:
        pbc = rng.integers(0, 2, 3).astype(bool)
    cell *= (15 * n / abs(np.linalg.det(cell))) ** (1 / 3)
    positions = rng.uniform(size=(n, 3)) @ cell
    if rng.random() < 0.5:
        positions += rng.integers(-3, 4, (n, 3)) @ cell
    if kind == KINDS[4]:
        cell[~pbc] = 0.0
    return System(positions, cell, np.full(n, 14), np.full(n, 28.085), tuple(pbc.tolist()))
