"""Whether predicted deviations can be believed."""

from diffsim.report.figures.base import AFTER, BEFORE, REFERENCE, Columns, Drawing, blank


def draw_reliability(columns: Columns) -> Drawing:
    """Root mean square errors against predicted deviations, as they are and scaled, a panel for each kind of label."""
    labels = list(dict.fromkeys(columns["label"]))
    figure, panels = blank(2.2 * len(labels), panels=len(labels), squeeze=False)
    for axes, label in zip(panels[:, 0], labels, strict=True):
        rows = [n for n, one in enumerate(columns["label"]) if one == label]
        raw, scaled, error = ([float(columns[name][n]) for n in rows] for name in ("deviation", "scaled", "error"))
        ends = [0.0, max(*scaled, *error)]
        axes.plot(ends, ends, color=REFERENCE, linewidth=0.6)
        axes.plot(raw, error, "o", color=BEFORE, markersize=3, label="as predicted")
        axes.plot(scaled, error, "o", color=AFTER, markersize=3, label="scaled")
        unit = columns["unit"][rows[0]]
        axes.set_xlabel(f"predicted deviation of {label} ({unit})")
        axes.set_ylabel(f"RMS error ({unit})")
        axes.legend()
    return Drawing(
        figure,
        "Errors of the test set against what was predicted of them, in bins of as many cases: on the line where "
        "deviations can be believed. One factor for each kind of label, from the validation set, scales them.",
    )
