"""Learning curves: losses and errors after each epoch."""

from diffsim.report.figures.base import AFTER, BEFORE, Columns, Drawing, blank

_ERRORS = {"energy_rmse": "energy (meV/atom)", "forces_rmse": "forces (meV/Å)", "stress_rmse": "stress (MPa)"}


def draw_learning(columns: Columns) -> Drawing:
    """The loss of training and validation above, errors of the validation set below."""
    figure, (above, below) = blank(3.6, panels=2, sharex=True)
    above.semilogy(columns["epoch"], columns["loss"], color=BEFORE, label="training")
    above.semilogy(columns["epoch"], columns["validation_loss"], color=AFTER, label="validation")
    above.set_ylabel("loss")
    above.legend()
    for style, (name, label) in zip(("-", "--", ":"), _ERRORS.items(), strict=True):
        if any(value == value for value in columns[name]):
            below.semilogy(columns["epoch"], columns[name], style, color=AFTER, label=label)
    below.set_ylabel("RMSE of validation")
    below.set_xlabel("epoch")
    below.legend()
    return Drawing(
        figure, "Loss after each epoch, and root-mean-square errors on structures that are not learned from."
    )
