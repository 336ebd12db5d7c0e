"""What a run leaves: results.json, tables, and figures with their numbers."""

import csv
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import matplotlib
import numpy as np
from matplotlib.figure import Figure

from diffsim.report.figures.base import STYLE, write_columns

_STYLE = {**STYLE, "axes.titlesize": 7, "savefig.dpi": 300}
METHOD_COLORS = {
    "Nelder-Mead": "#8c8c8c",
    "CG": "#4477aa",
    "BFGS": "#228833",
    "SLSQP": "#aa7733",
    "LM (ours)": "#c8442b",
}
MATH = {"epsilon": "ε (eV)", "A": "A (eV)"}  # axes of the landscapes; λ has a unit in EDIP alone


class Drawing(NamedTuple):
    """A figure, and the columns of numbers that it shows."""

    figure: Figure
    columns: Mapping[str, Sequence[Any]]


class Row(NamedTuple):
    """A line of the summary: the study's number, ours, and why they differ where they do."""

    quantity: str
    study: str
    ours: str
    why: str = ""


def save_figure(draw: Callable[[], Drawing], path: Path) -> None:
    """PATH.png, and the numbers in it as PATH.csv."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with matplotlib.rc_context(_STYLE):
        drawing = draw()
        drawing.figure.savefig(path.with_suffix(".png"))
    write_columns(drawing.columns, path.with_suffix(".csv"))


def save_table(header: Sequence[str], rows: Iterable[Sequence[Any]], path: Path) -> None:
    """A table as CSV."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        lines = csv.writer(file)
        lines.writerow(header)
        lines.writerows(rows)


def save_json(content: dict[str, Any], path: Path) -> None:
    """JSON with arrays as lists."""
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(content, indent=1, ensure_ascii=False, default=lambda x: np.asarray(x).tolist())
    path.write_text(text + "\n", encoding="utf-8")


def print_summary(rows: Sequence[Row]) -> None:
    """The rows as aligned columns."""
    lines = [Row("quantity", "study", "ours", "why different"), *rows]
    widths = [max(len(line[column]) for line in lines) for column in range(3)]
    for line in lines:
        cells = [cell.ljust(width) for cell, width in zip(line[:3], widths, strict=True)]
        print("  ".join([*cells, line.why]).rstrip())
