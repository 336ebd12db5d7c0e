"""Curves of a quality report: each unit has a panel of its own."""

import re

from diffsim.report.figures.base import AFTER, BEFORE, REFERENCE, Columns, Drawing, blank

_COLORS = (AFTER, BEFORE, REFERENCE, "#2b6cc8", "#1a7a3a", "#8b5fbf")
_HEAD = re.compile(r"(?P<name>.*) \((?P<unit>[^)]*)\)")


def draw_curves(columns: Columns, caption: str, *, symmetric_log: bool = False, mark: float | None = None) -> Drawing:
    """All columns over the one before them whose head says what they are drawn over: a distance, a time, a frequency.

    Heads are `what it is (unit)`. `symmetric_log` is for curves that rise over decades, and fall below zero; `mark` is
    where a line is drawn.
    """
    curves, over = [], ""
    for head in columns:
        if head.startswith(("distance", "time", "frequency")):
            over = head
        else:
            curves.append((over, *_parts(head), head))
    units = list(dict.fromkeys(unit for _, _, unit, _ in curves))
    figure, axes = blank(1.2 + 1.3 * len(units), panels=len(units), squeeze=False, sharex=True)
    for panel, unit in zip(axes[:, 0], units, strict=True):
        mine = [curve for curve in curves if curve[2] == unit]
        for color, (x, name, _, head) in zip(_cycled(len(mine)), mine, strict=True):
            panel.plot(columns[x], columns[head], color=color, label=name)
        panel.axhline(0, color="black", linewidth=0.4)
        if mark is not None:
            panel.axvline(mark, color="black", linewidth=0.6, linestyle=":")
        panel.set_ylabel(f"{mine[0][1]} ({unit})" if len(mine) == 1 else unit)
        if symmetric_log:
            panel.set_yscale("symlog", linthresh=1.0)
        if 1 < len(mine) <= len(_COLORS):
            panel.legend()
    name, unit = _parts(over)
    axes[-1, 0].set_xlabel(f"{name.split(' of ')[0]} ({unit})")
    return Drawing(figure, caption)


def _parts(head: str) -> tuple[str, str]:
    found = _HEAD.fullmatch(head)
    return (found["name"], found["unit"]) if found else (head, "")


def _cycled(count: int) -> list[str]:
    return [_COLORS[n % len(_COLORS)] for n in range(count)]
