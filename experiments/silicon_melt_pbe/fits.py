"""The overlay fitted to labelled snapshots: energies, which the weights will hold it to, and forces."""

from collections.abc import Sequence
from typing import cast

import numpy as np
from ase import Atoms
from ase.build import bulk
from optimistix import LevenbergMarquardt

from diffsim import (
    AbstractPotential,
    ConfigurationEnergies,
    ConfigurationForces,
    Experiment,
    Plateau,
    System,
    Target,
    evaluate,
    fit,
)
from diffsim.data.batching import batch
from experiments.silicon_melt_pbe.overlay import Overlay, trainable

ENERGY_SCALE = 0.002  # eV/atom
FORCE_SCALE = 0.2  # eV/Å: about what is left
FORCE_WEIGHT = 0.1  # of each of the many components
_RADIUS = 5.6  # Å, of the lists: the cutoff and some room
_STEPS = 60


def experiment(snapshots: Sequence[Atoms]) -> Experiment:
    """Energies relative to their mean, and forces; the crystal is only there to have a state."""
    systems, neighbors = batch([System.from_ase(one) for one in snapshots], _RADIUS)
    energies = np.array([one.get_potential_energy() / len(one) for one in snapshots])
    forces = np.stack([one.get_forces() for one in snapshots])
    seen = {
        "energies": ConfigurationEnergies(systems=systems, neighbors=neighbors),
        "forces": ConfigurationForces(systems=systems, neighbors=neighbors),
    }
    targets = {
        "energies": Target(seen["energies"], energies - energies.mean(), ENERGY_SCALE),
        "forces": Target(seen["forces"], forces, FORCE_SCALE, FORCE_WEIGHT),
    }
    return Experiment(System.from_ase(bulk("Si", a=5.43)), targets)


def fitted(start: Overlay, snapshots: Sequence[Atoms]) -> Overlay:
    """Where Levenberg and Marquardt lead from the start."""
    optimizer, stop = LevenbergMarquardt(1e-6, 1e-6), Plateau(1e-2, 5)
    state = None
    for state in fit(start, {"": experiment(snapshots)}, optimizer, steps=_STEPS, trainable=trainable(), stop=stop):
        print(state.step, f"{state.loss:.1f}", f"{state.seconds:.0f} s", flush=True)
    assert state is not None
    return cast(Overlay, state.potential)


def errors(potential: AbstractPotential, snapshots: Sequence[Atoms]) -> dict[str, float]:
    """Spread of the energy of the whole cell about the labels (eV), and rms of the forces' errors (eV/Å)."""
    one = experiment(snapshots)
    found = evaluate(potential, {"": one})[""]
    off = {name: found[name] - np.asarray(target.reference) for name, target in one.targets.items()}
    atoms = len(snapshots[0])
    return {
        "energy_spread_eV": round(float(atoms * off["energies"].std(ddof=1)), 3),
        "force_rms_eV_per_A": round(float(np.sqrt(np.mean(off["forces"] ** 2))), 3),
    }
