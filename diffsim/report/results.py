"""What a run found, before and after, side by side."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float

from diffsim.experiment import Experiment
from diffsim.fields import parameters
from diffsim.fit_state import FitState
from diffsim.potentials.base import AbstractPotential
from diffsim.report.confirmed import Range
from diffsim.uncertainty import Uncertainty

_LONG = 100  # numbers of an array that are kept one by one

Predictions = dict[str, dict[str, np.ndarray]]  # {experiment: {target: array}}


class Update(NamedTuple):
    """A line of the log."""

    step: int
    loss: float
    evaluations: int
    seconds: float
    parameters: dict[str, Any]
    diagnostics: dict[str, float] = {}  # noqa: RUF012 — of the gradient methods, as experiment/name

    @staticmethod
    def of(state: FitState) -> Update:
        """What the log keeps of a fit's state."""
        parameters = values_of(state.potential)
        return Update(state.step, state.loss, state.evaluations, state.seconds, parameters, state.diagnostics)


class Shown(NamedTuple):
    """Predictions of a figure's experiment: {target: array}."""

    before: dict[str, np.ndarray]
    after: dict[str, np.ndarray]
    slopes: dict[str, Float[np.ndarray, "... free"]]  # derivatives of `after` by the free numbers


class Results(NamedTuple):
    """One run. Predictions are those of fitted and held-out experiments alike; NaN where one could not be made."""

    name: str
    fitted: dict[str, Experiment]
    held_out: dict[str, Experiment]
    before: AbstractPotential
    after: AbstractPotential
    predicted_before: Predictions
    predicted_after: Predictions
    first_loss: float
    history: list[Update]
    trained: tuple[str, ...]
    expected: list[str]  # what could be seen before the fit: parameters without use, targets out of reach
    uncertainty: Uncertainty | str  # or why there is none
    shown: dict[str, Shown]  # by the names of the figures
    confirmed: list[Range]  # of each free number: how far first order has been checked


def values_of(potential: AbstractPotential) -> dict[str, Any]:
    """Parameters as plain numbers and lists; of a very long array, its shape and its norm."""
    return {name: _plain(np.asarray(p.value)) for name, p in parameters(potential).items()}


def _plain(value: np.ndarray) -> Any:
    return value.tolist() if value.size <= _LONG else {"shape": [*value.shape], "norm": float(np.linalg.norm(value))}


def write_json(path: Path, tree: Any) -> None:
    """JSON that any reader takes: numbers that are not finite become null."""
    path.write_text(json.dumps(finite(tree), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def finite(tree: Any) -> Any:
    """The tree with null for NaN and infinities, which JSON has no word for."""
    if isinstance(tree, dict):
        return {key: finite(value) for key, value in tree.items()}
    if isinstance(tree, list | tuple):
        return [finite(value) for value in tree]
    return None if isinstance(tree, float) and not np.isfinite(tree) else tree
