"""How far a potential is from labels: mean absolute and root-mean-square errors, of each group and of all."""

from collections.abc import Sequence
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from diffsim import units
from diffsim.data.configurations import Configuration
from diffsim.data.labels import Labelled, Labels, chosen, labelled
from diffsim.potentials.base import AbstractPotential
from diffsim.training.predictions import predicted

_PART = 32  # structures that are predicted at a time


class Errors(NamedTuple):
    """Of energies in meV/atom, components of forces in meV/Å and of stresses in MPa; NaN where there are no labels.

    Labels that are NaN do not count.
    """

    structures: int
    energy_mae: float
    energy_rmse: float
    forces_mae: float
    forces_rmse: float
    stress_mae: float
    stress_rmse: float


def relabelled(potential: AbstractPotential, configurations: Sequence[Configuration]) -> list[Configuration]:
    """The same structures with the potential's own energies, forces and stresses (NaN where there is no volume).

    **Raises** `ValueError` for no structures, and for elements that the potential has not.
    """
    found: dict[int, Configuration] = {}
    for data in labelled(configurations, potential):
        count = len(data.present)
        for start in range(0, count, _PART):
            width = min(_PART, count)
            places = np.minimum(np.arange(start, start + width), count - 1)  # the last one fills up: one shape
            labels = jax.tree.map(np.asarray, _predicted(potential, data, jnp.asarray(places)))
            for row, number in enumerate(np.asarray(data.number)[places]):
                found[int(number)] = _with(configurations[number], labels, row)
    return [found[number] for number in range(len(configurations))]


def errors_of(found: Sequence[Configuration], reference: Sequence[Configuration]) -> dict[str, Errors]:
    """Errors of each group, in the order of their first structures, then of `all` where there is more than one.

    A group that is called `all` itself, that of structures without a group, then stands under `others`.

    **Raises** `ValueError` for no structures.
    """
    if not reference:
        raise ValueError("there are no structures to tell errors of: give at least one")
    pairs = list(zip(found, reference, strict=True))
    groups: dict[str, list[tuple[Configuration, Configuration]]] = {}
    for pair in pairs:
        groups.setdefault(pair[1].group, []).append(pair)
    if len(groups) > 1:
        groups = {("others" if name == "all" else name): own for name, own in groups.items()} | {"all": pairs}
    return {name: _errors(own) for name, own in groups.items()}


def _errors(pairs: Sequence[tuple[Configuration, Configuration]]) -> Errors:
    energy = np.array([(a.energy - b.energy) / len(b.forces) for a, b in pairs if np.isfinite(b.energy)])
    forces = np.concatenate([(a.forces - b.forces)[np.isfinite(b.forces)] for a, b in pairs])
    stress = np.concatenate([np.ravel(a.stress - b.stress) for a, b in pairs])
    return Errors(
        len(pairs),
        *_mae_and_rmse(1000 * energy),
        *_mae_and_rmse(1000 * forces),
        *_mae_and_rmse(1000 / units.GPa * stress[np.isfinite(stress)]),
    )


def _mae_and_rmse(errors: np.ndarray) -> tuple[float, float]:
    if not errors.size:
        return float("nan"), float("nan")
    return float(np.mean(np.abs(errors))), float(np.sqrt(np.mean(errors**2)))


@eqx.filter_jit
def _predicted(potential: AbstractPotential, data: Labelled, places: Array) -> Labels:
    part = chosen(data, places)
    return predicted(potential, part.systems, part.neighbors)


def _with(one: Configuration, labels: Labels, row: int) -> Configuration:
    atoms = len(one.forces)
    stress = labels.stress[row] if all(one.system.pbc) else np.full((3, 3), np.nan)
    return one._replace(energy=float(labels.energy[row]), forces=labels.forces[row, :atoms], stress=stress)
