"""How sure a potential is of many structures, and which of them it knows least about."""

from collections.abc import Sequence
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from diffsim.data.configurations import Configuration, unlabelled
from diffsim.data.labels import Labelled, chosen, labelled
from diffsim.deviation import checked_uncertain, norm
from diffsim.potentials.base import AbstractPotential
from diffsim.potentials.uncertain import AbstractUncertain
from diffsim.system import System
from diffsim.training.predictions import predicted

_PART = 16  # structures at a time


class Deviations(NamedTuple):
    """Standard deviations of what is predicted of one structure, as in `diffsim.deviation`."""

    energy: float  # eV/atom
    forces: Float[np.ndarray, " atoms"]  # eV/Å, of each vector
    stress: float  # eV/Å³, of all nine components; NaN where there is no volume


def deviations_of(potential: AbstractPotential, configurations: Sequence[Configuration]) -> list[Deviations]:
    """How sure the potential is of each structure; labels do not matter.

    **Raises** `ValueError` for a potential that does not know.
    """
    sure, found = checked_uncertain(potential), {}
    for data in labelled(configurations, potential):
        count = len(data.present)
        for start in range(0, count, _PART):
            width = min(_PART, count)
            places = np.minimum(np.arange(start, start + width), count - 1)  # the last one fills up: one shape
            energies, forces, stresses = map(np.asarray, _deviations(sure, data, jnp.asarray(places)))
            for row, number in enumerate(np.asarray(data.number)[places]):
                atoms = len(configurations[number].system.numbers)
                stress = float(stresses[row]) if all(data.systems.pbc) else float("nan")
                found[int(number)] = Deviations(float(energies[row]) / atoms, forces[row, :atoms], stress)
    return [found[number] for number in range(len(configurations))]


def worst_known(potential: AbstractPotential, systems: Sequence[System], count: int) -> Int[np.ndarray, " count"]:
    """Which structures to label next, by committee (doi:10.1145/130385.130417): the worst known first.

    They are ranked by the largest deviation of the force on any of their atoms.

    **Raises** `ValueError` for a potential that does not know how sure it is, and for more than there are.
    """
    if not 0 < count <= len(systems):
        raise ValueError(f"count must be from 1 to the number of structures, {len(systems)}, got {count}")
    largest = [one.forces.max() for one in deviations_of(potential, unlabelled(systems))]
    return np.argsort(largest, stable=True)[::-1][:count]


@eqx.filter_jit
def _deviations(potential: AbstractUncertain, data: Labelled, places: Array) -> tuple[Array, Array, Array]:
    """Of a part of a batch: of energies, of the force on each atom, and of stresses."""
    part = chosen(data, places)
    shape = part.systems.positions.shape

    def flat(one: AbstractPotential) -> Float[Array, "configurations numbers"]:
        labels = predicted(one, part.systems, part.neighbors)
        return jnp.concatenate([leaf.reshape(shape[0], -1) for leaf in jax.tree.leaves(labels)], axis=1)

    spread = potential.spread(flat)
    forces = spread[..., 1 : 1 + 3 * shape[1]].reshape(-1, *shape)
    return norm(spread[..., 0], ()), norm(forces, (-1,)), norm(spread[..., -9:], (-1,))
