"""Labelled structures as arrays, in batches of few shapes: each shape is compiled once."""

import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from diffsim.data.batching import batch_for
from diffsim.data.configurations import Configuration
from diffsim.neighbors import Neighbors
from diffsim.potentials.base import AbstractPotential, check_species
from diffsim.system import System

SHAPES = 4  # numbers of atoms that structures are padded to: the largest, a half of it, a quarter, an eighth


class Labels(NamedTuple):
    """Energies, forces and stresses of a batch, predicted or as they ought to be; zero for padding."""

    energy: Float[Array, " configurations"]  # eV
    forces: Float[Array, "configurations atoms 3"]  # eV/Å
    stress: Float[Array, "configurations 3 3"]  # eV/Å³


class Labelled(NamedTuple):
    """A batch of structures and their labels, stacked along a first axis."""

    systems: System
    neighbors: Neighbors
    labels: Labels
    present: Float[Array, " configurations"]  # 0 for one that only fills the batch
    stressed: Float[Array, " configurations"]  # 0 for one without a stress
    number: Int[Array, " configurations"]  # which structure of the data set it is

    @property
    def atoms(self) -> Float[Array, " configurations"]:
        """How many atoms each structure has."""
        return jnp.sum(self.systems.numbers > 0, axis=1).astype(self.present.dtype)


def labelled(configurations: Sequence[Configuration], potential: AbstractPotential) -> list[Labelled]:
    """All structures, those of a similar number of atoms in one batch, with lists for the potential.

    **Raises** `ValueError` for no structures, and for elements that the potential has not.
    """
    if not configurations:
        raise ValueError("there are no structures: give at least one")
    for one in configurations:
        check_species(potential, one.system)
    return [_labelled([configurations[n] for n in numbers], numbers, potential) for numbers in _alike(configurations)]


def updates_per_epoch(configurations: Sequence[Configuration], batch_size: int) -> int:
    """How many updates go through all structures once, `batch_size` at a time: what a learning-rate schedule needs."""
    return sum(-(-len(numbers) // batch_size) for numbers in _alike(configurations))


def minibatches(data: Sequence[Labelled], size: int, rng: np.random.Generator) -> Iterator[tuple[int, np.ndarray]]:
    """In random order, every structure once: which batch, and which structures of it; −1 where one only fills up.

    There are as many shapes as batches: `size` structures, or all where a batch has fewer.
    """
    drawn = []
    for number, one in enumerate(data):
        order = rng.permutation(len(one.present))
        width = min(size, len(order))
        order = np.pad(order, (0, -len(order) % width), constant_values=-1)
        drawn += [(number, chosen) for chosen in order.reshape(-1, width)]
    for place in rng.permutation(len(drawn)):
        yield drawn[place]


def chosen(data: Labelled, places: Array) -> Labelled:
    """Some structures of a batch; −1 brings one that counts for nothing."""
    part = jax.tree.map(lambda leaf: leaf[jnp.maximum(places, 0)], data)
    return part._replace(present=jnp.where(places < 0, 0.0, part.present))


def _alike(configurations: Sequence[Configuration]) -> list[list[int]]:
    """Which structures have a similar number of atoms, and the same periodic directions."""
    largest = max(len(one.system.numbers) for one in configurations)
    classes: dict[tuple, list[int]] = {}
    for number, one in enumerate(configurations):
        halvings = min(int(math.log2(largest / len(one.system.numbers))), SHAPES - 1)
        classes.setdefault((halvings, one.system.pbc), []).append(number)
    return [classes[key] for key in sorted(classes)]


def _labelled(
    configurations: Sequence[Configuration], numbers: Sequence[int], potential: AbstractPotential
) -> Labelled:
    systems, neighbors = batch_for(potential, [one.system for one in configurations])
    dtype = systems.positions.dtype
    forces = np.zeros(systems.positions.shape)
    for row, one in zip(forces, configurations, strict=True):
        row[: len(one.forces)] = one.forces
    stress = np.array([one.stress for one in configurations])
    stressed = np.isfinite(stress).all(axis=(1, 2)) if all(systems.pbc) else np.zeros(len(stress), bool)
    labels = Labels(
        jnp.asarray([one.energy for one in configurations], dtype),
        jnp.asarray(forces, dtype),
        jnp.asarray(np.where(stressed.reshape(-1, 1, 1), stress, 0.0), dtype),
    )
    present = jnp.ones(len(stress), dtype)
    return Labelled(systems, neighbors, labels, present, jnp.asarray(stressed, dtype), jnp.asarray(numbers))
