"""Energies of silicon away from the diamond crystal: the free atom and β-tin silicon."""

from dataclasses import replace

import numpy as np
from ase import Atoms
from ase.build import bulk
from ase.units import GPa

from experiments.silicon_pbe.espresso import CONVERGED, PlaneWaves, PwCache

# A box with three different edges splits the p shell, so that the atom's density is that of whole electrons.
ATOM_BOXES = ((8.0, 8.5, 9.0), (9.0, 9.5, 10.0), (10.0, 10.5, 11.0), (12.0, 12.5, 13.0))  # Å
BETA_TIN_VOLUMES = (14.6, 15.2, 15.8, 16.4)  # Å³/atom
BETA_TIN_RATIOS = (0.52, 0.545, 0.57)  # c/a of the conventional four-atom cell
# The mesh that finds the volume and c/a, and the denser one that the energy there is quoted at.
SEARCH = replace(CONVERGED, kmesh=(12, 12, 12), smearing=0.02)
METAL = replace(SEARCH, kmesh=(20, 20, 20))
# Each changes one thing of the setting it is listed under.
BETA_TIN_CHECKS = (
    (METAL, {"kmesh": (12, 12, 12)}),
    (METAL, {"kmesh": (16, 16, 16)}),
    (METAL, {"kmesh": (24, 24, 24)}),
    (SEARCH, {"smearing": 0.01}),
    (SEARCH, {"ecutwfc": 50.0, "ecutrho": 200.0}),
)


def compute_crystal_energy(cache: PwCache, setting: PlaneWaves, lattice_constant: float) -> float:
    """Return the energy of the diamond crystal, eV/atom."""
    return cache.solve(bulk("Si", a=lattice_constant), setting)["energy"] / 2


def compute_cohesive_energy(cache: PwCache, setting: PlaneWaves, lattice_constant: float) -> dict:
    """Return the cohesive energy (eV/atom) against the spin-polarised triplet atom, for growing boxes."""
    atomic = replace(setting, kmesh=(1, 1, 1), magnetization=2)
    energies = [
        cache.solve(Atoms("Si", cell=box, positions=[np.array(box) / 2], pbc=True), atomic)["energy"]
        for box in ATOM_BOXES
    ]
    crystal = compute_crystal_energy(cache, setting, lattice_constant)
    return {
        "value": energies[-1] - crystal,
        "unit": "eV/atom",
        "atom_energy_eV": energies[-1],
        "crystal_energy_eV_per_atom": crystal,
        "boxes": [
            {"edges_A": list(box), "cohesive_energy_eV": energy - crystal}
            for box, energy in zip(ATOM_BOXES, energies, strict=True)
        ],
        "note": "spin-polarised atom with two unpaired electrons; no zero-point energy",
    }


def build_beta_tin(volume: float, ratio: float) -> Atoms:
    """Return the two-atom primitive cell of I4₁/amd from the volume (Å³/atom) and c/a."""
    edge = (4 * volume / ratio) ** (1 / 3)
    height = ratio * edge
    cell = np.array([[-edge, edge, height], [edge, -edge, height], [edge, edge, -height]]) / 2
    return Atoms("Si2", cell=cell, positions=[(0, 0, 0), (0, edge / 2, height / 4)], pbc=True)


def fit_minimum(points: np.ndarray, energies: np.ndarray) -> tuple[float, float, float]:
    """Return volume and c/a at the minimum of a fitted polynomial, and the largest residual of the energies.

    Cubic in volume and quadratic in c/a, with the mixed terms of second order.
    """
    centre = points.mean(axis=0)
    volume, ratio = ((points - centre) / centre).T
    terms = np.stack([volume**0, volume, ratio, volume**2, volume * ratio, ratio**2, volume**3], axis=1)
    coefficients, *_ = np.linalg.lstsq(terms, energies, rcond=None)
    _, c_v, c_r, c_vv, c_vr, c_rr, c_vvv = coefficients
    x = np.zeros(2)
    for _ in range(50):
        gradient = [c_v + 2 * c_vv * x[0] + c_vr * x[1] + 3 * c_vvv * x[0] ** 2, c_r + c_vr * x[0] + 2 * c_rr * x[1]]
        x = x - np.linalg.solve([[2 * c_vv + 6 * c_vvv * x[0], c_vr], [c_vr, 2 * c_rr]], gradient)
    best = centre * (1 + x)
    return float(best[0]), float(best[1]), float(np.abs(terms @ coefficients - energies).max())


def check_beta_tin(cache: PwCache, lattice_constant: float, best: Atoms) -> list[dict]:
    """Return how far denser meshes, less smearing and a higher cutoff move β-tin relative to diamond."""

    def compare_phases(metal: PlaneWaves) -> float:
        diamond = replace(metal, kmesh=CONVERGED.kmesh, smearing=CONVERGED.smearing)
        crystal = compute_crystal_energy(cache, diamond, lattice_constant)
        return 1e3 * (cache.solve(best, metal)["energy"] / 2 - crystal)

    return [
        {
            "from_kmesh": list(setting.kmesh),
            "change": change,
            "energy_change_meV_per_atom": compare_phases(replace(setting, **change)) - compare_phases(setting),
        }
        for setting, change in BETA_TIN_CHECKS
    ]


def compute_beta_tin(cache: PwCache, lattice_constant: float) -> dict:
    """Return the minimum of β-tin silicon over volume and c/a, relative to diamond, and its own convergence.

    ``lattice_constant`` (Å) is diamond's.
    """
    points = np.array([(volume, ratio) for volume in BETA_TIN_VOLUMES for ratio in BETA_TIN_RATIOS])
    energies = np.array([cache.solve(build_beta_tin(*point), SEARCH)["energy"] / 2 for point in points])
    volume, ratio, residual = fit_minimum(points, energies)
    best = build_beta_tin(round(volume, 3), round(ratio, 4))
    at_best = cache.solve(best, METAL)
    crystal = compute_crystal_energy(cache, CONVERGED, lattice_constant)
    return {
        "energy_above_diamond": {"value": at_best["energy"] / 2 - crystal, "unit": "eV/atom"},
        "volume": {"value": volume, "unit": "Å³/atom"},
        "c_over_a": ratio,
        "largest_fit_residual_meV_per_atom": 1e3 * residual,
        "residual_stress_GPa": (np.array(at_best["stress"]) / GPa).tolist(),
        "kmesh": list(METAL.kmesh),
        "kmesh_of_the_search": list(SEARCH.kmesh),
        "smearing_Ry": METAL.smearing,
        "changes_at_the_minimum": check_beta_tin(cache, lattice_constant, best),
        "grid": {"volume": points[:, 0].tolist(), "c_over_a": points[:, 1].tolist(), "energy": energies.tolist()},
    }
