"""What a run found: before and after, side by side, and as `results.json`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np

from diffsim.experiment import Experiment, Target, evaluate
from diffsim.fields import parameters
from diffsim.fit import FitState
from diffsim.potentials.base import AbstractPotential

Predictions = dict[str, dict[str, np.ndarray]]  # {experiment: {target: array}}


class Update(NamedTuple):
    """A line of the log."""

    step: int
    loss: float
    seconds: float
    parameters: dict[str, Any]

    @staticmethod
    def of(state: FitState) -> Update:
        """What the log keeps of a fit's state."""
        return Update(state.step, state.loss, state.seconds, values_of(state.potential))


class Results(NamedTuple):
    """One run. Predictions are those of fitted and held-out experiments alike; NaN where one could not be made."""

    name: str
    fitted: dict[str, Experiment]
    held_out: dict[str, Experiment]
    before: AbstractPotential
    after: AbstractPotential
    predicted_before: Predictions
    predicted_after: Predictions
    history: list[Update]
    trained: tuple[str, ...]


class Row(NamedTuple):
    """One number of a target."""

    experiment: str
    target: str
    component: str
    unit: str
    reference: float
    scale: float
    before: float
    after: float

    @property
    def better(self) -> bool:
        """Whether it came closer to its reference."""
        return abs(self.after - self.reference) < abs(self.before - self.reference)


def values_of(potential: AbstractPotential) -> dict[str, Any]:
    """Parameters as plain numbers and lists."""
    return {name: np.asarray(p.value).tolist() for name, p in parameters(potential).items()}


def loss_of(experiments: dict[str, Experiment], predictions: Predictions) -> float:
    """½ Σ residuals² over these experiments."""
    residuals = [
        target.residuals(jnp.asarray(predictions[name][key]))
        for name, experiment in experiments.items()
        for key, target in experiment.targets.items()
    ]
    return float(0.5 * sum(np.sum(np.square(r)) for r in residuals))


def evaluate_each(potential: AbstractPotential, experiments: dict[str, Experiment]) -> Predictions:
    """Predictions of experiments that nothing was fitted to: NaN where the potential has no such structure."""
    found: Predictions = {}
    for name, experiment in experiments.items():
        try:
            found |= evaluate(potential, {name: experiment})
        except ValueError:
            found[name] = {key: np.full(t.reference.shape, np.nan) for key, t in experiment.targets.items()}
    return found


def rows(results: Results, experiments: dict[str, Experiment]) -> list[Row]:
    """Every number of every target; equal neighbours (degenerate modes, xx = yy = zz) as one row."""
    found: list[Row] = []
    for name, experiment in experiments.items():
        for key, target in experiment.targets.items():
            before, after = results.predicted_before[name][key], results.predicted_after[name][key]
            found += _merged([Row(name, key, *numbers) for numbers in _components(target, before, after)])
    return found


def _components(target: Target, before: np.ndarray, after: np.ndarray) -> list[tuple]:
    reference = np.asarray(target.reference)
    scale = np.broadcast_to(np.asarray(target.scale), reference.shape)
    names = [
        f"{target.observable.labels[place[0]] if place else target.observable.labels[0]}"
        + "".join(f" {i + 1}" for i in place[1:])
        for place in np.ndindex(reference.shape)
    ]
    columns = (array.reshape(-1).tolist() for array in (reference, scale, before, after))
    return [(name, target.observable.unit, *numbers) for name, *numbers in zip(names, *columns, strict=True)]


def _merged(found: list[Row]) -> list[Row]:
    kept: list[Row] = []
    first = ""
    for row in found:
        same = bool(kept) and np.allclose(row[4:], kept[-1][4:], rtol=1e-4, atol=1e-4 * row.scale, equal_nan=True)
        first = first if same else row.component
        alone = first == row.component
        shown = row if alone else row._replace(component=f"{first}–{row.component.split(' ')[-1]}")
        kept = [*kept[:-1], shown] if same else [*kept, shown]
    return kept


def summary(results: Results) -> dict[str, Any]:
    """The contents of `results.json`."""
    before, after = values_of(results.before), values_of(results.after)
    described = parameters(results.before).items()
    last = results.history[-1]
    return {
        "name": results.name,
        "steps": last.step,
        "seconds": last.seconds,
        "loss": {
            "before": loss_of(results.fitted, results.predicted_before),
            "after": loss_of(results.fitted, results.predicted_after),
        },
        "parameters": {
            name: {"before": before[name], "after": after[name], "unit": p.unit, "trained": name in results.trained}
            for name, p in described
        },
        "targets": _targets(results, results.fitted),
        "held_out": _targets(results, results.held_out),
    }


def _targets(results: Results, experiments: dict[str, Experiment]) -> dict[str, Any]:
    return {
        name: {
            key: _target(target, results.predicted_before[name][key], results.predicted_after[name][key])
            for key, target in experiment.targets.items()
        }
        for name, experiment in experiments.items()
    }


def _target(target: Target, before: np.ndarray, after: np.ndarray) -> dict[str, Any]:
    reference, scale = np.asarray(target.reference), np.asarray(target.scale)
    off = [float(np.sqrt(np.mean(((value - reference) / scale) ** 2))) for value in (before, after)]
    return {
        "unit": target.observable.unit,
        "labels": list(target.observable.labels),
        "reference": reference.tolist(),
        "scale": scale.tolist(),
        "weight": float(target.weight),
        "before": before.tolist(),
        "after": after.tolist(),
        "rms_deviation_in_scales": {"before": off[0], "after": off[1]},
        "better": off[1] < off[0],
    }


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
