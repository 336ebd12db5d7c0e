"""Labelled structures as targets: what a fit holds on to, or is made to."""

from collections.abc import Sequence

import jax.numpy as jnp
import numpy as np

from diffsim.data.batching import batch
from diffsim.data.configurations import Configuration, read_configurations
from diffsim.observables.configurations import ConfigurationEnergies, ConfigurationForces
from diffsim.system import System
from diffsim.targets import Target

Data = str | Sequence[Configuration]  # or a file, as `read_configurations` takes it


def snapshot(data: Data, index: int = -1) -> System:
    """One of these structures: somewhere for a liquid to start from.

    **Raises** `ValueError` for an index beyond them.
    """
    found = _read(data)
    if not -len(found) <= index < len(found):
        where = data if isinstance(data, str) else "the data"
        raise ValueError(f"{where} has {len(found)} structures, there is no number {index}")
    return found[index].system


def energy_target(
    data: Data, radius: float, scale: float, weight: float = 1.0, angular_cutoff: float | None = None
) -> Target:
    """Energies of structures in eV/atom, relative to their mean; `radius` in Å is that of the lists.

    `angular_cutoff` is the potential's, in Å, where it has one: without it angles are looked for among all edges.
    """
    found = _read(data)
    energies = np.array([one.energy / len(one.system.numbers) for one in found])
    systems, neighbors = batch([one.system for one in found], radius, angular_cutoff)
    observable = ConfigurationEnergies(systems=systems, neighbors=neighbors)
    return Target(observable, energies - energies.mean(), scale, weight, unit="eV/atom")


def force_target(
    data: Data, radius: float, scale: float, weight: float = 1.0, angular_cutoff: float | None = None
) -> Target:
    """Forces on all atoms of structures in eV/Å; `radius` and `angular_cutoff` in Å as for energies."""
    found = _read(data)
    systems, neighbors = batch([one.system for one in found], radius, angular_cutoff)
    longest = systems.positions.shape[1]
    forces = jnp.stack([jnp.pad(one.forces, ((0, longest - len(one.forces)), (0, 0))) for one in found])
    observable = ConfigurationForces(systems=systems, neighbors=neighbors)
    return Target(observable, forces, scale, weight, unit="eV/Å")


def _read(data: Data) -> Sequence[Configuration]:
    return read_configurations(data) if isinstance(data, str) else data
