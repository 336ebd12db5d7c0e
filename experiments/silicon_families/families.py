"""The families, each as large as it is worth here, and how each learns."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import NamedTuple

import numpy as np
import optax

from diffsim import (
    GAP,
    MACE,
    BehlerParrinello,
    CHGNet,
    Configuration,
    MomentTensors,
    Scales,
    SchNet,
    Sum,
    clipped,
    referenced,
    scaled,
    solve_linear,
    standardised,
    train,
    units,
    updates_per_epoch,
)
from diffsim.potentials import AbstractPotential
from experiments.silicon_families.data import FAR

# eV/atom and eV/Å, of what is nearly a crystal and of all else; eV/Å³
_ENERGIES, _FORCES, _STRESS = (1.5e-3, 4e-3), (0.05, 0.1), 0.5 * units.GPa
_BATCH = 4
_LEAST = 1000  # updates of Adam, however few the structures
Learning = Callable[[AbstractPotential, Sequence[Configuration], Sequence[Configuration]], AbstractPotential]


class Family(NamedTuple):
    """A form, and how it learns from a training set with a validation set."""

    label: str
    model: Callable[[], AbstractPotential]
    learning: Learning
    bits: int = 64  # of floats: to solve for linear coefficients takes 64, networks learn with 32 in half the time


def by_gradients(epochs: int, rate: float, least: int = _LEAST) -> Learning:
    """Adam, its rate falling along a cosine, `least` updates or more; the best epoch on the validation set is kept."""

    def learn(
        start: AbstractPotential, training: Sequence[Configuration], validation: Sequence[Configuration]
    ) -> AbstractPotential:
        updates = updates_per_epoch(training, _BATCH)
        rounds = max(epochs, -(-least // updates))
        optimizer = clipped(optax.adam(optax.cosine_decay_schedule(rate, rounds * updates, 0.01)), 10.0)
        *_, last = train(start, training, validation, optimizer, epochs=rounds, batch_size=_BATCH)
        return last.best

    return learn


def by_least_squares(ridge: Mapping[str, float]) -> Learning:
    """Linear coefficients in one go, under the model's own prior where it has one; crystals' labels count for more.

    That is how published potentials of silicon weigh them (doi:10.1103/PhysRevX.8.041048).
    """

    def learn(
        start: AbstractPotential, training: Sequence[Configuration], validation: Sequence[Configuration]
    ) -> AbstractPotential:
        far = np.array([one.group in FAR for one in training])
        errors = Scales(np.where(far, *_ENERGIES[::-1]), np.where(far, *_FORCES[::-1]), _STRESS)
        return solve_linear(start, training, errors, ridge=ridge, prior=getattr(start, "prior", {})).potential

    return learn


def started(family: Family, training: Sequence[Configuration]) -> AbstractPotential:
    """The potential before it learns: inputs standardised, small forces, reference energies by least squares."""
    return referenced(scaled(standardised(family.model(), training), training), training)


_SILICON = ("Si",)
_MOMENTS = partial(MomentTensors.init, _SILICON, 0, nearest=1.7)
_LINEAR = {"coefficients": 1e-8, "reference": 0.0}


def pairs_and_gap() -> Sum:
    """Pairs take what is steep, so that the smeared density need not."""
    pairs = _MOMENTS(level=4, basis=12)
    return Sum((pairs, GAP.init(_SILICON, cutoff=5.5, width=0.4, points=2000, degree=8, radial=12)))  # pyright: ignore


FAMILIES = {
    "behler_parrinello": Family(
        "Behler–Parrinello",
        partial(BehlerParrinello.init, _SILICON, 0, radial=12, hidden=(30, 30)),
        by_gradients(1000, 1e-2),
        bits=32,
    ),
    "gap": Family(
        "GAP, on pairs",
        pairs_and_gap,
        by_least_squares({f"parts.0.{name}": ridge for name, ridge in _LINEAR.items()} | {"parts.1.coefficients": 0.0}),
    ),
    "moment_tensors_16": Family("moment tensors, level 16", partial(_MOMENTS, level=16), by_least_squares(_LINEAR)),
    "moment_tensors_20": Family(
        "moment tensors, level 20", partial(_MOMENTS, level=20, basis=10), by_least_squares(_LINEAR)
    ),
    "schnet": Family(
        "SchNet", partial(SchNet.init, _SILICON, 0, depth=3, activation="silu"), by_gradients(300, 3e-3), bits=32
    ),
    "mace": Family(
        "MACE",
        partial(MACE.init, _SILICON, 0, features=32, degrees=(3, 1), neighbors=18.0),
        by_gradients(300, 1e-2),
        bits=32,
    ),
    "chgnet": Family("CHGNet, fine-tuned", partial(CHGNet.load, "0.3.0"), by_gradients(20, 1e-3, 500), bits=32),
    "chgnet_anew": Family(
        "CHGNet, from random weights", partial(CHGNet.init, _SILICON, 0), by_gradients(20, 3e-3, 500), bits=32
    ),
}
QUICK = {
    "moment_tensors_16": Family("moment tensors", partial(_MOMENTS, level=8), by_least_squares(_LINEAR)),
    "schnet": Family(
        "SchNet",
        partial(SchNet.init, _SILICON, 0, cutoff=4.0, depth=2, features=4, radial=4, activation="silu"),
        by_gradients(2, 3e-3, least=2),
        bits=32,
    ),
}
