"""How far cutoff, k-points and the threshold move what weights depend on: differences of F between snapshots.

Whatever all snapshots share cancels in the weights. So a row holds the difference of F between two snapshots, in
meV for the whole cell, to be compared with kT = 215 meV; the cutoff is varied at Γ, the k-points at 15 Ry.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from diffsim import units
from experiments.silicon_melt_pbe.labels import BALDERESCHI, SETTING, as_atoms
from experiments.silicon_melt_pbe.melts import TEMPERATURE
from experiments.silicon_pbe.espresso import PlaneWaves, PwCache

_Q = 0.25
FOUR_POINTS = ((_Q, _Q, _Q, 1.0), (_Q, _Q, -_Q, 1.0), (_Q, -_Q, _Q, 1.0), (-_Q, _Q, _Q, 1.0))  # 2×2×2 beside Γ
POINTS = {"Γ": None, "Baldereschi": BALDERESCHI, "four": FOUR_POINTS}
CUTOFFS = (15.0, 20.0, 30.0)  # Ry
COARSE = 15.0  # Ry, where k-points are varied
PLAIN, SCREENED = "plain", SETTING.mixing  # ways to self-consistency, which end in the same place
DISPLACEMENT = 0.02  # Å


def at(cutoff: float, points: str, mixing: str) -> PlaneWaves:
    """The setting of the labels with another cutoff and other k-points."""
    return replace(SETTING, ecutwfc=cutoff, ecutrho=4 * cutoff, kmesh=POINTS[points], mixing=mixing)


def cutoffs(cache: PwCache, pair: Sequence[np.ndarray]) -> list[dict]:
    """Rows of a published melt at Γ."""
    settings = [at(cutoff, "Γ", PLAIN) for cutoff in CUTOFFS]
    return [{"varied": "cutoff", "points": "Γ"} | row for row in compare(cache, pair, settings)]


def k_points(cache: PwCache, pair: Sequence[np.ndarray], names: Sequence[str], mixing: str) -> list[dict]:
    """Rows at the low cutoff."""
    rows = compare(cache, pair, [at(COARSE, name, mixing) for name in names])
    return [{"varied": "k-points", "points": name} | row for name, row in zip(names, rows, strict=True)]


def compare(cache: PwCache, pair: Sequence[np.ndarray], settings: Sequence[PlaneWaves]) -> list[dict]:
    """F of the second snapshot above the first, and the largest change of a force on the first against the last row."""
    first, second = map(as_atoms, pair)
    found = [(cache.solve(first, setting), cache.solve(second, setting)) for setting in settings]
    best = np.array(found[-1][0]["forces"])
    return [
        {
            "ecutwfc_Ry": setting.ecutwfc,
            "difference_meV": round(1e3 * (other["energy"] - one["energy"]), 1),
            "largest_force_change_meV_per_A": round(1e3 * float(np.abs(np.array(one["forces"]) - best).max()), 1),
            "cpu_seconds": round(one["cpu_seconds"]),
        }
        for setting, (one, other) in zip(settings, found, strict=True)
    ]


def differentiate(cache: PwCache, positions: np.ndarray) -> dict:
    """−∂F/∂x of one coordinate, the one with the largest force, by a central difference, and what pw.x says; at Γ."""
    tight = replace(at(COARSE, "Γ", SCREENED), threshold=1e-9)
    atoms = as_atoms(positions)
    forces = np.array(cache.solve(atoms, tight)["forces"])
    atom, axis = map(int, np.unravel_index(np.abs(forces).argmax(), forces.shape))
    energies = []
    for sign in (1, -1):
        moved = atoms.copy()
        moved.positions[atom, axis] += sign * DISPLACEMENT
        energies.append(cache.solve(moved, tight)["energy"])
    return {
        "atom": atom,
        "axis": axis,
        "displacement_A": DISPLACEMENT,
        "free_energies_eV": energies,
        "force_by_difference_eV_per_A": (energies[1] - energies[0]) / (2 * DISPLACEMENT),
        "force_of_pw_eV_per_A": float(forces[atom, axis]),
        "electronic_kT_eV": units.kB * TEMPERATURE,
    }
