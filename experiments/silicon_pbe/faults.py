"""Stacking faults on {111}: unstable energies of the shuffle and the glide set, and the intrinsic fault."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from ase import Atoms
from ase.io import write
from ase.units import GPa

from experiments.silicon_pbe.espresso import CONVERGED, PlaneWaves, PwCache
from experiments.silicon_pbe.planes import FACES, measure_area, shift, stack
from experiments.silicon_pbe.rattled import label
from experiments.silicon_pbe.relaxation import relax
from experiments.silicon_pbe.report import Reference
from experiments.silicon_pbe.surfaces import J_PER_M2, SMEARING

FACE = FACES["111"]
LAYERS = 6
COARSE_MESH = (4, 4, 1)  # for the relaxation
# Twelve planes times their number along the normal: the mesh of a tilted cell is then as good as the crystal's own, and
# what 6×6 in the plane lacks (5 meV/atom) is the same on both sides, within 0.03 meV/atom.
MESH = (6, 6, 2)
BULK_MESH = (6, 6, 12)  # of one plane
STIFFNESS = 186.0  # GPa: (C11 + 2 C12 + 4 C44) / 3, of a strain along [111]
DEFINITION = (
    "(E_fault − N E_bulk/atom) / A with one fault in a periodic cell whose third vector is tilted by "
    "fraction × direction × a; atoms and that vector's height relaxed along the normal only, the cell in the plane "
    "that of the crystal at zero stress; unstable: the maximum along the straight path; not spin-polarised"
)


@dataclass(frozen=True)
class Path:
    """A cut and the displacement at the end of the path: a fraction of a cubic [uvw] in the plane."""

    cut: str
    direction: tuple[int, int, int]
    fraction: float


SHUFFLE = Path("shuffle", (1, -1, 0), 1 / 2)
GLIDE = Path("glide", (1, 1, -2), 1 / 6)
# Mirror symmetry puts the maximum of the shuffle path in its middle; the glide path's is searched for.
SHUFFLE_PARTS = (0.5,)
GLIDE_PARTS = (0.55, 0.5, 0.45)


def choose_setting(mesh: tuple[int, int, int]) -> PlaneWaves:
    """Return the converged setting with smearing: some of the way to a fault is metallic."""
    return replace(CONVERGED, kmesh=mesh, smearing=SMEARING, threshold=1e-8, symmetry=False)


def build_fault(path: Path, part: float, lattice_constant: float) -> Atoms:
    """Return the unrelaxed cell at a part of the path."""
    displacement = part * path.fraction * lattice_constant * np.array(path.direction)
    return shift(lattice_constant, FACE, path.cut, LAYERS, displacement)


def compute_bulk_energy(cache: PwCache, lattice_constant: float) -> float:
    """Return the energy of the crystal, eV/atom, with the mesh of the faulted cell."""
    plane = stack(lattice_constant, FACE, "shuffle", 1)
    return cache.solve(plane, choose_setting(BULK_MESH))["energy"] / len(plane)


def relax_fault(cache: PwCache, lattice_constant: float, path: Path, part: float) -> tuple[dict, Atoms]:
    """Return energy (J/m²), swelling (Å) and normal stress (GPa) of a relaxed fault, and the atoms.

    The coarse mesh finds the structure; the stress that the fine one leaves there is taken off the energy to second
    order, ``σ² V / 2C``.
    """
    perfect = build_fault(path, part, lattice_constant)
    _, atoms = relax(cache, perfect, choose_setting(COARSE_MESH), normal_only=True)
    result = cache.solve(atoms, choose_setting(MESH))
    stress = result["stress"][2]
    left = 0.5 * stress**2 / (STIFFNESS * GPa) * atoms.get_volume()
    excess = result["energy"] - left - len(atoms) * compute_bulk_energy(cache, lattice_constant)
    atoms.info = {"cut": path.cut, "part": part}
    point = {
        "part_of_the_path": part,
        "energy": float(excess / measure_area(atoms) / J_PER_M2),
        "swelling_A": float(atoms.cell.array[2, 2] - perfect.cell.array[2, 2]),
        "normal_stress_GPa": stress / GPa,
        "taken_off_J_per_m2": float(left / measure_area(atoms) / J_PER_M2),
    }
    return point, label(atoms, result)


def find_maximum(parts: Sequence[float], energies: Sequence[float]) -> tuple[float, float]:
    """Return where the parabola through three points is highest, and its value there."""
    a, b, c = np.polyfit(parts, energies, 2)
    if a >= 0:
        raise RuntimeError("the energies along the path have no maximum between them")
    return float(-b / (2 * a)), float(c - b**2 / (4 * a))


def describe_fault(path: Path, part: float, value: float, points: list[dict]) -> dict:
    """Return an entry of reference.json; ``part`` is where on the path the value is."""
    return {
        "value": value,
        "unit": "J/m²",
        "part_of_the_path": part,
        "miller": list(FACE.miller),
        "direction": list(path.direction),
        "fraction": path.fraction,
        "cut": list(FACE.cuts).index(path.cut),
        "points": points,
    }


def run_faults(cache: PwCache, reference: Reference) -> None:
    """Save the energies of the faults and, as stacking_faults.xyz, the relaxed cells."""
    lattice_constant = reference["lattice_constant"]["value"]
    file = reference.path.parent / "stacking_faults.xyz"
    entries: dict = {
        "definition": DEFINITION,
        "file": file.name,
        "layers": LAYERS,
        "atoms": 2 * LAYERS,
        "kmesh": list(MESH),
        "kmesh_of_the_relaxation": list(COARSE_MESH),
        "kmesh_of_the_bulk": list(BULK_MESH),
        "smearing_Ry": SMEARING,
        "bulk_energy_eV_per_atom": compute_bulk_energy(cache, lattice_constant),
    }
    cells: list[Atoms] = []

    def follow(path: Path, parts: Sequence[float]) -> list[dict]:
        points = []
        for part in parts:
            point, atoms = relax_fault(cache, lattice_constant, path, part)
            print(path.cut, point, flush=True)
            points.append(point)
            cells.append(atoms)
            write(file, cells, format="extxyz")
        return points

    points = follow(SHUFFLE, SHUFFLE_PARTS)
    entries["shuffle_unstable"] = describe_fault(SHUFFLE, 0.5, points[0]["energy"], points)
    reference.update(stacking_faults=entries)
    points = follow(GLIDE, GLIDE_PARTS)
    top = find_maximum(GLIDE_PARTS, [point["energy"] for point in points])
    entries["glide_unstable"] = describe_fault(GLIDE, *top, points)
    reference.update(stacking_faults=entries)
    points = follow(GLIDE, (1.0,))
    entries["glide_intrinsic"] = describe_fault(GLIDE, 1.0, points[0]["energy"], points)
    reference.update(stacking_faults=entries)
