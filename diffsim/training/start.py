"""Before the first update: what can be known without gradients."""

from collections.abc import Sequence

import equinox as eqx
import numpy as np

from diffsim.data.batching import batch_for
from diffsim.data.configurations import Configuration
from diffsim.potentials.base import AbstractPotential
from diffsim.training.errors import relabelled


def standardised(potential: AbstractPotential, configurations: Sequence[Configuration]) -> AbstractPotential:
    """With what the potential standardises its inputs by, taken from these structures; most have no such thing."""
    return potential.standardised(*batch_for(potential, [one.system for one in configurations]))


def scaled(potential: AbstractPotential, configurations: Sequence[Configuration]) -> AbstractPotential:
    """With a `scale` of its energies that makes forces a tenth as large as their labels; most have no such parameter.

    A network begins with random forces. Where these are large, training first has to unlearn them.
    """
    scale = getattr(potential, "scale", None)
    if scale is None:
        return potential
    size = lambda given: np.sqrt(np.mean(np.concatenate([np.ravel(one.forces) for one in given]) ** 2))  # noqa: E731
    random, wanted = size(relabelled(potential, configurations)), size(configurations)
    if not (random > 0 and wanted > 0):
        return potential
    return eqx.tree_at(lambda p: p.scale, potential, (0.1 * wanted / random).astype(scale.dtype) * scale)


def referenced(potential: AbstractPotential, configurations: Sequence[Configuration]) -> AbstractPotential:
    """With the reference energies of elements that leave least squares of energies per atom.

    Where the data do not tell elements apart, the smallest change that does.

    **Raises** `ValueError` for a potential without reference energies.
    """
    reference = getattr(potential, "reference", None)
    if reference is None:
        raise ValueError(f"{type(potential).__name__} has no reference energies of elements to set")
    found = relabelled(potential, configurations)
    lacking = np.array([true.energy - one.energy for one, true in zip(found, configurations, strict=True)])
    numbers = [np.asarray(one.system.numbers) for one in configurations]
    counts = np.array([[np.sum(own == z) for z in potential.species] for own in numbers])
    atoms = counts.sum(1)
    change = np.linalg.lstsq(counts / atoms[:, None], lacking / atoms, rcond=None)[0]
    return eqx.tree_at(lambda p: p.reference, potential, reference + change.astype(reference.dtype))
