"""Whether a potential that says how sure it is can be believed: predicted deviations against true errors."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from diffsim.data.configurations import Configuration
from diffsim.potentials.base import AbstractPotential
from diffsim.training.deviations import deviations_of
from diffsim.training.errors import relabelled

_BINS = 10
_NOTHING = 1e-6  # of the largest: a force that is zero by symmetry says nothing
_COMPONENTS = {"energy": 1, "forces": 3, "stress": 6}


class Calibration(NamedTuple):
    """Errors of one kind of label against what was predicted of them.

    Errors are taken as normally distributed with `scale` times the predicted deviation, each component of a vector or
    tensor alike. `scale` is the one of maximum likelihood, s² = ⟨error²/deviation²⟩. `before` and `after` are the
    negative log likelihoods of other data, for a component in the mean, with s = 1 and with that scale: the
    smaller, the better. `deviation` and `error` are root mean squares over as many cases in each bin as `count` says,
    the cases ordered by their deviation: equal where it can be believed, and s times apart before it is scaled.
    """

    scale: float
    before: float
    after: float
    deviation: Float[np.ndarray, " bins"]
    error: Float[np.ndarray, " bins"]
    count: Int[np.ndarray, " bins"]


class Cases(NamedTuple):
    """A deviation and an error of each structure (energy an atom, stress) or atom (force)."""

    deviation: Float[np.ndarray, " cases"]
    error: Float[np.ndarray, " cases"]


def calibration(
    potential: AbstractPotential, held_out: Sequence[Configuration], others: Sequence[Configuration]
) -> dict[str, Calibration]:
    """Of `energy` (eV/atom), `forces` (eV/Å) and `stress` (eV/Å³), as far as there are labels.

    The scale comes from structures that were held out from learning, the rest is told of others, held out too.

    **Raises** `ValueError` for a potential that does not know how sure it is.
    """
    fitted, tested = (cases_of(potential, given) for given in (held_out, others))
    return {
        name: calibrated(fitted[name], tested[name], components)
        for name, components in _COMPONENTS.items()
        if len(fitted[name].error) and len(tested[name].error)
    }


def calibrated(fitted: Cases, tested: Cases, components: int) -> Calibration:
    """The calibration of one kind of label, whose error is the length of a vector of so many components."""
    scale = float(np.sqrt(np.mean((fitted.error / fitted.deviation) ** 2)))
    order = np.argsort(tested.deviation, stable=True)
    bins = np.array_split(order, max(1, min(_BINS, len(order) // _BINS)))
    rms = lambda values: np.array([np.sqrt(np.mean(values[these] ** 2)) for these in bins])  # noqa: E731
    return Calibration(
        scale,
        _surprise(tested, 1.0, components),
        _surprise(tested, scale, components),
        rms(tested.deviation),
        rms(tested.error),
        np.array([len(these) for these in bins]),
    )


def cases_of(potential: AbstractPotential, configurations: Sequence[Configuration]) -> dict[str, Cases]:
    """Deviations and errors of every label; left out is where both are zero by symmetry, and
    all of a kind that nothing is said to deviate of."""
    found = relabelled(potential, configurations)
    deviations = deviations_of(potential, configurations)
    pairs: dict[str, list[tuple[np.ndarray, np.ndarray]]] = {name: [] for name in _COMPONENTS}
    for own, true, sure in zip(found, configurations, deviations, strict=True):
        pairs["energy"].append((np.array([sure.energy]), np.array([abs(own.energy - true.energy) / len(true.forces)])))
        pairs["forces"].append((sure.forces, np.linalg.norm(own.forces - true.forces, axis=1)))
        pairs["stress"].append((np.array([sure.stress]), np.array([np.linalg.norm(own.stress - true.stress)])))
    return {name: _told(*map(np.concatenate, zip(*given, strict=True))) for name, given in pairs.items()}


def _told(deviation: np.ndarray, error: np.ndarray) -> Cases:
    known = np.isfinite(error) & np.isfinite(deviation)
    deviation, error = deviation[known], error[known]
    least = _NOTHING * deviation.max(initial=0.0)
    something = (least > 0) & ((deviation > least) | (error > _NOTHING * error.max(initial=0.0)))
    return Cases(np.maximum(deviation, least)[something], error[something])


def _surprise(cases: Cases, scale: float, components: int) -> float:
    """−ln p of a component, in the mean."""
    deviation = scale * cases.deviation
    return float(np.mean(0.5 * np.log(2 * np.pi * deviation**2 / components) + 0.5 * (cases.error / deviation) ** 2))
