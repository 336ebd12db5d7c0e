"""The contents of `results.json`: everything that the tables of a report are made of."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from diffsim.experiment import Experiment
from diffsim.fields import parameters
from diffsim.gradients import Auto
from diffsim.parametrization import Parametrization
from diffsim.report.results import Results, values_of
from diffsim.targets import Target
from diffsim.uncertainty import Interval, Uncertainty, spelled


def summary(results: Results) -> dict[str, Any]:
    """A run as plain data."""
    before, after = values_of(results.before), values_of(results.after)
    last, known = results.history[-1], results.uncertainty
    fitted, unseen = ([], []) if isinstance(known, str) else (known.fitted, known.held_out)
    return {
        "name": results.name,
        "potential": type(results.after).__name__,
        "steps": last.step,
        "evaluations": last.evaluations,
        "seconds": last.seconds,
        "loss": {"before": results.first_loss, "after": last.loss},
        "parameters": {
            name: {"before": before[name], "after": after[name], "unit": p.unit, "trained": name in results.trained}
            for name, p in parameters(results.before).items()
        },
        "gradients": _certificates(results.fitted),
        "targets": _targets(results, results.fitted, fitted),
        "held_out": _targets(results, results.held_out, unseen),
        "uncertainty": _unknown(known) if isinstance(known, str) else _uncertainty(results, known),
    }


def _certificates(experiments: Mapping[str, Experiment]) -> dict[str, str]:
    methods = {name: experiment.gradient for name, experiment in experiments.items()}
    return {name: method.certificate for name, method in methods.items() if isinstance(method, Auto)}


def _targets(
    results: Results, experiments: Mapping[str, Experiment], intervals: Sequence[Interval]
) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    left_out = [] if isinstance(results.uncertainty, str) else results.uncertainty.left_out
    for name, experiment in experiments.items():
        found[name] = {}
        for key, target in experiment.targets.items():
            mine = [i for i in intervals if (i.component.experiment, i.component.target) == (name, key)]
            sides = (results.predicted_before[name][key], results.predicted_after[name][key])
            errors = _errors(mine, target.reference.shape) if mine else {}
            entry = _target(target, *sides) | {"errors": errors}
            left = [row.without_it for row in left_out if (row.experiment, row.target) == (name, key)]
            if left:
                entry["errors"]["left_out"] = np.reshape(left, target.reference.shape).tolist()
            found[name][key] = entry
    return found


def _target(target: Target, before: np.ndarray, after: np.ndarray) -> dict[str, Any]:
    reference, scale = np.asarray(target.reference), np.asarray(target.scale)
    off = [float(np.sqrt(np.mean(((value - reference) / scale) ** 2))) for value in (before, after)]
    return {
        "unit": target.observable.unit,
        "labels": list(target.observable.labels),
        "reference": reference.tolist(),
        "scale": scale.tolist(),
        "weight": float(target.weight),
        "before": np.asarray(before).tolist(),
        "after": np.asarray(after).tolist(),
        "rms_deviation_in_scales": {"before": off[0], "after": off[1]},
        "better": off[1] < off[0],
    }


def _errors(intervals: Sequence[Interval], shape: tuple[int, ...]) -> dict[str, Any]:
    columns = {
        "parametric": [i.parametric for i in intervals],
        "chi_squared_scaled": [i.scaled for i in intervals],
        "pops": [i.pops for i in intervals],
        "low": [i.low for i in intervals],
        "high": [i.high for i in intervals],
    }
    return {name: np.reshape(column, shape).tolist() for name, column in columns.items()}


def _unknown(why: str) -> dict[str, Any]:
    return {"free": [], "held_out_inside": [0, 0], "before_the_fit": [], "sentences": [f"{why}."]}


def _uncertainty(results: Results, found: Uncertainty) -> dict[str, Any]:
    model, known = found.model, found.parameters
    size = np.where(model.logarithmic, np.exp(np.where(model.logarithmic, model.free, 0.0)), 1.0)
    scaled = np.sqrt(max(known.chi_squared, 1.0)) if np.isfinite(known.chi_squared) else 1.0
    begun = Parametrization.of(results.before, results.trained).start
    started = np.where(model.logarithmic, np.exp(np.where(model.logarithmic, begun, 0.0)), begun)
    return {
        "free": [
            {
                "label": label,
                "unit": _unit(results, label),
                "logarithmic": bool(log),
                "start": float(first),
                "fitted": float(np.exp(x) if log else x),
                "error": float(error * unit),
                "error_chi_squared_scaled": float(scaled * error * unit),
                "bound": int(bound),
            }
            for label, log, first, x, error, unit, bound in zip(
                model.labels, model.logarithmic, started, model.free, known.errors, size, model.bounds, strict=True
            )
        ],
        "chi_squared": float(known.chi_squared),
        "condition": float(known.condition),
        "open_combinations": known.open_combinations,
        "eigenvalues": known.eigenvalues.tolist(),
        "combinations": [spelled(model, vector) for vector in known.eigenvectors.T],
        "correlation": known.correlation.tolist(),
        "held_out_inside": [sum(i.holds for i in found.held_out), len(found.held_out)],
        "before_the_fit": results.expected,
        "sentences": found.sentences,
    }


def _unit(results: Results, label: str) -> str:
    return parameters(results.before)[label.split("[")[0]].unit
