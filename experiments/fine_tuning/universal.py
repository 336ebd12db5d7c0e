"""The universal network, fine-tuned to silicon's crystal: elastic constants and phonons at Γ, X and L of PBE."""

from pathlib import Path

import numpy as np
import optax
from ase.build import bulk

from diffsim import (
    EquationOfState,
    Experiment,
    PhononFrequencies,
    System,
    Target,
    referenced,
    save_potential,
)
from diffsim.data.reference import reference
from experiments.fine_tuning.fits import tuned
from experiments.fine_tuning.size import Size
from experiments.fine_tuning.targets import ELASTIC, PHONONS, of_crystal, of_labels
from experiments.silicon_families.data import parts

FITS = ("observables", "observables_and_structures")
_RATE = 1e-4


def tune(size: Size, folder: Path) -> None:
    """Leaves the network before, with silicon's own reference energy, and after each fit."""
    structures = parts(size.structures).training
    start = referenced(size.universal(), structures)
    (folder / "universal").mkdir(parents=True, exist_ok=True)
    save_potential(folder / "universal" / "potential.json", start)
    labels = of_labels(start, structures, energy=0.005, force=0.1, numbers=30)
    observed = {"crystal": crystal()}
    held = {"structures": Experiment(observed["crystal"].system, labels)}
    optimizer = optax.adam(optax.cosine_decay_schedule(_RATE, size.universal_updates))
    for name, experiments in zip(FITS, (observed, observed | held), strict=True):
        tuned(folder / "universal" / name, start, experiments, optimizer, size.universal_updates)


def crystal() -> Experiment:
    """PBE's diamond at its own size: elastic constants, phonons, and no stress."""
    truth = {
        "elastic_constants": np.array([reference("silicon_pbe", f"elastic_constants.{name}") for name in ELASTIC]),
        "phonons": np.array([reference("silicon_pbe", f"phonons.frequencies.{name}") for name in PHONONS]),
        "stress": np.zeros(6),
    }
    return of_crystal(_diamond(), truth)


def elsewhere() -> Experiment:
    """Of the same crystal what no fit has seen: phonons between and beside the points that are fitted to, volumes."""
    segments = reference("silicon_pbe", "bands.segments")
    places = {"X/2": (0, 20), "U": (1, -1), "L/2": (3, 20), "W": (4, -1)}
    qpoints = [segments[number]["qpoints"][index] for number, index in places.values()]
    frequencies = np.array([segments[number]["frequencies"][index] for number, index in places.values()])
    volumes = reference("silicon_pbe", "equation_of_state.volume")
    energies = reference("silicon_pbe", "equation_of_state.energy", "equation_of_state.minimum_energy_eV_per_atom")
    targets = {
        "other phonons": Target(PhononFrequencies(qpoints, names=[*places]), np.sort(frequencies), 0.3),
        "equation of state": Target(EquationOfState(volumes=np.array(volumes)), np.array(energies), 0.001),
    }
    return Experiment(_diamond(), targets)


def _diamond() -> System:
    return System.from_ase(bulk("Si", a=reference("silicon_pbe", "lattice_constant")))
