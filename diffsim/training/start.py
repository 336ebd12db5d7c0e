"""Before the first update: what can be known without gradients."""

from collections.abc import Callable, Sequence

import equinox as eqx
import numpy as np

from diffsim.data.batching import batch_for
from diffsim.data.configurations import Configuration
from diffsim.fields import get
from diffsim.potentials.base import AbstractPotential, check_species
from diffsim.potentials.ensemble import Ensemble
from diffsim.potentials.sum import Sum
from diffsim.training.errors import relabelled

Prepare = Callable[[AbstractPotential, Sequence[Configuration]], AbstractPotential]


def standardised(potential: AbstractPotential, configurations: Sequence[Configuration]) -> AbstractPotential:
    """With what the potential standardises its inputs by, taken from these structures; most have no such thing.

    **Raises** `ValueError` for elements that the potential has not.
    """
    for one in configurations:
        check_species(potential, one.system)
    return potential.standardised(*batch_for(potential, [one.system for one in configurations]))


def scaled(potential: AbstractPotential, configurations: Sequence[Configuration]) -> AbstractPotential:
    """With a `scale` of its energies that makes forces a tenth as large as their labels; most have no such parameter.

    A network begins with random forces. Where these are large, training first has to unlearn them. Labels that are NaN
    do not count. The part of a `Sum` that has a scale learns what the others leave of the labels, each member of an
    `Ensemble` all of them.

    **Raises** `ValueError` where no forces are known, and for a sum of which more than one part has a scale.
    """
    if not has(potential, "scale"):
        return potential
    if isinstance(potential, Sum) and (able := sum(has(part, "scale") for part in potential.parts)) > 1:
        raise ValueError(f"{able} parts of the sum have a scale, and labels do not tell them apart: scale them before")
    if isinstance(potential, Sum | Ensemble):
        return _inside(potential, "scale", scaled, configurations)
    scale = get(potential, "scale")
    random, wanted = _size(relabelled(potential, configurations)), _size(configurations)
    if not (random > 0 and wanted > 0):
        return potential
    return eqx.tree_at(lambda p: p.scale, potential, 0.1 * wanted / random * scale)


def referenced(potential: AbstractPotential, configurations: Sequence[Configuration]) -> AbstractPotential:
    """With the reference energies of elements that leave least squares of energies per atom.

    Where the data do not tell elements apart, the smallest change that does. Energies that are NaN do not count. In a
    `Sum` the first part that has reference energies takes them, in an `Ensemble` each member.

    **Raises** `ValueError` for a potential without reference energies, and where no energy is known.
    """
    if not has(potential, "reference"):
        raise ValueError(f"{type(potential).__name__} has no reference energies of elements to set")
    if isinstance(potential, Sum | Ensemble):
        return _inside(potential, "reference", referenced, configurations)
    reference = get(potential, "reference")
    known = [one for one in configurations if np.isfinite(one.energy)]
    if not known:
        raise ValueError("no structure has an energy that reference energies could be taken from: give some")
    found = relabelled(potential, known)
    lacking = np.array([true.energy - one.energy for one, true in zip(found, known, strict=True)])
    numbers = [np.asarray(one.system.numbers) for one in known]
    counts = np.array([[np.sum(own == z) for z in potential.species] for own in numbers])
    atoms = counts.sum(1)
    change = np.linalg.lstsq(counts / atoms[:, None], lacking / atoms, rcond=None)[0]
    return eqx.tree_at(lambda p: p.reference, potential, reference + change.astype(reference.dtype))


def has(potential: AbstractPotential, name: str) -> bool:
    """Whether there is such a parameter, in a part of a sum or in a member of an ensemble too."""
    if isinstance(potential, Sum | Ensemble):
        return any(has(one, name) for one in potential.made_of)
    return hasattr(potential, name)


def _inside(
    potential: Sum | Ensemble, name: str, prepare: Prepare, configurations: Sequence[Configuration]
) -> AbstractPotential:
    """With every member of an ensemble prepared that has this parameter; of a sum, the first part that has it."""
    if isinstance(potential, Ensemble):
        members = tuple(prepare(one, configurations) if has(one, name) else one for one in potential.members)
        return eqx.tree_at(lambda p: p.members, potential, members)
    able = next(n for n, part in enumerate(potential.parts) if has(part, name))
    part = potential.parts[able]
    together, own = relabelled(potential, configurations), relabelled(part, configurations)
    left = [
        true._replace(energy=true.energy - (a.energy - b.energy), forces=true.forces - (a.forces - b.forces))
        for true, a, b in zip(configurations, together, own, strict=True)
    ]
    return eqx.tree_at(lambda p: p.parts[able], potential, prepare(part, left))


def _size(configurations: Sequence[Configuration]) -> float:
    """The root mean square of the components of forces that are known, in eV/Å."""
    components = np.concatenate([np.ravel(one.forces) for one in configurations])
    known = components[np.isfinite(components)]
    if not known.size:
        raise ValueError("no structure has forces that a scale could be taken from: give some")
    return float(np.sqrt(np.mean(known**2)))
