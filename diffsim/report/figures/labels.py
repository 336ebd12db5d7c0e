"""What a potential says of labelled structures against their labels."""

import numpy as np

from diffsim.report.figures.base import AFTER, BEFORE, Columns, Drawing, blank


def draw_labels(columns: Columns) -> Drawing:
    """Predictions against labels, those of the test set in front."""
    unit = str(columns["unit"][0])
    test = np.array([part == "test" for part in columns["part"]])
    others = " and ".join(dict.fromkeys(part for part in columns["part"] if part != "test"))
    reference, found = (np.array(columns[name], float) for name in ("label", "prediction"))
    figure, axes = blank(3.0)
    low, high = min(reference.min(), found.min()), max(reference.max(), found.max())
    margin = 0.05 * (high - low) or 1.0
    axes.plot([low - margin, high + margin], [low - margin, high + margin], color="black", linewidth=0.6)
    for here, color, label in ((~test, BEFORE, others), (test, AFTER, "test")):
        axes.plot(reference[here], found[here], ".", color=color, markersize=3, label=label, rasterized=True)
    axes.set_xlabel(f"label ({unit})")
    axes.set_ylabel(f"prediction ({unit})")
    axes.set_aspect("equal", adjustable="datalim")
    axes.legend()
    return Drawing(figure, "Predictions against labels: on the line where they agree.")
