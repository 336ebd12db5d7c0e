"""What every figure is: numbers in columns, kept as CSV, and a picture of them at column width."""

import abc
import csv
import itertools
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import equinox as eqx
import matplotlib
from matplotlib.figure import Figure

from diffsim.experiment import Experiment
from diffsim.report.results import Results, Shown

BEFORE, AFTER, REFERENCE = "#9a9a9a", "#c8442b", "#1f1f1f"
WIDTH = 3.4  # inches, one column
STYLE: dict[Any, Any] = {
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

Columns = Mapping[str, Sequence[Any]]  # by their heads; numbers, words, None where a column is shorter


class Drawing(NamedTuple):
    """A figure, and a sentence that says what one sees."""

    figure: Figure
    caption: str


class AbstractFigure(eqx.Module):
    """One figure of a run: what must be predicted for it, the numbers that it shows, and how they are drawn."""

    @property
    @abc.abstractmethod
    def experiment(self) -> Experiment | None:
        """What is predicted for it, before and after the fit; None for what the fit itself tells."""

    @abc.abstractmethod
    def columns(self, results: Results, shown: Shown | None) -> Columns:
        """The numbers of the figure; `shown` are the predictions of its experiment."""

    @abc.abstractmethod
    def draw(self, columns: Columns) -> Drawing:
        """The picture of these numbers."""


def blank(height: float, *, panels: int = 1, **kwargs: Any) -> tuple[Figure, Any]:
    """An empty figure at column width, `height` in inches, with its axes one below the other."""
    figure = Figure(figsize=(WIDTH, height), layout="constrained")
    return figure, figure.subplots(panels, 1, **kwargs)


def write_columns(columns: Columns, path: Path) -> None:
    """A table as CSV: numbers to the last digit."""
    with path.open("w", newline="", encoding="utf-8") as file:
        lines = csv.writer(file)
        lines.writerow(columns)
        lines.writerows(itertools.zip_longest(*columns.values()))


def read_columns(path: Path) -> Columns:
    """What `write_columns` wrote."""
    with path.open(newline="", encoding="utf-8") as file:
        heads, *rows = csv.reader(file)
    return {head: _column([row[i] for row in rows]) for i, head in enumerate(heads)}


def _column(texts: list[str]) -> list[Any]:
    """Numbers, without the blanks that fill a shorter column; or words, among which a blank is one."""
    try:
        return [float(text) for text in texts if text != ""]
    except ValueError:
        return texts


def write_picture(draw: Callable[[Columns], Drawing], path: Path) -> Drawing:
    """Draws the columns in PATH.csv as PATH.png."""
    with matplotlib.rc_context(STYLE):
        drawing = draw(read_columns(path.with_suffix(".csv")))
        drawing.figure.savefig(path.with_suffix(".png"))
    return drawing
