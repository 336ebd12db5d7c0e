"""Energies of unreconstructed surfaces: slabs with the crystal's own cell in the plane, rigid and relaxed."""

from dataclasses import dataclass, replace

from ase import Atoms
from ase.io import write
from ase.units import J, m

from experiments.silicon_pbe.espresso import CONVERGED, PlaneWaves, PwCache
from experiments.silicon_pbe.planes import FACES, Face, cleave, measure_area, stack
from experiments.silicon_pbe.rattled import label
from experiments.silicon_pbe.relaxation import relax
from experiments.silicon_pbe.report import Reference

J_PER_M2 = J / m**2
SMEARING = 0.01  # Ry: the surfaces of unpaired electrons are metals
BULK_MESH = 10  # along the normal, of one plane
DEFINITION = (
    "(E_slab − N E_bulk/atom) / 2A of a slab with two equal unreconstructed 1×1 faces, its cell in the plane that of "
    "the crystal at zero stress; relaxed: all atoms, within the symmetry of the cut; not spin-polarised"
)


@dataclass(frozen=True)
class Slab:
    """Where to cleave, how thick, and the k-meshes in the plane."""

    face: Face
    cut: str
    layers: int
    kmesh: tuple[int, int]
    kmesh_of_the_relaxation: tuple[int, int]
    vacuum: float = 10.0  # Å


SLABS = (
    Slab(FACES["111"], "shuffle", 6, (8, 8), (4, 4)),
    Slab(FACES["110"], "only", 6, (4, 6), (3, 4)),
    Slab(FACES["100"], "only", 6, (6, 6), (6, 6)),
)


def choose_setting(slab: Slab, along_normal: int = 1) -> PlaneWaves:
    """Return the converged setting with smearing and the slab's mesh."""
    return replace(CONVERGED, kmesh=(*slab.kmesh, along_normal), smearing=SMEARING, threshold=1e-8, mixing="local-TF")


def compute_bulk_energy(cache: PwCache, slab: Slab, lattice_constant: float) -> float:
    """Return the energy of the crystal, eV/atom, with the slab's mesh in the plane."""
    plane = stack(lattice_constant, slab.face, slab.cut, 1)
    return cache.solve(plane, choose_setting(slab, BULK_MESH))["energy"] / len(plane)


def compute_excess(atoms: Atoms, energy: float, bulk: float) -> float:
    """Return the energy (J/m²) of a surface from the slab's (eV) and the crystal's (eV/atom)."""
    return (energy - len(atoms) * bulk) / (2 * measure_area(atoms)) / J_PER_M2


def compute_rigid_excess(cache: PwCache, slab: Slab, lattice_constant: float) -> float:
    """Return the energy of the unrelaxed surface, J/m²."""
    atoms = build_slab(slab, lattice_constant)
    energy = cache.solve(atoms, choose_setting(slab))["energy"]
    return compute_excess(atoms, energy, compute_bulk_energy(cache, slab, lattice_constant))


def build_slab(slab: Slab, lattice_constant: float) -> Atoms:
    """Return the unrelaxed slab."""
    return cleave(lattice_constant, slab.face, slab.cut, slab.layers, slab.vacuum)


def describe_slab(cache: PwCache, slab: Slab, lattice_constant: float) -> tuple[dict, Atoms]:
    """Return both energies of a surface with the setting, and the relaxed slab."""
    atoms = build_slab(slab, lattice_constant)
    bulk = compute_bulk_energy(cache, slab, lattice_constant)
    before = cache.solve(atoms, choose_setting(slab))
    coarse = replace(slab, kmesh=slab.kmesh_of_the_relaxation)
    _, atoms = relax(cache, atoms, choose_setting(coarse), normal_only=False)
    result, atoms = relax(cache, atoms, choose_setting(slab), normal_only=False)
    atoms.info = {"surface": f"({slab.face.name})"}
    described = {
        "unrelaxed": {"value": compute_excess(atoms, before["energy"], bulk), "unit": "J/m²"},
        "relaxed": {"value": compute_excess(atoms, result["energy"], bulk), "unit": "J/m²"},
        "miller": list(slab.face.miller),
        "cut": 0,
        "layers": slab.layers,
        "atoms": len(atoms),
        "vacuum_A": slab.vacuum,
        "kmesh": [*slab.kmesh, 1],
        "kmesh_that_relaxation_begins_with": [*slab.kmesh_of_the_relaxation, 1],
        "kmesh_of_the_bulk": [*slab.kmesh, BULK_MESH],
        "smearing_Ry": SMEARING,
        "bulk_energy_eV_per_atom": bulk,
    }
    return described, label(atoms, result)


def check_slab(cache: PwCache, slab: Slab, lattice_constant: float, start: float) -> list[dict]:
    """Return how far more planes, more vacuum and a denser mesh move the unrelaxed energy from its ``start``."""
    denser = tuple(3 * number // 2 for number in slab.kmesh)
    changes = ({"layers": slab.layers + 2}, {"vacuum": slab.vacuum + 4}, {"kmesh": denser})
    moved = [compute_rigid_excess(cache, replace(slab, **change), lattice_constant) for change in changes]
    return [
        {"change": change, "energy_change_J_per_m2": energy - start}
        for change, energy in zip(changes, moved, strict=True)
    ]


def run_surfaces(cache: PwCache, reference: Reference) -> None:
    """Save the energies of the surfaces, the slabs as surfaces.xyz and, last, the checks."""
    lattice_constant = reference["lattice_constant"]["value"]
    path = reference.path.parent / "surfaces.xyz"
    entries: dict = {"definition": DEFINITION, "file": path.name}
    slabs = []
    for slab in SLABS:
        entries[slab.face.name], relaxed = describe_slab(cache, slab, lattice_constant)
        slabs.append(relaxed)
        write(path, slabs, format="extxyz")
        reference.update(surfaces=entries)
        print(slab.face.name, {name: entries[slab.face.name][name] for name in ("unrelaxed", "relaxed")}, flush=True)
    for slab in SLABS:
        rigid = entries[slab.face.name]["unrelaxed"]["value"]
        entries[slab.face.name]["changes"] = check_slab(cache, slab, lattice_constant, rigid)
        reference.update(surfaces=entries)
        print(slab.face.name, entries[slab.face.name]["changes"], flush=True)
