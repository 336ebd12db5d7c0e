"""What every figure is: a picture at column width and the numbers in it."""

import abc
import csv
import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import equinox as eqx
import matplotlib
from matplotlib.figure import Figure

from diffsim.report.results import Results

BEFORE, AFTER, REFERENCE = "#9a9a9a", "#c8442b", "#1f1f1f"
WIDTH = 3.4  # inches, one column
_STYLE: dict[Any, Any] = {
    "font.size": 8,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 8,
    "lines.linewidth": 1.2,
    "legend.frameon": False,
    "legend.fontsize": 7,
    "savefig.dpi": 200,
}


class Drawing(NamedTuple):
    """A figure, the columns of numbers that it shows, and a sentence that says what one sees."""

    figure: Figure
    columns: Mapping[str, Sequence[Any]]
    caption: str


class AbstractFigure(eqx.Module):
    """Draws one figure of a run's results."""

    @abc.abstractmethod
    def draw(self, results: Results) -> Drawing:
        """The figure and its data."""


def blank(height: float, *, panels: int = 1, **kwargs: Any) -> tuple[Figure, Any]:
    """An empty figure at column width, `height` in inches, with its axes one below the other."""
    figure = Figure(figsize=(WIDTH, height), layout="constrained")
    return figure, figure.subplots(panels, 1, **kwargs)


def write_figure(figure: AbstractFigure, results: Results, path: Path) -> Drawing:
    """Draws, and writes PATH.png with, beside it, its data as PATH.csv."""
    with matplotlib.rc_context(_STYLE):
        drawing = figure.draw(results)
        drawing.figure.savefig(path.with_suffix(".png"))
    with path.with_suffix(".csv").open("w", newline="", encoding="utf-8") as file:
        lines = csv.writer(file)
        lines.writerow(drawing.columns)
        lines.writerows(itertools.zip_longest(*drawing.columns.values()))
    return drawing
