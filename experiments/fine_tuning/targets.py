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

ELASTIC = ("C11", "C12", "C44")
PHONONS = {"Γ": [0.0, 0.0, 0.0], "X": [0.5, 0.0, 0.5], "L": [0.5, 0.5, 0.5]}
_RADIUS = 6.0  # Å


def of_crystal(system: System, truth: Mapping[str, np.ndarray]) -> Experiment:
    """Elastic constants and phonons of diamond, and its stress."""
    targets = {
        "elastic_constants": Target(ElasticConstants(ELASTIC), truth["elastic_constants"], 3.0),
        "phonons": Target(PhononFrequencies([*PHONONS.values()], names=[*PHONONS]), truth["phonons"], 0.3),
        "stress": Target(Stress(), truth["stress"], 0.3),
    }
    return Experiment(system, targets)


def of_labels(frames: Sequence[Configuration], *, energy: float, force: float, numbers: float) -> dict[str, Target]:
    """Energies and forces within so many eV/atom and eV/Å, all of either kind to weigh as much as so many numbers."""
    forces = sum(one.forces.size for one in frames)
    return {
        "energies": energy_target(frames, _RADIUS, scale=energy, weight=numbers / len(frames)),
        "forces": force_target(frames, _RADIUS, scale=force, weight=numbers / forces),
    }
