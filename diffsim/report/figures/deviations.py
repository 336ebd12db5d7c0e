"""How far every number is from its reference, before and after."""

import numpy as np

from diffsim.experiment import Experiment
from diffsim.report.figures.base import AFTER, BEFORE, AbstractFigure, Drawing, blank
from diffsim.report.results import Results, Row, rows


class Deviations(AbstractFigure):
    """Deviation of each component in units of its scale: an open dot before, a filled one after."""

    held_out: bool = False

    def draw(self, results: Results) -> Drawing:
        shown = rows(results, self._experiments(results))
        before, after = (np.array([_deviation(row, side) for row in shown]) for side in ("before", "after"))
        figure, axes = blank(0.9 + 0.165 * len(shown))
        height = np.arange(len(shown))[::-1]
        axes.axvline(0, color="black", linewidth=0.6)
        axes.hlines(height, before, after, color=BEFORE, linewidth=0.8)
        axes.plot(before, height, "o", color=BEFORE, markerfacecolor="white", markersize=4, label="before")
        axes.plot(after, height, "o", color=AFTER, markersize=4, label="after")
        axes.set_yticks(height, [f"{row.target} {row.component}" for row in shown])
        axes.set_ylim(-0.7, len(shown) - 0.3)
        axes.set_xlabel("(prediction − reference) / scale")
        if (widest := np.nanmax(np.abs([before, after]), initial=0.0)) > 20:
            axes.set_xscale("symlog", linthresh=1.0, linscale=0.6)
            decades = 10 ** np.arange(0, np.ceil(np.log10(widest)) + 1, 1 + np.log10(widest) // 3)
            axes.set_xticks([*-decades[::-1], 0, *decades], [f"{x:.3g}" for x in [*-decades[::-1], 0, *decades]])
            axes.set_xlim(-1.3 * widest, 1.3 * widest)
        figure.legend(*axes.get_legend_handles_labels(), loc="outside upper center", ncols=2)
        columns = {field: [getattr(row, field) for row in shown] for field in Row._fields}
        what = "held out: nothing was fitted to these" if self.held_out else "the targets of the fit"
        return Drawing(figure, columns, f"Deviation from the reference in units of the allowed uncertainty; {what}.")

    def _experiments(self, results: Results) -> dict[str, Experiment]:
        return results.held_out if self.held_out else results.fitted


def _deviation(row: Row, side: str) -> float:
    return (getattr(row, side) - row.reference) / row.scale
