"""g(r) of the truth as a band, and of every potential as a line."""

from collections.abc import Mapping

import matplotlib
from matplotlib.figure import Figure

from diffsim.report.figures.base import AFTER, BEFORE, REFERENCE, STYLE, WIDTH
from experiments.fine_tuning.liquids import Distribution
from experiments.silicon_liquid.truth import CENTERS

COLORS = {
    "pretrained": BEFORE,
    "energies_and_forces": "#2b5c9e",
    "with_rdf": AFTER,
    "with_rdf_path": "#d99a2b",
    "with_crystal": "#3f8f4f",
}


def draw(curves: Mapping[str, Mapping[str, Distribution]]) -> Figure:
    """A panel for each melt; the truth is a band of two standard errors."""
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(WIDTH, 1.25 * len(curves) + 0.6), layout="constrained")
        panels = figure.subplots(len(curves), 1, sharex=True)
        for axes, (melt, found) in zip(panels, curves.items(), strict=True):
            g, error = found["truth"]
            axes.fill_between(CENTERS, g - 2 * error, g + 2 * error, color=REFERENCE, alpha=0.35, linewidth=0)
            axes.plot(CENTERS, g, color=REFERENCE, linewidth=0.6, label="EDIP (truth)")
            for name, color in COLORS.items():
                if name in found:
                    axes.plot(CENTERS, found[name].value, color=color, linewidth=0.9, label=name.replace("_", " "))
            kelvin, _, atoms = melt.removeprefix("T").partition("_")
            axes.set_title(f"{kelvin} K, {atoms or 64} atoms")
            axes.set_ylabel("g(r)")
        panels[-1].set_xlabel("r (Å)")
        figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return figure
