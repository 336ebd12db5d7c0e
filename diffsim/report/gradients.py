"""What the methods of differentiation make of one experiment: as plain data, a table, a CSV file and a picture."""

from __future__ import annotations

import csv
import math
from pathlib import Path
from typing import Any

import numpy as np

from diffsim.comparison import Comparison
from diffsim.measured import Gradient
from diffsim.report.figures.gradients import draw_gradients
from diffsim.report.results import write_json
from diffsim.report.tables import Table


def write_gradients(found: Comparison, folder: Path, name: str) -> list[Path]:
    """`gradients_NAME.json`, `.csv` and `.png`."""
    paths = [folder / f"gradients_{name}.{kind}" for kind in ("json", "csv", "png")]
    write_json(paths[0], told(found))
    with paths[1].open("w", newline="", encoding="utf-8") as file:
        lines = csv.writer(file)
        lines.writerow(["method", "parameter", "gradient", "error", "time", "memory_MB", "refusal"])
        for one in found.gradients:
            shared = [one.seconds / found.seconds, one.memory / 1e6, one.refusal]
            values = zip(found.labels, one.mean, one.error, strict=True) if not one.refusal else [("", "", "")]
            lines.writerows([one.name, *numbers, *shared] for numbers in values)
    draw_gradients(told(found), paths[2])
    return paths


def told(found: Comparison) -> dict[str, Any]:
    """A comparison as plain data."""
    return {
        "parameters": list(found.labels),
        "run": {"seconds": found.seconds, "memory_bytes": found.memory, "length_ps": found.length},
        "growth_per_ps": found.growth,
        "memory_time_ps": found.memory_time,
        "frames": found.frames,
        "methods": {one.name: _told(one, found) for one in found.gradients},
        "recommendation": found.recommendation.certificate,
    }


def _told(one: Gradient, found: Comparison) -> dict[str, Any]:
    if one.refusal:
        return {"refusal": one.refusal}
    return {
        "gradient": one.mean.tolist(),
        "error": one.error.tolist(),
        "relative_error": one.relative_error,
        "repeats": one.repeats,
        "time": one.seconds / found.seconds,
        "memory_bytes": one.memory,
        "effective_sample_size": one.effective_sample_size,
    }


def gradient_table(found: Comparison) -> Table:
    """A line for each method: the gradient by each free number with its error, and what it costs."""
    lines = []
    for one in found.gradients:
        if one.refusal:
            lines.append([one.name, *("" for _ in found.labels), "", "", "", "", one.refusal])
            continue
        values = [f"{value:.4g} ± {error:.2g}" for value, error in zip(one.mean, one.error, strict=True)]
        counts = one.effective_sample_size
        worth = "" if math.isnan(counts) else f"{counts:.0f} of {found.frames}"
        size = f"{np.linalg.norm(one.mean):.4g}"
        costs = [f"{one.seconds / found.seconds:.1f} ×", f"{one.memory / 1e6:.1f} MB"]
        lines.append([one.name, *values, size, *costs, worth, ""])
    chaos = f"Neighbouring paths part as e^(t/{1 / found.growth:.2g} ps)" if found.growth > 0 else "No chaos"
    repeats = max((one.repeats for one in found.gradients), default=0)
    note = (
        f"±: of one evaluation, from {repeats} of them. Time: of a run without derivatives, {found.seconds:.2g} s. "
        f"{chaos}; the path is {found.length:.3g} ps long. Frames that count: after a step of 1 % along the gradient.\n"
        f"{recommended(found)}"
    )
    heads = ["method", *found.labels, "norm", "time", "memory", "frames that count", "why not"]
    return Table("Gradient of the loss by the free numbers (ln θ of positive parameters)", heads, lines, note)


def recommended(found: Comparison) -> str:
    """The recommendation as a sentence."""
    start = "Take " if found.recommendation.method is not None else "None is valid: "
    return start + found.recommendation.certificate + "."
