"""Force matching, the usual way to use first-principles calculations: forces and energies of rattled cells."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import ase.io
import jax
import numpy as np
from ase import Atoms
from jaxtyping import Array, Float

import diffsim.data.reference
from diffsim import AbstractPotential, Experiment, Neighbors, System, Target
from diffsim.fields import constant
from diffsim.mechanics import energy, forces
from diffsim.neighbors import alike
from diffsim.observables.base import AbstractStatic
from diffsim.simulators.state import State
from diffsim.system import stack
from experiments.jctc_2025.observables import AsGiven
from experiments.jctc_2025.pareto import lattice_constant
from experiments.jctc_2025.references import primitive_cell

RATTLED = Path(diffsim.data.reference.__file__).parent / "silicon_pbe" / "rattled.xyz"
_RADIUS = 5.0  # Å: longer than any cutoff here
_UNITS = {"forces": "eV/Å", "energies": "eV/atom"}


class Matched(AbstractStatic):
    """Forces `[structures atoms 3]`, or energies per atom above the experiment's own crystal, of labelled structures.

    All structures have the same number of atoms; each has its own cell.
    """

    structures: System  # along a first axis
    neighbors: Neighbors
    quantity: Literal["forces", "energies"] = constant()
    unit: str = constant()

    def __init__(self, structures: Sequence[System], quantity: Literal["forces", "energies"]):
        lists = [Neighbors.allocate(structure, _RADIUS) for structure in structures]
        self.structures = stack(list(structures))
        self.neighbors = stack(alike(lists))
        self.quantity = quantity
        self.unit = _UNITS[quantity]

    @property
    def labels(self) -> tuple[str, ...]:
        return tuple(f"structure {number + 1}" for number in range(len(self.structures.cell)))

    def record(self, potential: AbstractPotential, state: State) -> Float[Array, "structures ..."]:
        if self.quantity == "forces":
            return jax.vmap(lambda s, n: forces(potential, s, n))(self.structures, self.neighbors)
        energies = jax.vmap(lambda s, n: energy(potential, s, n))(self.structures, self.neighbors)
        crystal = energy(potential, state.system, state.neighbors) / len(state.system.numbers)
        return energies / self.structures.numbers.shape[1] - crystal


def rattled(path: Path = RATTLED) -> list[Atoms] | None:
    """The labelled structures that are meant for training, None where there is no such file."""
    if not path.exists():
        return None
    found = ase.io.read(path, ":")
    assert isinstance(found, list)
    return [frame for frame in found if frame.info.get("split", "train") == "train"]


def matching(frames: Sequence[Atoms], crystal_energy: float) -> dict[str, Experiment]:
    """Forces to 0.1 eV/Å and energies to 5 meV/atom above the crystal, whose energy per atom (eV) is given."""
    systems = [System.from_ase(frame) for frame in frames]
    pulls = np.array([frame.get_forces() for frame in frames])
    above = np.array([frame.get_potential_energy() / len(frame) for frame in frames]) - crystal_energy
    targets = {
        "forces": Target(Matched(systems, "forces"), pulls, scale=0.1, unit="eV/Å"),
        "energies": Target(Matched(systems, "energies"), above, scale=0.005, unit="eV/atom"),
    }
    return {"rattled": Experiment(primitive_cell(lattice_constant()), targets, AsGiven())}
