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
    "Forward": ("#0072b2", "o", "path"),
    "FromEquilibrium": ("#56b4e9", "v", "path, start in equilibrium"),
    "Truncated": ("#e69f00", "s", "path, truncated"),
    "Score": ("#cc79a7", "D", "score"),
    "Reweighting": ("#d55e00", "^", "reweighting"),
}
COSTS = {
    "Reversible": ("#009e73", "P", "path, run backwards"),
    "Backprop": ("#000000", "x", "path, stored states"),
    "Forward": ("#0072b2", "o", "path, forwards"),
    **{name: LOOKS[name] for name in ("Truncated", "Score", "Reweighting")},
}


def draw(found: Mapping[str, Any], path: Path) -> None:
    """Above d⟨U⟩/dε with the errors of one trajectory; in the middle its relative error; below time and memory."""
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(2 * WIDTH, 4.6), layout="constrained")
        (slope, error), (time, memory) = figure.subplots(2, 2, sharex=True)
        lengths = np.array(found["lengths"])
        expected = found["reference"]["covariance"]["epsilon"]
        low, high = (expected["value"] + sign * expected["error"] for sign in (-1, 1))
        slope.axhspan(low, high, color=REFERENCE, alpha=0.25, linewidth=0, label="long runs")
        for number, (name, (color, marker, label)) in enumerate(LOOKS.items()):
            shift = 1.06 ** (number - 2)  # side by side
            value, spread = (_column(found["methods"][name], key) for key in ("slopes", "errors"))
            looks = {"color": color, "marker": marker, "markersize": 4, "label": label, "linewidth": 0.9}
            slope.errorbar(lengths * shift, value, yerr=spread, capsize=2, elinewidth=0.8, **looks)
            off = np.hypot(spread * found["replicas"] ** 0.5, value - expected["value"]) / abs(expected["value"])
            error.plot(lengths, off, **looks)
        for name, (color, marker, label) in COSTS.items():
            looks = {"color": color, "marker": marker, "markersize": 4, "label": label, "linewidth": 0.9}
            entries = found["methods"][name]
            time.plot(lengths, [one.get("time", np.nan) for one in entries], **looks)
            memory.plot(lengths, [one["memory"] / 1e6 for one in entries], **looks)
        wide = 0.35 * abs(expected["value"])
        slope.set(ylabel="d⟨U⟩/dε", ylim=(expected["value"] - wide, expected["value"] + wide))
        error.set(ylabel="error of one trajectory", yscale="log", ylim=(None, 1e3))
        time.set(ylabel="time / run", xlabel="steps of 4 fs", ylim=(0, None))
        memory.set(ylabel="memory (MB)", xlabel="steps of 4 fs", yscale="log", xscale="log")
        ticks = [n for n in (100, 400, 1600, 6400) if n <= lengths[-1]]
        memory.set_xticks(ticks, [f"{n}" for n in ticks])
        memory.minorticks_off()
        slope.legend(ncols=1, fontsize=6, loc="upper left")
        memory.legend(ncols=1, fontsize=6, loc="upper left")
        figure.savefig(path)


def _column(entries: list[Mapping[str, Any]], key: str) -> np.ndarray:
    return np.array([one[key]["epsilon"] if key in one else np.nan for one in entries])
