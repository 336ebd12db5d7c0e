"""A sweep: how fast each run went down, and what it took to find the lowest loss."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib

from diffsim.report.figures.base import STYLE, blank


def draw_sweep(
    curves: Sequence[Sequence[tuple[int, float]]], kinds: Sequence[str], needed: Sequence[int | None], path: Path
) -> None:
    """Loss against evaluations above, one colour a kind; below, the evaluations of the runs that found the lowest.

    `curves` holds (evaluations, loss) for each run, `kinds` what it is coloured by, `needed` its evaluations until the
    loss was within 1 % of the lowest, None where it never was.
    """
    names = list(dict.fromkeys(kinds))
    with matplotlib.rc_context(STYLE):
        figure, (above, below) = blank(4.2, panels=2)
        for number, name in enumerate(names):
            runs = [index for index, kind in enumerate(kinds) if kind == name]
            _draw_curves(above, [curves[index] for index in runs], f"C{number % 10}", name)
            found = [needed[index] for index in runs if needed[index] is not None]
            below.plot([number] * len(found), found, "o", color=f"C{number % 10}", ms=4, alpha=0.7)
        _label(above, below, [f"{name}\n{_share(name, kinds, needed)}" for name in names])
        if any(curves):
            figure.legend(*above.get_legend_handles_labels(), loc="outside lower center", ncols=3)
        figure.savefig(path)


def _draw_curves(axes: Any, curves: Sequence[Sequence[tuple[int, float]]], color: str, name: str) -> None:
    for curve in filter(None, curves):
        label = name if not any(line.get_label() == name for line in axes.lines) else "_"
        axes.plot(*zip(*curve, strict=True), color=color, alpha=0.8, label=label)


def _label(above: Any, below: Any, ticks: list[str]) -> None:
    above.set_xscale("log")
    above.set_yscale("log")
    above.set_xlabel("evaluations")
    above.set_ylabel("loss ½Σr²")
    below.set_xticks(range(len(ticks)), ticks, rotation=30 if len(ticks) > 4 else 0)
    below.set_xlim(-0.5, len(ticks) - 0.5)
    below.set_ylim(bottom=0)
    below.set_ylabel("evaluations to within\n1 % of the lowest loss")


def _share(name: str, kinds: Sequence[str], needed: Sequence[int | None]) -> str:
    runs = [count for kind, count in zip(kinds, needed, strict=True) if kind == name]
    return f"{sum(count is not None for count in runs)} of {len(runs)}"
