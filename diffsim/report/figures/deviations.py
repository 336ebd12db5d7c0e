"""How far every number is from its reference, before and after."""

import numpy as np

from diffsim.fields import constant
from diffsim.report.figures.base import AFTER, BEFORE, AbstractFigure, Columns, Drawing, blank
from diffsim.report.results import Results, Shown
from diffsim.report.rows import Row, rows
from diffsim.report.summary import summary

_NUMBERS = ("reference", "scale", "before", "after", "low", "high")


class Deviations(AbstractFigure):
    """Deviation of each component in units of its scale: an open dot before, a filled one after, and its 95 %."""

    held_out: bool = constant(default=False)

    @property
    def experiment(self) -> None:
        return None

    def columns(self, results: Results, shown: Shown | None) -> Columns:
        found = rows(summary(results)["held_out" if self.held_out else "targets"])
        fields = ("name", *Row._fields)
        return {field: [_stored(getattr(row, field)) for row in found] for field in fields}

    def draw(self, columns: Columns) -> Drawing:
        numbers = {name: np.array([float(value) for value in columns[name]]) for name in _NUMBERS}
        off = {n: (numbers[n] - numbers["reference"]) / numbers["scale"] for n in ("before", "after", "low", "high")}
        height = np.arange(len(off["after"]))[::-1]
        figure, axes = blank(0.9 + 0.165 * len(height))
        axes.axvline(0, color="black", linewidth=0.6)
        axes.hlines(height, off["low"], off["high"], color=AFTER, linewidth=2.5, alpha=0.25, label="95 %")
        axes.hlines(height, off["before"], off["after"], color=BEFORE, linewidth=0.8)
        axes.plot(off["before"], height, "o", color=BEFORE, markerfacecolor="white", markersize=4, label="before")
        axes.plot(off["after"], height, "o", color=AFTER, markersize=4, label="after")
        axes.set_yticks(height, [str(name) for name in columns["name"]])
        axes.set_ylim(-0.7, len(height) - 0.3)
        axes.set_xlabel("(prediction − reference) / scale")
        widest = np.nanmax(np.abs([off["before"], off["after"]]), initial=0.0)
        if widest > 20:
            axes.set_xscale("symlog", linthresh=1.0, linscale=0.6)
            decades = 10 ** np.arange(0, np.ceil(np.log10(widest)) + 1, 1 + np.log10(widest) // 3)
            axes.set_xticks([*-decades[::-1], 0, *decades], [f"{x:.3g}" for x in [*-decades[::-1], 0, *decades]])
        axes.set_xlim(-1.3 * max(widest, 1.0), 1.3 * max(widest, 1.0))
        figure.legend(*axes.get_legend_handles_labels(), loc="outside upper center", ncols=3)
        what = "held out: nothing was fitted to these" if self.held_out else "the targets of the fit"
        return Drawing(figure, f"Deviation from the reference in units of the allowed uncertainty; {what}.")


def _stored(value: object) -> object:
    return "nan" if isinstance(value, float) and np.isnan(value) else value
