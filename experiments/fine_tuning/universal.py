"""The universal network, fine-tuned to silicon's crystal: elastic constants and phonons at Γ, X and L of PBE."""

from pathlib import Path

import numpy as np
import optax
from ase.build import bulk

from diffsim import (
    ElasticConstants,
    EquationOfState,
    Experiment,
    PhononFrequencies,
    Stress,
    System,
    Target,
    energy_target,
    force_target,
    referenced,
    save_potential,
)
from diffsim.data.reference import reference
from experiments.fine_tuning.fits import PHONONS, tuned
from experiments.fine_tuning.size import Size
from experiments.silicon_families.data import parts

FITS = ("observables", "observables_and_structures")
_RADIUS = 6.0  # Å
_RATE = 1e-4


def tune(size: Size, folder: Path) -> None:
    """Leaves the network before, with silicon's own reference energy, and after each fit."""
    structures = parts(size.structures).training
    start = referenced(size.universal(), structures)
    (folder / "universal").mkdir(parents=True, exist_ok=True)
    save_potential(folder / "universal" / "potential.json", start)
    forces = sum(one.forces.size for one in structures)
    labels = {
        "energies": energy_target(structures, _RADIUS, scale=0.005, weight=30 / len(structures)),
        "forces": force_target(structures, _RADIUS, scale=0.1, weight=30 / forces),
    }
    observed = {"crystal": crystal()}
    held = {"structures": Experiment(observed["crystal"].system, labels)}
    optimizer = optax.adam(optax.cosine_decay_schedule(_RATE, size.universal_updates))
    for name, experiments in zip(FITS, (observed, observed | held), strict=True):
        tuned(folder / "universal" / name, start, experiments, optimizer, size.universal_updates)


def crystal() -> Experiment:
    """PBE's diamond at its own size: elastic constants, phonons, and no stress."""
    names = ("C11", "C12", "C44")
    constants = np.array([reference("silicon_pbe", f"elastic_constants.{name}") for name in names])
    frequencies = np.array([reference("silicon_pbe", f"phonons.frequencies.{name}") for name in PHONONS])
    targets = {
        "elastic_constants": Target(ElasticConstants(names), constants, 3.0),
        "phonons": Target(PhononFrequencies([*PHONONS.values()], names=[*PHONONS]), frequencies, 0.3),
        "stress": Target(Stress(), np.zeros(6), 0.3),
    }
    return Experiment(_diamond(), targets)


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
