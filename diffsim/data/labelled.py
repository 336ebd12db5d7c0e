"""Structures with energies and forces, from the files of a data set, as targets."""

from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from diffsim.data.batching import batch
from diffsim.data.reference import files
from diffsim.observables.configurations import ConfigurationEnergies, ConfigurationForces
from diffsim.system import System
from diffsim.targets import Target


def snapshot(dataset: str, file: str, index: int = -1) -> System:
    """One structure of a file of a data set: somewhere for a liquid to start from.

    **Raises** `ValueError` for a file that the data set has not, and for an index beyond its structures.
    """
    frames = _read(dataset, file)
    if not -len(frames) <= index < len(frames):
        raise ValueError(f"{file} of {dataset} has {len(frames)} structures, there is no number {index}")
    return System.from_ase(frames[index])


def energy_target(dataset: str, file: str, radius: float, scale: float, weight: float = 1.0) -> Target:
    """Energies of all structures of a file in eV/atom, relative to their mean; `radius` in Å is that of the lists."""
    frames = _read(dataset, file)
    energies = np.array([one.get_potential_energy() / len(one) for one in frames])
    systems, neighbors = batch([System.from_ase(one) for one in frames], radius)
    observable = ConfigurationEnergies(systems=systems, neighbors=neighbors)
    return Target(observable, energies - energies.mean(), scale, weight, unit="eV/atom")


def force_target(dataset: str, file: str, radius: float, scale: float, weight: float = 1.0) -> Target:
    """Forces on all atoms of all structures of a file in eV/Å; `radius` in Å is that of the lists."""
    frames = _read(dataset, file)
    systems, neighbors = batch([System.from_ase(one) for one in frames], radius)
    observable = ConfigurationForces(systems=systems, neighbors=neighbors)
    return Target(observable, _padded(frames), scale, weight, unit="eV/Å")


def _padded(frames: list[Any]) -> Float[Array, "configurations atoms 3"]:
    longest = max(map(len, frames))
    return jnp.stack([jnp.pad(one.get_forces(), ((0, longest - len(one)), (0, 0))) for one in frames])


def _read(dataset: str, file: str) -> list[Any]:
    import ase.io

    known: dict[str, Path] = {path.name: path for path in files(dataset)}
    if file not in known:
        raise ValueError(f"{dataset} has no file {file!r}: it has {', '.join(known)}")
    return list(ase.io.iread(known[file], index=":"))
