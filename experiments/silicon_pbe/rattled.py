"""Energies, forces and stresses of rattled and strained cubic cells: training data without a design."""

from dataclasses import replace
from pathlib import Path

import numpy as np
from ase import Atoms
from ase.build import bulk
from ase.calculators.singlepoint import SinglePointCalculator
from ase.io import write
from ase.units import GPa

from experiments.silicon_pbe.espresso import CONVERGED, PwCache
from experiments.silicon_pbe.report import Reference

SETTING = replace(CONVERGED, kmesh=(5, 5, 5), threshold=1e-8)  # of the cube: 7.9 of the primitive cell
DENSER = replace(SETTING, kmesh=(6, 6, 6))
AMPLITUDES = (0.03, 0.15)  # Å: standard deviation of every component of the displacements
STRAIN = 0.03  # largest component of the strain tensor
SPLITS = {"train": range(24), "test": range(100, 108)}


def rattle(lattice_constant: float, seed: int) -> Atoms:
    """Return the eight-atom cube under a random strain, its atoms displaced; amplitude and strain in ``info``."""
    rng = np.random.default_rng(seed)
    amplitude = rng.uniform(*AMPLITUDES)
    strain = rng.uniform(-STRAIN, STRAIN, (3, 3))
    strain = np.tril(strain) + np.tril(strain, -1).T
    atoms = bulk("Si", a=lattice_constant, cubic=True)
    atoms.set_cell(atoms.cell.array @ (np.eye(3) + strain), scale_atoms=True)
    atoms.positions += rng.normal(scale=amplitude, size=atoms.positions.shape)
    atoms.info = {"seed": seed, "amplitude": round(amplitude, 4)}
    return atoms


def label(atoms: Atoms, result: dict) -> Atoms:
    """Return the atoms with a result's energy, forces and stress attached, as ASE reads and writes them."""
    atoms.calc = SinglePointCalculator(
        atoms, energy=result["energy"], forces=np.array(result["forces"]), stress=np.array(result["stress"])
    )
    return atoms


def interleave() -> list[tuple[str, int]]:
    """Return (split, seed) with a test cell after every third training cell, so that an interrupted run has both."""
    test = iter(SPLITS["test"])
    order = []
    for count, seed in enumerate(SPLITS["train"], start=1):
        order.append(("train", seed))
        if count % 3 == 0:
            order.append(("test", next(test)))
    return order


def run_rattled(cache: PwCache, reference: Reference) -> None:
    """Save the labelled cells as rattled.xyz, and what one of them changes with a denser mesh."""
    lattice_constant = reference["lattice_constant"]["value"]
    path: Path = reference.path.parent / "rattled.xyz"
    images, seconds = [], 0.0
    for split, seed in interleave():
        atoms = rattle(lattice_constant, seed)
        result = cache.solve(atoms, SETTING)
        atoms.info |= {"split": split}
        images.append(label(atoms, result))
        seconds += result["cpu_seconds"]
        write(path, sorted(images, key=lambda image: image.info["seed"]), format="extxyz")
        print(
            split,
            seed,
            atoms.info["amplitude"],
            f"{result['energy']:.4f} eV, {result['cpu_seconds']:.0f} s",
            flush=True,
        )
        reference.update(
            rattled={
                "file": path.name,
                "units": {"energy": "eV", "forces": "eV/Å", "stress": "eV/Å³, tension positive"},
                "counts": {name: sum(image.info["split"] == name for image in images) for name in SPLITS},
                "amplitude_A": list(AMPLITUDES),
                "largest_strain": STRAIN,
                "kmesh": list(SETTING.kmesh),
                "threshold_Ry": SETTING.threshold,
                "cpu_seconds": round(seconds),
            }
        )
    reference.update(rattled=reference["rattled"] | {"convergence": compare_meshes(cache, lattice_constant)})


def compare_meshes(cache: PwCache, lattice_constant: float) -> dict:
    """Return how far the denser mesh moves the first cell's energy above the crystal, forces and stress."""
    found = []
    for setting in (SETTING, DENSER):
        crystal = cache.solve(bulk("Si", a=lattice_constant, cubic=True), setting)
        probe = cache.solve(rattle(lattice_constant, SPLITS["train"][0]), setting)
        found.append((probe["energy"] - crystal["energy"], np.array(probe["forces"]), np.array(probe["stress"])))
    (energy, forces, stress), (other_energy, other_forces, other_stress) = found
    return {
        "kmesh": list(DENSER.kmesh),
        "energy_change_meV_per_atom": 1e3 * (other_energy - energy) / len(forces),
        "largest_force_change_meV_per_A": 1e3 * float(np.abs(other_forces - forces).max()),
        "largest_stress_change_GPa": float(np.abs(other_stress - stress).max() / GPa),
    }
