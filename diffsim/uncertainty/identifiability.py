"""What a fit cannot do, in plain words: before it where that can be seen, and after it."""

import numpy as np

from diffsim.uncertainty.local import Component, LocalModel
from diffsim.uncertainty.parameters import SLOPPY, determination, resting, spelled

_NOTHING = 1e-9  # of the largest derivative: below, a number does not move
_REACH = 0.3  # of ln |θ|: how far first order is taken at its word
_FAR = 2.0  # scales: a component further off than this is worth a sentence
_SENTENCES = 5


def blind_spots(model: LocalModel) -> list[str]:
    """Parameters that no target depends on, targets that no parameter moves, combinations that are left open."""
    jacobian = model.jacobian[: len(model.fitted)]
    columns, rows = np.abs(jacobian).max(axis=0, initial=0.0), np.abs(jacobian).max(axis=1, initial=0.0)
    largest = max(columns.max(initial=0.0), 1e-300)
    idle = [label for label, column in zip(model.labels, columns, strict=True) if column < _NOTHING * largest]
    still = [c for c, row in zip(model.fitted, rows, strict=True) if row < _NOTHING * largest and c.weight > 0]
    found = [f"No target depends on {label}: leave it out of `trainable`." for label in idle]
    moving = [c for c in still if abs(c.residual) > 1e-6]
    found += [f"None of these parameters moves {_joined(group)}." for group in _by_target(moving)]
    known = determination(model)
    open_ = known.open_combinations - len(idle)
    if open_ > 0:
        found.append(
            f"The targets leave {open_} combination{'s' if open_ > 1 else ''} of the {len(model.labels)} free numbers "
            f"open, among them {spelled(model, known.softest)}: add targets or priors, or train fewer parameters."
        )
    return found


def verdicts(model: LocalModel) -> list[str]:
    """What is still off after the fit and why, and how well the parameters are determined."""
    found = []
    known = determination(model)
    if SLOPPY < known.condition < np.inf:
        found.append(
            f"The Fisher matrix has a condition number of {known.condition:.0e}: {spelled(model, known.softest)} is "
            "hardly determined, and errors of single parameters mean little."
        )
    groups = _by_target([c for c in model.fitted if abs(c.residual) > _FAR])
    worst = sorted(groups, key=lambda group: -max(abs(c.residual) for c in group))
    return found + [_why(model, group) for group in worst[:_SENTENCES]]


def _why(model: LocalModel, group: list[Component]) -> str:
    """Whether the worst number of a target is out of reach, or in the way of others."""
    component = max(group, key=lambda c: abs(c.residual))
    index = next(i for i, c in enumerate(model.fitted) if c is component)
    jacobian, residuals, free = model.jacobian, model.residuals, resting(model)
    off = f"{component.name} stays {abs(component.residual):.1f} scales too {'high' if _high(component) else 'low'}"
    wanted = "lower" if _high(component) else "raise"
    size = np.where(model.logarithmic | (model.free == 0), 1.0, np.abs(model.free)) * free
    if np.abs(jacobian[index] * size).sum() * _REACH < abs(residuals[index]):
        return f"{off}: these parameters cannot {wanted} it to its reference, not even all of them by {_REACH:.0%}."
    fisher = jacobian[:, free].T @ jacobian[:, free]
    away = np.linalg.lstsq(fisher, jacobian[index, free], rcond=1e-14)[0]
    leverage = max(float(jacobian[index, free] @ away), 1e-300)
    change = jacobian[:, free] @ (-away * residuals[index] / leverage)
    cost = 0.5 * ((residuals + change) ** 2 - residuals**2)
    price = float(cost.sum())
    if price <= 0:
        return f"{off}, but the fit is not at a minimum yet: more updates can {wanted} it."
    rival = int(np.argmax(cost))
    against = model.fitted[rival].name if rival < len(model.fitted) else "the priors"
    return f"{off}: to {wanted} it to its reference would add {price:.3g} to the loss, most of it for {against}."


def _high(component: Component) -> bool:
    return component.prediction > component.reference


def _by_target(components: list[Component]) -> list[list[Component]]:
    groups: dict[tuple[str, str, str], list[Component]] = {}
    for c in components:
        groups.setdefault((c.experiment, c.target, c.label.split(" ")[0]), []).append(c)
    return list(groups.values())


def _joined(group: list[Component]) -> str:
    first, last = group[0].name, group[-1].label
    return first if len(group) == 1 else f"{first} … {last}"
