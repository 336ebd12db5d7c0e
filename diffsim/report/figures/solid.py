"""Pictures of a solid's study, the model in red over the reference in black. Heads are `solid|what (unit)`."""

import itertools

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter

from diffsim.report.figures.base import AFTER, REFERENCE, Columns, Drawing, blank

_OTHERS = ("#2b6cc8", "#3f8f4f", "#d99a2b")
_SHADES = ("#f0a35e", "#e0712c", "#8f3b1b", *_OTHERS)  # of temperatures
_MARKS = "ox^s"  # of solids
_ROW = 0.125  # inches, of a legend
_DOTS = {"fmt": "o", "markersize": 2.5, "linewidth": 0.7, "capsize": 0}


def draw_density(columns: Columns) -> Drawing:
    """A panel for the crystal at rest, and one for each temperature."""
    at = columns["frequency (THz)"]
    kinds = list(dict.fromkeys(_what(head) for head in columns if "|" in head and "±" not in head))
    kinds = [kind for kind in kinds if "waves" not in kind]
    figure, axes = blank(0.7 + 1.05 * len(kinds), panels=len(kinds), squeeze=False, sharex=True)
    for panel, kind in zip(axes[:, 0], kinds, strict=True):
        for name, color in _colors(columns):
            if kind != "0 K" and (own := f"{name}|0 K, waves of the cell") in columns:
                panel.plot(at, columns[own], color=color, linewidth=0.5, linestyle=":")
            if (head := f"{name}|{kind}") in columns:
                panel.plot(at, columns[head], color=color, linewidth=1.0, label=name)
            if (error := f"{name}|± {kind}") in columns:
                middle, spread = np.array(columns[head]), np.array(columns[error])
                panel.fill_between(at, middle - spread, middle + spread, color=color, alpha=0.25, linewidth=0)
        panel.set_title(kind, loc="left")
        panel.set_ylim(bottom=0)
        panel.set_xlim(at[0], at[-1])
    figure.supylabel("states (1/THz/atom)", fontsize=8)
    axes[-1, 0].set_xlabel("frequency (THz)")
    _legend_above(figure, axes[0, 0])
    caption = (
        "Density of states of the perfect crystal: at rest by lattice dynamics on a fine mesh, above 0 K from "
        "velocities at constant energy with one standard error. Dotted: at rest, of the waves that fit into the cell "
        "that moves."
    )
    return Drawing(figure, caption)


def draw_bands(columns: Columns) -> Drawing:
    """Lines at rest; dots are peaks at each temperature."""
    figure, axes = blank(2.6)
    for name, color in reversed(_colors(columns)):
        path = np.array(columns[f"{name}|path"])
        cuts = np.flatnonzero(np.diff(path) <= 0) + 1
        for head in [head for head in columns if head.startswith(f"{name}|branch")]:
            for x, y in zip(np.split(path, cuts), np.split(np.array(columns[head]), cuts), strict=True):
                axes.plot(x, y, color=color, linewidth=0.8)
        axes.plot([], [], color=color, linewidth=0.8, label=f"{name}, 0 K")
    dots = [head for head in columns if head.endswith("K, path")]
    kinds = dict.fromkeys(_what(head).removesuffix(", path") for head in dots)
    shade = dict(zip(kinds, itertools.cycle(_SHADES), strict=False))
    mark = {name: form for (name, _), form in zip(_colors(columns), itertools.cycle(_MARKS), strict=False)}
    for head in dots:
        name, kind = head.removesuffix(", path").split("|")
        marker = {"fmt": mark[name], "markersize": 2.2, "linewidth": 0.6}
        y, error = columns[f"{name}|{kind}, frequency (THz)"], columns[f"{name}|{kind}, ± (THz)"]
        axes.errorbar(columns[head], y, error, color=shade[kind], label=f"{name}, {kind}", **marker)
    places, names = columns["tick"], columns["name"]
    merged: dict[float, str] = {}
    for place, label in zip(places, names, strict=False):
        key = round(place, 9)
        merged[key] = label if merged.get(key, label) == label else f"{merged[key]}|{label}"
    for place in merged:
        axes.axvline(place, color="black", linewidth=0.4)
    axes.axhline(0, color="black", linewidth=0.4)
    axes.set_xticks(list(merged), list(merged.values()))
    axes.set_xlim(0, 1)
    axes.set_ylabel("frequency (THz)")
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=2, fontsize=6)
    figure.set_figheight(2.1 + _ROW * -(-len(labels) // 2))
    return Drawing(figure, "Phonon bands: lines at rest, dots where spectra of single phonons peak at a temperature.")


def draw_lifetimes(columns: Columns) -> Drawing:
    """A panel for each temperature, over the frequency."""
    kinds = list(dict.fromkeys(_what(head).split(",")[0] for head in columns))
    figure, axes = blank(0.7 + 1.2 * len(kinds), panels=len(kinds), squeeze=False, sharex=True)
    for panel, kind in zip(axes[:, 0], kinds, strict=True):
        for name, color in _colors(columns):
            if (head := f"{name}|{kind}, frequency (THz)") in columns:
                y, error = columns[f"{name}|{kind}, lifetime (ps)"], columns[f"{name}|{kind}, ± (ps)"]
                panel.errorbar(columns[head], y, error, color=color, label=name, **_DOTS)
        _logarithmic(panel)
        panel.set_title(kind, loc="left")
    figure.supylabel("lifetime (ps)", fontsize=8)
    axes[-1, 0].set_xlabel("frequency (THz)")
    _legend_above(figure, axes[0, 0])
    return Drawing(figure, "Lifetimes of single phonons, 1/2πΓ of the widths of their lines, with standard errors.")


def draw_barrier(columns: Columns) -> Drawing:
    """Energy along the way of one atom into the vacancy beside it."""
    figure, axes = blank(1.9)
    for name, color in _colors(columns):
        if f"{name}|way" in columns:
            axes.plot(
                columns[f"{name}|way"], columns[f"{name}|energy (eV)"], "o-", color=color, markersize=2, label=name
            )
    axes.set_xlabel("along the path")
    axes.set_ylabel("energy (eV)")
    axes.legend()
    return Drawing(figure, "Energy along the minimum-energy path of an atom into the vacancy beside it.")


def draw_hops(columns: Columns) -> Drawing:
    """Rates over the inverse temperature."""
    figure, axes = blank(2.7)
    for name, color in _colors(columns):
        if f"{name}|1000/T (1/K)" in columns:
            x, y = columns[f"{name}|1000/T (1/K)"], np.array(columns[f"{name}|rate (1/ns)"])
            low, high = (np.array(columns[f"{name}|{end} (1/ns)"]) for end in ("low", "high"))
            axes.errorbar(x, y, (y - low, high - y), color=color, label=f"{name}: counted", **_DOTS)
        for kind, style in {"fit": "-", "TST": "--"}.items():
            if (head := f"{name}|{kind} (1/ns)") in columns:
                words = "harmonic TST" if kind == "TST" else "Arrhenius fit"
                over = columns[f"{name}|line, 1000/T (1/K)"]
                axes.plot(over, columns[head], style, color=color, linewidth=0.8, label=f"{name}: {words}")
    _logarithmic(axes)
    axes.set_xlabel("1000/T (1/K)")
    axes.set_ylabel("hops (1/ns)")
    figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=2, fontsize=6)
    return Drawing(
        figure, "Hops of the vacancy, counted at fixed volume with Poisson errors of one standard deviation."
    )


def _legend_above(figure: Figure, axes: Axes) -> None:
    """Where it hides no curve."""
    figure.legend(*axes.get_legend_handles_labels(), loc="outside upper center", ncols=4, fontsize=7)


def _logarithmic(axes: Axes) -> None:
    """A scale with plain numbers, two a decade."""
    axes.set_yscale("log")
    axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 3.0)))
    axes.yaxis.set_major_formatter("{x:g}")
    axes.yaxis.set_minor_formatter(NullFormatter())


def _what(head: str) -> str:
    return head.split("|", 1)[-1]


def _colors(columns: Columns) -> list[tuple[str, str]]:
    """The solids and their colours: the model first, in red; the last is the reference, in black."""
    names = list(dict.fromkeys(head.split("|", 1)[0] for head in columns if "|" in head))
    others = itertools.islice(itertools.cycle((AFTER, *_OTHERS)), max(len(names) - 1, 1))
    return list(zip(names, (*others, REFERENCE), strict=False))
