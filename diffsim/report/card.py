"""The sensitivity card: predictions to first order in the parameters, for sliders on the page (`sensitivity.json`)."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np

from diffsim.observables.thermodynamics import reciprocal_mesh
from diffsim.optimizers import Problem
from diffsim.report.figures import AbstractFigure, PhononBands
from diffsim.report.results import Results
from diffsim.report.rows import MANY
from diffsim.uncertainty import Component

_DIGITS = 7


def on_the_card(pictures: Mapping[str, Problem], figures: Mapping[str, AbstractFigure]) -> list[Problem]:
    """Of the experiments of figures, those whose first order the card shows."""
    return [picture for name, picture in pictures.items() if isinstance(figures[name], PhononBands)]


def card(results: Results, figures: Mapping[str, AbstractFigure]) -> dict[str, Any]:
    """Every prediction with its derivatives by ln |θ|, and the bands and their density where a figure shows them.

    Empty where first order was not looked at.
    """
    if isinstance(results.uncertainty, str):
        return {}
    model = results.uncertainty.model
    size = np.where(model.logarithmic | (model.free == 0), 1.0, np.abs(model.free))  # slider: a share of the parameter
    values = np.where(model.logarithmic, np.exp(np.where(model.logarithmic, model.free, 0.0)), model.free)
    return {
        "parameters": [
            {
                "label": label,
                "value": float(x),
                "size": float(unit),
                "logarithmic": bool(log),
                "confirmed": list(ends),
            }
            for label, x, unit, log, ends in zip(
                model.labels, values, size, model.logarithmic, results.confirmed, strict=True
            )
        ],
        "outputs": [_output(c, size, "fitted to") for c in _merged(_few(model.fitted))]
        + [_output(c, size, "held out") for c in _merged(_few(model.held_out))],
        "bands": [
            _bands(name, figure, results, size) for name, figure in figures.items() if isinstance(figure, PhononBands)
        ],
    }


def _output(component: Component, size: np.ndarray, kind: str) -> dict[str, Any]:
    return {
        "name": component.name,
        "kind": kind,
        "unit": component.unit,
        "reference": component.reference,
        "scale": component.scale,
        "value": component.prediction,
        "slope": _short(component.slope * size),
    }


def _few(components: list[Component]) -> list[Component]:
    """Without targets of very many numbers, which no slider shows."""
    counts = Counter((c.experiment, c.target) for c in components)
    return [c for c in components if counts[c.experiment, c.target] <= MANY]


def _merged(components: list[Component]) -> list[Component]:
    """Degenerate neighbours once: their derivatives have a meaning as a mean only."""
    groups: list[list[Component]] = []
    for c in components:
        if groups and _same(groups[-1][-1], c):
            groups[-1].append(c)
        else:
            groups.append([c])
    return [group[0]._replace(slope=np.mean([c.slope for c in group], axis=0)) for group in groups]


def _same(a: Component, b: Component) -> bool:
    together = (a.experiment, a.target) == (b.experiment, b.target)
    return together and bool(np.isclose(a.prediction, b.prediction, atol=1e-4 * b.scale, rtol=1e-6))


def _bands(name: str, figure: PhononBands, results: Results, size: np.ndarray) -> dict[str, Any]:
    shown = results.shown[name]
    slopes = {part: shown.slopes[part] * size for part in ("path", "mesh")}
    places, ticks, labels = figure.places()
    expected = np.concatenate([segment["frequencies"] for segment in figure.segments])
    cuts = np.cumsum([len(segment["qpoints"]) for segment in figure.segments])[:-1]
    density = figure.density or {"frequencies": [], "density": []}
    return {
        "name": name,
        "reference_name": figure.reference,
        "path": _short(places),
        "cuts": cuts.tolist(),
        "ticks": _short(ticks),
        "labels": labels,
        "reference": _short(expected),
        "frequencies": _short(shown.after["path"]),
        "slopes": _short(slopes["path"]),
        "mesh_weights": _short(reciprocal_mesh(figure.mesh)[1]),
        "mesh_frequencies": _short(shown.after["mesh"]),
        "mesh_slopes": _short(slopes["mesh"]),
        "width": figure.width,
        "density_reference": {key: _short(density[key]) for key in ("frequencies", "density")},
    }


def _short(array: Any) -> Any:
    """As lists, with as many digits as a picture needs."""
    found = np.asarray(array, float)
    with np.errstate(divide="ignore"):
        magnitude = np.floor(np.log10(np.nanmax(np.abs(found), initial=1e-300)))
    return np.round(found, int(_DIGITS - magnitude)).tolist()
