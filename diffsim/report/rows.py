"""The numbers of a run's targets as rows, from what `results.json` keeps of them."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from diffsim.targets import component_names
from diffsim.uncertainty import name_of

MANY = 500  # numbers of one target, such as forces on all atoms of a data set: more are shown by their deviation only
_ERRORS = ("low", "high", "parametric", "chi_squared_scaled", "pops", "left_out")


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
    low: float  # 95 % interval of the prediction after
    high: float
    parametric: float  # errors of the prediction after, one standard deviation
    chi_squared_scaled: float
    pops: float
    left_out: float  # predicted by a fit to all other targets

    @property
    def name(self) -> str:
        """What to call it."""
        return name_of(self.target, self.component)

    @property
    def better(self) -> bool:
        """Whether it came closer to its reference."""
        return abs(self.after - self.reference) < abs(self.before - self.reference)

    @property
    def inside(self) -> bool:
        """Whether its reference lies in the interval, to a thousandth of its scale."""
        slack = 1e-3 * self.scale
        return self.low - slack <= self.reference <= self.high + slack


def rows(experiments: Mapping[str, Any]) -> list[Row]:
    """Every number of every target; equal neighbours (degenerate modes, xx = yy = zz) as one row, very many by rms."""
    found: list[Row] = []
    for name, targets in experiments.items():
        for key, entry in targets.items():
            if np.size(entry["reference"]) > MANY:
                found.append(_together(name, key, entry))
            else:
                found += _merged([Row(name, key, *numbers) for numbers in _components(entry)])
    return found


def _together(name: str, key: str, entry: Mapping[str, Any]) -> Row:
    """The root of the mean squared deviation, whose reference is zero."""
    reference = np.asarray(entry["reference"], float)
    rms = [float(np.sqrt(np.mean((np.asarray(entry[side]) - reference) ** 2))) for side in ("before", "after")]
    unknown = [np.nan] * len(_ERRORS)
    return Row(
        name, key, f"rms of {reference.size}", entry["unit"], 0.0, float(np.mean(entry["scale"])), *rms, *unknown
    )


def _components(entry: Mapping[str, Any]) -> list[tuple]:
    reference = np.asarray(entry["reference"], float)
    scale = np.broadcast_to(np.asarray(entry["scale"], float), reference.shape)
    names = component_names(entry["labels"], reference.shape)
    errors = [entry["errors"].get(name) for name in _ERRORS]
    columns = [reference, scale, entry["before"], entry["after"], *errors]
    flat = (_flat(column, reference.size) for column in columns)
    return [(name, entry["unit"], *numbers) for name, *numbers in zip(names, *flat, strict=True)]


def _flat(column: Any, size: int) -> list[float]:
    return [np.nan] * size if column is None else np.asarray(column, float).reshape(-1).tolist()


def _merged(found: list[Row]) -> list[Row]:
    kept: list[Row] = []
    first = ""
    for row in found:
        same = bool(kept) and np.allclose(row[4:8], kept[-1][4:8], rtol=1e-4, atol=1e-4 * row.scale, equal_nan=True)
        first = first if same else row.component
        shown = row if first == row.component else row._replace(component=f"{first}–{row.component.split(' ')[-1]}")
        kept = [*kept[:-1], shown] if same else [*kept, shown]
    return kept
