"""The picture: the slope and its error against the length of the run, and what it costs."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from matplotlib.figure import Figure

from diffsim.report.figures.base import REFERENCE, STYLE, WIDTH

# Okabe and Ito's colours, which stay apart for all eyes; and a marker each, for prints without colours
LOOKS = {
    "Forward": ("#0072b2", "o"),
    "Reversible": ("#009e73", "P"),
    "Backprop": ("#000000", "x"),
    "FromEquilibrium": ("#56b4e9", "v"),
    "Truncated": ("#e69f00", "s"),
    "Score": ("#cc79a7", "D"),
    "Reweighting": ("#d55e00", "^"),
}
_SLOPES = ("Forward", "FromEquilibrium", "Truncated", "Score", "Reweighting")  # the others have that of Forward
_COSTS = ("Forward", "Reversible", "Backprop", "Truncated", "Score", "Reweighting")


def draw(found: Mapping[str, Any], path: Path) -> None:
    """Above d⟨U⟩/dε from all trajectories, and the relative error of one; below time and memory."""
    lengths = np.array(found["lengths"])
    expected = found["reference"]["covariance"]["epsilon"]
    wide = 0.25 * abs(expected["value"])
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(2 * WIDTH, 4.4), layout="constrained")
        (slope, error), (time, memory) = figure.subplots(2, 2, sharex=True)
        low, high = (expected["value"] + sign * expected["error"] for sign in (-1, 1))
        slope.axhspan(low, high, color=REFERENCE, alpha=0.25, linewidth=0, label="long runs")
        for number, name in enumerate(_SLOPES):
            value, spread = (_column(found["methods"][name], key) for key in ("slopes", "errors"))
            near = np.where(spread < wide, value, np.nan)  # what has exploded is beside, on the right
            slope.errorbar(lengths * 1.06 ** (number - 2), near, yerr=spread, capsize=2, elinewidth=0.8, **_looks(name))
            off = np.hypot(spread * found["replicas"] ** 0.5, value - expected["value"]) / abs(expected["value"])
            error.plot(lengths, off, **_looks(name))
        for name in _COSTS:
            entries = found["methods"][name]
            time.plot(lengths, [one["time"] for one in entries], **_looks(name))
            memory.plot(lengths, [one["memory"] / 1e6 for one in entries], **_looks(name))
        slope.set(ylabel="d⟨U⟩/dε", ylim=(expected["value"] - wide, expected["value"] + wide))
        error.set(ylabel="relative error of one trajectory", yscale="log", ylim=(5e-3, 1e13))
        error.axhline(1, color=REFERENCE, linewidth=0.6)
        time.set(ylabel="time / run", xlabel="steps of 4 fs", ylim=(0, None))
        memory.set(ylabel="memory (MB)", xlabel="steps of 4 fs", yscale="log", xscale="log")
        memory.set_xticks(lengths, [str(n) for n in lengths])
        memory.minorticks_off()
        drawn = {
            label: line for axes in (time, slope) for line, label in zip(*axes.get_legend_handles_labels(), strict=True)
        }
        figure.legend(list(drawn.values()), list(drawn), loc="outside upper center", ncols=4)
        figure.savefig(path)


def _looks(name: str) -> dict[str, Any]:
    color, marker = LOOKS[name]
    return {"color": color, "marker": marker, "markersize": 4, "linewidth": 0.9, "label": name}


def _column(entries: list[Mapping[str, Any]], key: str) -> np.ndarray:
    return np.array([one[key]["epsilon"] for one in entries])
