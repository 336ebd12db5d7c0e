"""Tables and learning curves of what was learned."""

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.figure import Figure

from diffsim.report.figures.base import STYLE, WIDTH

_BARS = {"crystalline": 1.0, "all": 5.0, "forces": 100.0}  # meV/atom, meV/atom, meV/Å
Results = list[dict[str, Any]]


def read(folder: Path) -> Results:
    """What is there, family by family, the fewest structures first."""
    found = [
        json.loads(path.read_text(encoding="utf-8"))
        for path in folder.glob("*-*.json")
        if ".potential" not in path.name
    ]
    if not found:
        raise SystemExit(f"nothing was learned in {str(folder)!r}: run the stage learn first")
    return sorted(found, key=lambda one: (one["family"], one["structures"]))


def table(found: Results) -> str:
    """Markdown: errors on the test, those on the training set in parentheses, and what they cost."""
    heads = (
        "family", "structures", "E crystalline, meV/atom", "E all, meV/atom", "F all, meV/Å", "stress, MPa",
        "parameters", "s", "MiB", "µs/atom/step",
    )  # fmt: skip
    lines = [heads, ("---",) * len(heads)]
    for one in found:
        test, training = one["test"], one["training"]
        pairs = [("crystalline", "energy_mae"), ("all", "energy_mae"), ("all", "forces_mae"), ("all", "stress_mae")]
        errors = [f"{_short(test[group][key])} ({_short(training[group][key])})" for group, key in pairs]
        cost = [one["numbers"], round(one["seconds"]), one["memory (MiB)"], one["step (µs/atom)"]]
        lines.append((one["label"], str(one["structures"]), *errors, *map(str, cost)))
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _short(value: float) -> str:
    if not math.isfinite(value) or value == 0:
        return f"{value:g}"
    return f"{value:.{max(0, 1 - math.floor(math.log10(value)))}f}"


def curves(found: Results) -> Figure:
    """Mean errors of the test set against the number of structures learned from; dotted, what is aimed at."""
    panels = (
        ("crystalline", "energy_mae", "energy, crystalline (meV/atom)", _BARS["crystalline"]),
        ("all", "energy_mae", "energy, all (meV/atom)", _BARS["all"]),
        ("all", "forces_mae", "forces, all (meV/Å)", _BARS["forces"]),
    )
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(WIDTH, 0.55 * WIDTH), layout="constrained")
        for axes, (group, key, title, bar) in zip(figure.subplots(1, 3), panels, strict=True):
            for number, family in enumerate(dict.fromkeys(one["family"] for one in found)):
                own: Sequence[dict[str, Any]] = [one for one in found if one["family"] == family]
                points = [one["structures"] for one in own], [one["test"][group][key] for one in own]
                axes.loglog(*points, "o-", markersize=2.5, linewidth=0.9, color=f"C{number}", label=own[0]["label"])
            axes.axhline(bar, color="black", linewidth=0.6, linestyle=":")
            axes.set_title(title)
            axes.set_xlabel("structures")
        figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=4)
    return figure
