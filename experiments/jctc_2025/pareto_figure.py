"""The fronts: elastic constants against phonons, and what becomes of TA(X) on the way."""

import numpy as np
from matplotlib.figure import Figure

from experiments.jctc_2025.pareto import CONSTANTS, Place, lattice_constant, targets_of_reference
from experiments.jctc_2025.report import Drawing

_STYLES = {
    "sw2": ("#1f1f1f", "-", 1.0),
    "sw7": ("#4477aa", (0, (1, 1.2)), 2.6),
    "sw10": ("#c8442b", "-", 1.2),
    "sw10_long": ("#c8442b", "--", 1.2),
    "edip": ("#228833", "-", 1.0),
    "tersoff": ("#aa7733", "-", 1.0),
}
_TOGETHER = 0.3  # per cent
_MARKS = {"SW": "s", "EDIP": "D", "Tersoff": "^"}


def draw_pareto(labels: dict[str, str], fronts: dict[str, list[Place]], points: list[Place]) -> Drawing:
    """Fronts as lines with their fits as dots; published parameters as open symbols."""
    figure = Figure(figsize=(7.0, 3.5), layout="constrained")
    left, right = figure.subplots(1, 2)
    for key, front in fronts.items():
        color, line, width = _STYLES[key]
        look = {"color": color, "linestyle": line, "linewidth": width, "marker": ".", "markersize": 4}
        elastic = [place.elastic for place in front]
        left.plot(elastic, [place.phonons for place in front], label=labels[key], **look)
        right.plot(elastic, [place.ta_x for place in front], **look)
    for place in points:
        look = {"marker": _MARKS[place.form.split()[0]], "color": "none", "markeredgecolor": "#555555", "markersize": 5}
        for axes, height in ((left, place.phonons), (right, place.ta_x)):
            axes.plot(place.elastic, height, **look)
    for name, place in _numbered(points):
        for axes, height in ((left, place.phonons), (right, place.ta_x)):
            axes.annotate(name, (place.elastic, height), (4, 3), textcoords="offset points", fontsize=6.5)
    target = float(targets_of_reference()[1][1, 0])
    right.axhline(target, color="black", linewidth=0.6, linestyle=":")
    right.annotate("PBE", (0.02, target), xycoords=("axes fraction", "data"), va="bottom", fontsize=7)
    left.set_ylabel("phonons Γ, X, L: rms error (%)")
    right.set_ylabel("TA(X) (THz)")
    for axes in (left, right):
        axes.set_xlabel("C11, C12, C44: rms error (%)")
        axes.set_xlim(left=0)
    left.set_ylim(bottom=0)
    names = "   ".join(f"{number} {place.form}" for number, place in enumerate(points, start=1))
    figure.legend(*left.get_legend_handles_labels(), loc="outside upper center", ncols=6, columnspacing=1.2)
    figure.supxlabel(_wrapped(names), fontsize=6.5)
    return Drawing(figure, columns(fronts, points))


def _numbered(points: list[Place]) -> list[tuple[str, Place]]:
    """Labels of the points, one for those that lie on each other."""
    found: list[tuple[str, Place]] = []
    for number, place in enumerate(points, start=1):
        here = [i for i, (_, other) in enumerate(found) if abs(place.elastic - other.elastic) < _TOGETHER]
        if here:
            found[here[0]] = f"{found[here[0]][0]}, {number}", found[here[0]][1]
        else:
            found.append((str(number), place))
    return found


def _wrapped(text: str) -> str:
    words = text.split("   ")
    middle = (len(words) + 1) // 2
    return "   ".join(words[:middle]) + "\n" + "   ".join(words[middle:])


HEADER = ("form", "weight ratio", "elastic rms (%)", "phonons rms (%)", "TA(X) (THz)", *CONSTANTS, "stress (GPa)")


def line_of(place: Place) -> list:
    """A row of the table."""
    numbers = [place.elastic, place.phonons, place.ta_x, *place.constants, place.stress]
    return [place.form, place.ratio, *(float(number) for number in numbers)]


def columns(fronts: dict[str, list[Place]], points: list[Place]) -> dict[str, list]:
    """Everything that is drawn."""
    rows = [line_of(place) for front in fronts.values() for place in front] + [line_of(place) for place in points]
    return dict(zip(HEADER, map(list, np.array(rows, object).T), strict=True))


def sentence(fronts: dict[str, list[Place]], labels: dict[str, str]) -> str:
    """What the forms can do, from their fronts' ends."""
    elastic, phonons = targets_of_reference()
    parts = []
    for key, front in fronts.items():
        best, other = front[0], front[-1]
        parts.append(
            f"{labels[key]}: C to {best.elastic:.1f} % with phonons at {best.phonons:.0f} % and TA(X) {best.ta_x:.2f}; "
            f"phonons to {other.phonons:.1f} % with C at {other.elastic:.0f} % and TA(X) {other.ta_x:.2f}"
        )
    head = f"PBE at {lattice_constant():.3f} Å: C {np.round(elastic, 1).tolist()} GPa, TA(X) {phonons[1, 0]:.2f} THz."
    return "\n".join([head, *parts])
