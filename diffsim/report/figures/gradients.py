"""One gradient by every method, and what each costs."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullLocator

from diffsim.report.figures.base import AFTER, BEFORE, STYLE, WIDTH

_PANELS = 3  # parameters that have a panel each; of more, the norm is shown


def draw_gradients(told: Mapping[str, Any], path: Path) -> None:
    """A line for each method that applies: the gradient by each parameter with its error, time and memory.

    `told` is what `gradients_NAME.json` holds.
    """
    methods = {name: one for name, one in told["methods"].items() if "refusal" not in one}
    if not methods:
        return
    heights = np.arange(len(methods))[::-1]
    with matplotlib.rc_context(STYLE):
        values, labels = _values(told["parameters"], methods)
        figure = Figure(figsize=(WIDTH + 0.9 * len(labels), 1.1 + 0.24 * len(methods)), layout="constrained")
        axes = figure.subplots(1, len(labels) + 2, sharey=True)
        for panel, label, (mean, error) in zip(axes, labels, values, strict=False):
            _errors(panel, mean, error, heights)
            panel.set_xlabel(label)
        _bars(axes[-2], [one["time"] for one in methods.values()], heights, "time / run")
        memory = [one["memory_bytes"] / 1e6 for one in methods.values()]
        _bars(axes[-1], memory, heights, "memory (MB)")
        if max(memory) > 30 * min(memory):
            axes[-1].set_xscale("log")
            axes[-1].set_xlim(min(memory) / 3, max(memory) * 8)
            axes[-1].xaxis.set_major_locator(LogLocator(numticks=3))
            axes[-1].xaxis.set_minor_locator(NullLocator())
        axes[0].set_yticks(heights, list(methods))
        axes[0].set_ylim(-0.6, len(methods) - 0.4)
        figure.savefig(path)


def _values(names: list[str], methods: Mapping[str, Any]) -> tuple[list[tuple[np.ndarray, np.ndarray]], list[str]]:
    mean, error = (np.array([one[key] for one in methods.values()], float) for key in ("gradient", "error"))
    if len(names) <= _PANELS:
        return [(mean[:, i], error[:, i]) for i in range(len(names))], [f"∂L/∂ {name}" for name in names]
    return [(np.linalg.norm(mean, axis=1), np.linalg.norm(error, axis=1))], ["norm of the gradient"]


def _errors(axes: Any, mean: np.ndarray, error: np.ndarray, heights: np.ndarray) -> None:
    """Dots with bars; where one method is far beyond the others, on an axis that is logarithmic outwards."""
    axes.errorbar(mean, heights, xerr=error, fmt="o", color=AFTER, markersize=4, capsize=2, elinewidth=1)
    axes.axvline(0, color="black", linewidth=0.6)
    typical, widest = np.median(np.abs(mean)), np.max(np.abs(mean) + error)
    if widest > 30 * typical > 0:
        axes.set_xscale("symlog", linthresh=typical)
        axes.set_xlim(-10 * widest, 10 * widest)
        far = 10.0 ** np.floor(np.log10(widest))
        axes.set_xticks([-far, 0, far])
        axes.xaxis.set_minor_locator(NullLocator())
    else:
        axes.locator_params(axis="x", nbins=3)


def _bars(axes: Any, values: list[float], heights: np.ndarray, label: str) -> None:
    bars = axes.barh(heights, values, color=BEFORE, height=0.6)
    axes.bar_label(bars, [f"{value:.2g}" if value < 100 else f"{value:.0f}" for value in values], padding=2, fontsize=6)
    axes.set_xlim(0, 1.35 * max(values))
    axes.locator_params(axis="x", nbins=3)
    axes.set_xlabel(label)
