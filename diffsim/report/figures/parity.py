"""Predictions against references, one panel for each unit."""

import numpy as np

from diffsim.report.figures.base import AFTER, BEFORE, AbstractFigure, Columns, Drawing, blank
from diffsim.report.results import Results, Shown
from diffsim.report.rows import rows
from diffsim.report.summary import summary


class Parity(AbstractFigure):
    """Parity of all targets: filled where fitted to, open where held out, grey before."""

    @property
    def experiment(self) -> None:
        return None

    def columns(self, results: Results, shown: Shown | None) -> Columns:
        found = summary(results)
        kinds = [(kind, row) for kind in ("targets", "held_out") for row in rows(found[kind])]
        fields = ("unit", "target", "component", "reference", "before", "after")
        columns = {field: [getattr(row, field) for _, row in kinds] for field in fields}
        columns = {"kind": [kind for kind, _ in kinds]} | columns
        return {head: ["nan" if value != value else value for value in column] for head, column in columns.items()}

    def draw(self, columns: Columns) -> Drawing:
        units = list(dict.fromkeys(columns["unit"]))
        figure, _ = blank(1.2)
        figure.clear()
        lines = -(-len(units) // 2)
        figure.set_size_inches(figure.get_figwidth(), 0.4 + 1.6 * lines)
        grid = figure.subplots(lines, min(2, len(units)), squeeze=False).reshape(-1)
        for axes, unit in zip(grid, units, strict=False):
            _panel(axes, columns, str(unit))
        for axes in grid[len(units) :]:
            axes.set_visible(False)
        figure.legend(*_legend(grid[0]), loc="outside upper center", ncols=3)
        return Drawing(figure, "Prediction against reference: on the line where they agree.")


def _panel(axes, columns: Columns, unit: str) -> None:
    mine = [i for i, u in enumerate(columns["unit"]) if u == unit]
    pick = lambda head: np.array([float(columns[head][i]) for i in mine])  # noqa: E731
    expected, before, after = pick("reference"), pick("before"), pick("after")
    fitted = np.array([columns["kind"][i] == "targets" for i in mine])
    everything = np.concatenate([expected, before, after])
    low, high = np.nanmin(everything), np.nanmax(everything)
    margin = 0.07 * (high - low) or 1.0
    axes.plot([low - margin, high + margin], [low - margin, high + margin], color="black", linewidth=0.6)
    axes.plot(expected, before, "o", color=BEFORE, markersize=3)
    axes.plot(expected[fitted], after[fitted], "o", color=AFTER, markersize=3.5)
    axes.plot(expected[~fitted], after[~fitted], "o", color=AFTER, markerfacecolor="white", markersize=3.5)
    axes.set_xlabel(f"reference ({unit})" if unit else "reference")
    axes.set_ylabel("prediction")
    axes.set_aspect("equal", adjustable="datalim")


def _legend(axes) -> tuple[list, list[str]]:
    styles = {"before": (BEFORE, BEFORE), "fitted to": (AFTER, AFTER), "held out": (AFTER, "white")}
    dots = [axes.plot([], [], "o", color=c, markerfacecolor=f, markersize=4)[0] for c, f in styles.values()]
    return dots, list(styles)
