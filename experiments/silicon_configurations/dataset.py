"""The data set: structures as they are labelled, and reference.json, which says how many, at what setting, by what."""

import importlib.metadata
from collections import Counter
from pathlib import Path

from experiments.silicon_configurations.labels import FILE, FREE_ATOM, LENGTH, LENGTHS, OFFSET, SETTING, label
from experiments.silicon_configurations.plan import KINDS, plan
from experiments.silicon_melt_pbe.labels import load, save
from experiments.silicon_pbe.espresso import PwCache
from experiments.silicon_pbe.report import Reference

DESCRIPTION = "Silicon from the crystal to the liquid, labelled by PBE at one setting, computed for this package"
ORDER = ("description", "labelled", "planned", "kinds", "units", "free_atom", "provenance")


def extend(cache: PwCache, folder: Path) -> None:
    """Labels what the file has not yet, in the order of the plan, and writes it after each."""
    path = folder / FILE
    done = {(one.info["config_type"], one.info["seed"]): one for one in load(path)} if path.exists() else {}
    for planned in plan():
        if planned not in done:
            done[planned] = label(cache, planned.build())
            save(path, [done[one] for one in plan() if one in done])
            describe(cache, folder)


def describe(cache: PwCache, folder: Path) -> None:
    """Counts, units, and where the numbers come from."""
    structures = load(folder / FILE)
    have = Counter(one.info["config_type"] for one in structures)
    kinds = {
        kind: {"labelled": have[kind], "planned": planned.count, "k_points_A": LENGTHS.get(kind, LENGTH)}
        for kind, planned in KINDS.items()
    }
    Reference(folder, DESCRIPTION, ORDER).update(
        labelled=len(structures),
        planned=sum(kind.count for kind in KINDS.values()),
        kinds=kinds,
        units={
            "energy": "eV per cell, F counted from free atoms",
            "forces": "eV/Å",
            "stress": "eV/Å³, tension positive",
        },
        free_atom={"value": FREE_ATOM, "unit": "eV"},
        provenance={
            "code": f"Quantum ESPRESSO pw.x {cache.find_version()}",
            "functional": "PBE",
            "pseudopotential": {"file": SETTING.pseudo, "sha256": cache.hash_pseudo(SETTING.pseudo)},
            "ecutwfc": {"value": SETTING.ecutwfc, "unit": "Ry"},
            "ecutrho": {"value": SETTING.ecutrho, "unit": "Ry"},
            "threshold": {"value": SETTING.threshold, "unit": "Ry per cell"},
            "electrons": {"value": SETTING.temperature, "unit": "K", "occupations": "Fermi–Dirac"},
            "mesh": f"n_i = ⌈k_points_A / distance of the planes⌉ points along each reciprocal vector, offset {OFFSET}",
            "ase": importlib.metadata.version("ase"),
            "command": "python -m experiments.silicon_configurations label",
        },
    )
