"""Errors on what was learned and on what was not, and forces where there is no reason for large ones."""

import numpy as np

from diffsim import units
from diffsim.data.configurations import Configuration
from diffsim.quality.structures import rattled
from diffsim.quality.subject import Subject
from diffsim.quality.verdict import NotApplicable, Verdict, at_most
from diffsim.training import errors_of, relabelled

_RATIO = 2.0  # of test errors to training errors
_FLOOR = 1e-3  # meV/atom, meV/Å, MPa: smaller errors are rounding, whose ratio says nothing
_LARGE = 10.0  # eV/Å
_BEYOND = 1.5  # times the largest label is large too
_SHAKE = 0.05  # Å: between the structures of a training set there are others
_UNITS = {"energy": "meV/atom", "forces": "meV/Å", "stress": "MPa"}
_LABELS = {"energy": "eV/atom", "forces": "eV/Å", "stress": "GPa"}


def generalisation(subject: Subject, label: str) -> Verdict:
    """Whether the error (RMSE) of the test set is at most twice that of the training set."""
    sets = subject.data
    if label != "forces":
        subject.require_energies()
    train, test = (_rmse(own, true, label) for own, true in zip(subject.found, sets, strict=True))
    if not np.isfinite([train, test]).all():
        if any(np.isfinite(getattr(one, label)).all() for one in (*sets[0], *sets[1])):
            return at_most(_RATIO, float("nan"), "", f"The error of the {label} is not a number.")
        raise NotApplicable(f"the labelled structures have no {label}")
    ratio = max(test, _FLOOR) / max(train, _FLOOR)
    sentence = (
        f"RMSE {train:.4g} {_UNITS[label]} on {len(sets[0])} training structures, "
        f"{test:.4g} {_UNITS[label]} on {len(sets[1])} test structures."
    )
    return at_most(_RATIO, ratio, "× training", sentence, _parity(subject, label))


def largest_force(subject: Subject) -> Verdict:
    """Whether forces stay below 10 eV/Å, or 1.5 times the largest label, on the data and 0.05 Å around them."""
    data = [one for part in subject.data for one in part]
    shaken = [one._replace(system=rattled(one.system, _SHAKE, seed=n)) for n, one in enumerate(data)]
    found = [one for part in subject.found for one in part] + relabelled(subject.potential, shaken)
    sizes = np.concatenate([np.linalg.norm(one.forces, axis=1) for one in data])
    labels = float(np.max(sizes, where=np.isfinite(sizes), initial=0.0))
    forces, place = max((float(_size(one).max()), n) for n, one in enumerate(found))
    worst = place % len(data)
    sentence = (
        f"The largest force is {forces:.3g} eV/Å, in or 0.05 Å around structure {worst} of the data "
        f"(group {data[worst].group}); the largest label is {labels:.3g} eV/Å."
    )
    return at_most(max(_LARGE, _BEYOND * labels), forces, "eV/Å", sentence)


def _rmse(found: list[Configuration], true: list[Configuration], label: str) -> float:
    return getattr(list(errors_of(found, true).values())[-1], f"{label}_rmse")


def _size(one: Configuration) -> np.ndarray:
    """Of predicted forces; what is not a number is larger than any."""
    return np.linalg.norm(np.nan_to_num(one.forces, nan=np.inf), axis=1)


def _parity(subject: Subject, label: str) -> dict[str, list]:
    """As `draw_labels` takes them."""
    columns: dict[str, list] = {"part": [], "label": [], "prediction": [], "unit": []}
    for part, true, found in zip(("training", "test"), subject.data, subject.found, strict=True):
        for pair in zip(true, found, strict=True):
            reference, own = (np.ravel(_shown(one, label)) for one in pair)
            known = np.isfinite(reference) & np.isfinite(own)
            columns["label"] += reference[known].tolist()
            columns["prediction"] += own[known].tolist()
            columns["part"] += [part] * int(known.sum())
    columns["unit"] = [_LABELS[label]] * len(columns["part"])
    return columns


def _shown(one: Configuration, label: str) -> np.ndarray:
    if label == "energy":
        return np.array([one.energy / len(one.forces)])
    return np.asarray(one.forces if label == "forces" else one.stress / units.GPa)
