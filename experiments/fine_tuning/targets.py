"""What fits ask for, whoever says what is true."""

from collections.abc import Mapping, Sequence

import numpy as np

from diffsim import (
    Configuration,
    ElasticConstants,
    Experiment,
    PhononFrequencies,
    Stress,
    System,
    Target,
    energy_target,
    force_target,
)
from diffsim.potentials import AbstractPotential

ELASTIC = ("C11", "C12", "C44")
PHONONS = {"Γ": [0.0, 0.0, 0.0], "X": [0.5, 0.0, 0.5], "L": [0.5, 0.5, 0.5]}


def of_crystal(system: System, truth: Mapping[str, np.ndarray]) -> Experiment:
    """Elastic constants and phonons of diamond, and its stress."""
    targets = {
        "elastic_constants": Target(ElasticConstants(ELASTIC), truth["elastic_constants"], 3.0),
        "phonons": Target(PhononFrequencies([*PHONONS.values()], names=[*PHONONS]), truth["phonons"], 0.3),
        "stress": Target(Stress(), truth["stress"], 0.3),
    }
    return Experiment(system, targets)


def of_labels(
    potential: AbstractPotential, frames: Sequence[Configuration], *, energy: float, force: float, numbers: float
) -> dict[str, Target]:
    """Energies and forces within so many eV/atom and eV/Å, all of either kind to weigh as much as so many numbers.

    The potential says how far lists have to reach.
    """
    radius, angular = float(potential.cutoff), potential.angular_cutoff
    forces = sum(one.forces.size for one in frames)
    return {
        "energies": energy_target(frames, radius, energy, numbers / len(frames), angular),
        "forces": force_target(frames, radius, force, numbers / forces, angular),
    }
