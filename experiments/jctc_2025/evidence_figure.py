"""The evidence in one picture: how far every property is from first principles, before, published, and after."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from experiments.jctc_2025.evidence import ORIGINAL, OURS
from experiments.jctc_2025.evidence_forms import STUDY, Candidate
from experiments.jctc_2025.evidence_rows import Number
from experiments.jctc_2025.report import Drawing

_COLORS = {ORIGINAL: "#9a9a9a", STUDY: "#4477aa", OURS: "#c8442b"}
_SIZES = {ORIGINAL: 6.8, STUDY: 5.6, OURS: 4.6}  # so that those that lie on each other show
_SPREAD = "#e4e2dc"
_ROW = 0.185  # inches
_ROOM = 1.08  # how much wider the axis is than the widest error
_TITLES = {False: "targets of the fit", True: "held out: never fitted"}


def caption(candidate: Candidate) -> str:
    """What is to be seen, in words."""
    study = "those that the study of 2025 fitted to elastic and force constants, " if candidate.study else ""
    return (
        f"Error of each property against our own PBE calculations, {candidate.label} silicon: the parameters of "
        f"{candidate.year}, {study}and ours. Filled: targets; open: held out. Bars: 95 % intervals of ours. Grey: from "
        "our PBE values to other calculations (LDA, an ultrasoft pseudopotential) and experiments at room temperature, "
        "where there are any; sources in evidence_rows.py. β-tin at −100 % has become diamond."
    )


def draw_evidence(found: list[Number], candidate: Candidate) -> Drawing:
    """Targets on the left, held out on the right: a line from each original value over the published one to ours."""
    shown = {ORIGINAL: candidate.year, **({STUDY: "study of 2025"} if candidate.study else {}), OURS: "ours"}
    groups = [[n for n in found if n.held_out == held] for held in (False, True)]
    figure = Figure(figsize=(7.0, 1.15 + _ROW * max(map(len, groups))), layout="constrained")
    for axes, group in zip(figure.subplots(1, 2), groups, strict=True):
        _draw_group(axes, group, list(shown))
    figure.supxlabel("error against PBE (%)", fontsize=8)
    figure.legend(handles=_legend(shown), loc="outside upper center", ncols=6, columnspacing=1.3)
    return Drawing(figure, _columns(found))


def _draw_group(axes: Axes, group: list[Number], names: list[str]) -> None:
    heights = np.arange(len(group))[::-1]
    shown = [0.0]
    for height, n in zip(heights, group, strict=True):
        off = [n.off(n.predicted[name]) for name in names]
        shown += [x for x in off if np.isfinite(x)]
        low, high = (n.off(edge) for edge in n.spread)
        if high > low:
            axes.barh(height, high - low, left=low, height=0.72, color=_SPREAD, zorder=0)
        axes.plot(off, [height] * len(off), color="#c9c9c9", linewidth=1.0, zorder=1)
        axes.plot([n.off(n.low), n.off(n.high)], [height] * 2, color=_COLORS[OURS], linewidth=2.6, alpha=0.35, zorder=2)
        for x, name in zip(off, names, strict=True):
            inner = "white" if n.held_out else _COLORS[name]
            look = {
                "color": _COLORS[name],
                "markerfacecolor": inner,
                "markeredgewidth": 1.2,
                "markersize": _SIZES[name],
            }
            axes.plot(x, height, "o", zorder=3, **look)
    axes.axvline(0, color="black", linewidth=0.7, zorder=0.5)
    axes.set_yticks(heights, [n.line.title for n in group])
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.set_ylim(-0.6, max(len(group), 1) - 0.4)
    margin = (_ROOM - 1) * (max(shown) - min(shown)) + 1
    axes.set_xlim(min(shown) - margin, max(shown) + margin)
    axes.set_title(_TITLES[bool(group and group[0].held_out)], fontsize=8, loc="left", fontweight="bold")


def _legend(shown: dict[str, str]) -> list[Line2D | Patch]:
    look = {"marker": "o", "linestyle": "none", "markersize": 5}
    dots: list[Line2D | Patch] = [
        Line2D([], [], color=_COLORS[name], label=label, **look) for name, label in shown.items()
    ]
    bar = Line2D([], [], color=_COLORS[OURS], linewidth=2.6, alpha=0.35, label="95 %")
    return [*dots, bar, Patch(color=_SPREAD, label="LDA, PBE, experiment")]


def _columns(found: list[Number]) -> dict[str, list]:
    columns: dict[str, list] = {"property": [n.line.title for n in found], "held out": [n.held_out for n in found]}
    for name in found[0].predicted:
        columns[f"{name} (%)"] = [n.off(n.predicted[name]) for n in found]
    for title, place in (("low", "low"), ("high", "high")):
        columns[f"95 % {title} (%)"] = [n.off(getattr(n, place)) for n in found]
    columns["others, least (%)"] = [n.off(n.spread[0]) for n in found]
    columns["others, most (%)"] = [n.off(n.spread[1]) for n in found]
    return columns
