"""What k-points, cutoff and threshold cost in labels of each kind, and labels against differences of energies.

One structure of each kind. Energies are F itself, which all structures must have alike; only where the cutoff is varied
they are relative to the strained crystal's, since a cutoff moves all of them together.
"""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
from ase import Atoms
from ase.units import GPa

from experiments.silicon_configurations.crystals import cube
from experiments.silicon_configurations.dataset import DESCRIPTION, ORDER
from experiments.silicon_configurations.labels import LENGTH, LENGTHS, SETTING, mesh, points
from experiments.silicon_configurations.plan import KINDS, plan
from experiments.silicon_pbe.espresso import PlaneWaves, PwCache
from experiments.silicon_pbe.report import Reference

DENSER = {20.0: 24.5, 24.5: 30.0, 30.0: 36.0}  # Å: what a mesh is compared with
MESHES, FINEST = ((4, 0.0), (4, 0.5), (6, 0.0), (3, 0.25), (4, 0.25), (5, 0.25)), 6  # of a liquid's cube, and offsets
COARSE = (2, 2, 2)  # k-points where others than they are varied
CUTOFF, THRESHOLD = 40.0, 1e-10  # Ry
MOVE, STRETCH = 0.01, 0.004  # Å, and strain


def converge(cache: PwCache, folder: Path) -> None:
    """Adds row after row to reference.json, the cheap ones first."""
    reference = Reference(folder, DESCRIPTION, ORDER)
    chosen = {kind: next(one for one in plan() if one.kind == kind).build() for kind in KINDS}
    for name, rows in (
        ("threshold", _of_threshold(cache, chosen)),
        ("cutoff", _of_cutoff(cache, chosen)),
        ("differences", _differences(cache, chosen)),
        ("k_points", _of_points(cache, chosen)),
        ("offsets", _of_offsets(cache, chosen["liquid"])),
        ("electrons", _of_electrons(cache, chosen["rattled"])),
    ):
        found = []
        for row in rows:
            print(name, row, flush=True)
            found.append(row)
            reference.update(**{name: found})


def errors(found: dict, best: dict) -> dict:
    """Of labels against better ones."""
    energy, forces, stress = (np.array(found[key]) - np.array(best[key]) for key in ("energy", "forces", "stress"))
    return {
        "energy_meV_per_atom": round(1e3 * float(energy) / len(forces), 3),
        "rms_force_meV_per_A": round(1e3 * float(np.sqrt(np.mean(forces**2))), 2),
        "largest_force_meV_per_A": round(1e3 * float(np.abs(forces).max()), 2),
        "largest_stress_GPa": round(float(np.abs(stress).max() / GPa), 4),
    }


def _of_points(cache: PwCache, chosen: dict[str, Atoms]) -> Iterator[dict]:
    for kind, atoms in chosen.items():
        own = LENGTHS.get(kind, LENGTH)
        counts = mesh(atoms.cell.array, own), mesh(atoms.cell.array, DENSER[own])
        found, best = (cache.solve(atoms, replace(SETTING, kmesh=points(one))) for one in counts)
        seconds = round(found["cpu_seconds"])
        yield {"kind": kind, "mesh": counts[0], "denser": counts[1]} | errors(found, best) | {"cpu_seconds": seconds}


def _of_offsets(cache: PwCache, liquid: Atoms) -> Iterator[dict]:
    """What it is worth that a mesh stands beside Γ, and where; offsets in spacings, along each direction."""
    finest = cache.solve(liquid, replace(SETTING, kmesh=points((FINEST,) * 3)))
    for count, offset in MESHES:
        mesh_points = points((count,) * 3, offset)
        found = cache.solve(liquid, replace(SETTING, kmesh=mesh_points))
        yield {"mesh": (count,) * 3, "offset": offset, "points": len(mesh_points)} | errors(found, finest)


def _of_threshold(cache: PwCache, chosen: dict[str, Atoms]) -> Iterator[dict]:
    for kind, atoms in chosen.items():
        found, best = (cache.solve(atoms, one) for one in (_coarse(), _coarse(threshold=THRESHOLD)))
        yield {"kind": kind} | errors(found, best)


def _of_cutoff(cache: PwCache, chosen: dict[str, Atoms]) -> Iterator[dict]:
    shift = None
    for kind, atoms in chosen.items():
        found, best = (cache.solve(atoms, one) for one in (_coarse(), _coarse(ecutwfc=CUTOFF, ecutrho=4 * CUTOFF)))
        row = errors(found, best)
        shift = row["energy_meV_per_atom"] if shift is None else shift
        yield {"kind": kind} | row | {"energy_meV_per_atom": round(row["energy_meV_per_atom"] - shift, 3)}


def _differences(cache: PwCache, chosen: dict[str, Atoms]) -> Iterator[dict]:
    """A force and two components of the stress, and the same by central differences of F."""
    tight = _coarse(threshold=THRESHOLD)
    for kind in ("strongly rattled", "liquid"):
        atoms = chosen[kind]
        solved = cache.solve(atoms, tight)
        forces, stress = np.array(solved["forces"]), np.array(solved["stress"])
        atom, axis = map(int, np.unravel_index(np.abs(forces).argmax(), forces.shape))
        move = np.zeros(forces.shape)
        move[atom, axis] = MOVE
        moved = (_moved(atoms, sign * move) for sign in (1, -1))
        yield {
            "kind": kind,
            "force_eV_per_A": float(forces[atom, axis]),
            "by_difference": -_slope(cache, moved, tight, MOVE),
        }
        for voigt, (i, j) in ((0, (0, 0)), (3, (1, 2))):
            strain = np.zeros((3, 3))
            strain[i, j] = strain[j, i] = STRETCH / (1 if i == j else 2)
            pair = (_stretched(atoms, sign * strain) for sign in (1, -1))
            by_difference = _slope(cache, pair, tight, STRETCH) / atoms.get_volume()
            yield {"kind": kind, "stress_GPa": float(stress[voigt] / GPa), "by_difference": float(by_difference / GPa)}


def _of_electrons(cache: PwCache, atoms: Atoms) -> Iterator[dict]:
    """What the electrons' temperature does to a crystal: perfect, and with rattled atoms."""
    for name, one in (("diamond", cube()), ("rattled", atoms)):
        warm = replace(SETTING, kmesh=points(mesh(one.cell.array, LENGTH)))
        found, ground = (cache.solve(one, setting) for setting in (warm, replace(warm, temperature=0.0)))
        yield {"structure": name, "amplitude": one.info.get("amplitude", 0.0)} | errors(found, ground)


def _coarse(**changes: float) -> PlaneWaves:
    return replace(SETTING, kmesh=points(COARSE), **changes)


def _moved(atoms: Atoms, move: np.ndarray) -> Atoms:
    other = atoms.copy()
    other.positions += move
    return other


def _stretched(atoms: Atoms, strain: np.ndarray) -> Atoms:
    other = atoms.copy()
    other.set_cell(atoms.cell.array @ (np.eye(3) + strain), scale_atoms=True)
    return other


def _slope(cache: PwCache, pair: Iterator[Atoms], tight: PlaneWaves, step: float) -> float:
    up, down = (cache.solve(one, tight)["energy"] for one in pair)
    return (up - down) / (2 * step)
