"""What a run tells of how sure its potential is: numbers for `results.json`, columns of the figure, a table."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from diffsim import units
from diffsim.report.figures import Columns
from diffsim.report.tables import Table
from diffsim.training import Calibration

_UNITS = {"energy": ("meV/atom", 1e-3), "forces": ("meV/Å", 1e-3), "stress": ("MPa", units.GPa / 1000)}


def told(sure: Mapping[str, Calibration]) -> dict[str, Any]:
    """Scales, likelihoods, and root mean squares over the test set, of each kind of label."""
    found = {}
    for label, one in sure.items():
        unit, size = _UNITS[label]
        rms = lambda values, one=one: float(np.sqrt(np.average(values**2, weights=one.count)))  # noqa: E731
        sizes = {"deviation": rms(one.deviation) / size, "error": rms(one.error) / size}
        found[label] = {"scale": one.scale, "before": one.before, "after": one.after, "unit": unit, **sizes}
    return found


def columns_of(sure: Mapping[str, Calibration]) -> Columns:
    """Every bin of every kind of label."""
    columns: dict[str, list[Any]] = {"label": [], "deviation": [], "scaled": [], "error": [], "count": [], "unit": []}
    for label, one in sure.items():
        unit, size = _UNITS[label]
        columns["deviation"] += (one.deviation / size).tolist()
        columns["scaled"] += (one.scale * one.deviation / size).tolist()
        columns["error"] += (one.error / size).tolist()
        columns["count"] += one.count.tolist()
        for head, word in (("label", label), ("unit", unit)):
            columns[head] += [word] * len(one.count)
    return columns


def calibration_table(found: Mapping[str, Any]) -> Table:
    """Predicted deviations against errors, of each kind of label."""
    heads = ["label", "scale", "deviation of test", "error of test", "unit", "−ln p before", "after"]
    names = ("scale", "deviation", "error", "unit", "before", "after")
    shown = lambda value: value if isinstance(value, str) else f"{value:.3g}"  # noqa: E731
    rows = [[label, *(shown(one[name]) for name in names)] for label, one in found["calibration"].items()]
    note = (
        "Root mean squares of what the potential predicts of its errors, and of the errors. The scale is by how much "
        "deviations have to be multiplied on the validation set; −ln p is that of a component of the test set."
    )
    return Table("How sure it is", heads, rows, note)
