"""Everything near the fitted parameters to first order: predictions, and how each follows each free number."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from jaxtyping import Array, Bool, Float

from diffsim.bounds import reached
from diffsim.experiment import Experiment
from diffsim.optimizers import Linear, Outcome, Problem, linear_model
from diffsim.optimizers.problem import value
from diffsim.targets import Target, components, saturated

MANY = 500  # free numbers: first order carries a tangent for each, so with more it is not looked at
_LISTS = 20  # how often neighbour lists are made longer before a structure is given up


class Component(NamedTuple):
    """One number that is predicted."""

    experiment: str
    target: str
    label: str
    unit: str
    reference: float
    scale: float
    weight: float
    prediction: float
    slope: Float[np.ndarray, " free"]  # derivative of the prediction by the free numbers
    bound: float | None = None  # in scales

    @property
    def name(self) -> str:
        """What to call it in a sentence."""
        return name_of(self.target, self.label)

    @property
    def residual(self) -> float:
        """√w (prediction − reference) / scale, saturated where there is a bound."""
        return float(np.sqrt(self.weight) * saturated(self._off, self.bound))

    @property
    def steepness(self) -> float:
        """Derivative of the residual by the prediction."""
        flat = 1.0 if self.bound is None else (1 + (self._off / self.bound) ** 2) ** -1.5
        return float(np.sqrt(self.weight) / self.scale * flat)

    @property
    def _off(self) -> float:
        return (self.prediction - self.reference) / self.scale


def name_of(target: str, label: str) -> str:
    """What to call a number of a target: `elastic constants C11`, and once what would be said twice."""
    words = target.replace("_", " ")
    return words if label in (target, words) else f"{words} {label}"


class LocalModel(NamedTuple):
    """The fit to first order, priors included. Free numbers are ln θ of positive parameters, θ of others."""

    labels: tuple[str, ...]  # of the free numbers
    logarithmic: Bool[np.ndarray, " free"]
    free: Float[np.ndarray, " free"]
    bounds: np.ndarray  # −1 on the lower bound, 1 on the upper, 0 inside
    pull: Float[np.ndarray, " free"]  # residuals of the priors
    stiffness: Float[np.ndarray, " free"]  # 1 / width of the priors, 0 where there is none
    fitted: list[Component]
    held_out: list[Component]

    @property
    def residuals(self) -> Float[np.ndarray, " residuals"]:
        """Those of the targets, then those of the priors."""
        return np.array([*(component.residual for component in self.fitted), *self.pull])

    @property
    def jacobian(self) -> Float[np.ndarray, "residuals free"]:
        """Derivatives of the residuals by the free numbers."""
        rows = [c.steepness * c.slope for c in self.fitted]
        return np.concatenate([np.reshape(rows, (len(rows), len(self.free))), np.diag(self.stiffness)])


def looked_at(problem: Problem, experiments: Mapping[str, Experiment]) -> dict[str, Problem]:
    """Experiments that nothing is fitted to, one problem each, over the same free numbers."""
    potential = problem.potential
    return {
        name: Problem(potential, {name: experiment}, {name: experiment.start(potential)}, problem.parametrization)
        for name, experiment in experiments.items()
    }


def local_model(
    problem: Problem, free: Float[Array, " free"], others: Mapping[str, Problem] | None = None
) -> LocalModel:
    """The linear model of all targets, and of those looked at (NaN where the potential has no such structure)."""
    held = problem.parametrization
    unseen: list[Component] = []
    for other in (others or {}).values():
        unseen += _listed(other.experiments, linearized(other, free)[1])
    widths, start, x = (np.asarray(array) for array in (held.widths, held.start, free))
    return LocalModel(
        labels=held.labels,
        logarithmic=held.logarithmic,
        free=x,
        bounds=reached(x, np.asarray(held.lower), np.asarray(held.upper)),
        pull=(x - start) / widths,
        stiffness=1 / widths,
        fitted=_listed(problem.experiments, linearized(problem, free)[1]),
        held_out=unseen,
    )


def linearized(problem: Problem, free: Float[Array, " free"]) -> tuple[Problem, Linear]:
    """The linear model, with neighbour lists made longer where they were too short; NaN where that does not end."""
    for _ in range(_LISTS):
        model = linear_model(problem, free)
        if _final(model.outcome):
            break
        problem = problem.relisted(free, model.outcome.systems)
    return problem, model


def outcome_at(problem: Problem, free: Float[Array, " free"]) -> Outcome:
    """What is predicted; of the linear model, which is asked for in any case, unless free numbers are too many."""
    if len(free) <= MANY:
        return linearized(problem, free)[1].outcome
    for _ in range(_LISTS):
        outcome = value(problem, free)
        if _final(outcome):
            break
        problem = problem.relisted(free, outcome.systems)
    return outcome


def _final(outcome: Outcome) -> bool:
    """Whether longer lists are of no use."""
    lost = not all(np.isfinite(system.positions).all() for system in outcome.systems.values())
    return lost or not outcome.overflow


def _listed(experiments: Mapping[str, Experiment], model: Linear) -> list[Component]:
    found = []
    for name, experiment in experiments.items():
        for key, target in experiment.targets.items():
            prediction, slopes = model.outcome.predictions[name][key], model.slopes[name][key]
            found += _of_target(name, key, target, np.asarray(prediction), np.asarray(slopes))
    return found


def _of_target(name: str, key: str, target: Target, prediction: np.ndarray, slopes: np.ndarray) -> list[Component]:
    numbers = zip(components(target), prediction.reshape(-1), slopes.reshape(-1, slopes.shape[-1]), strict=True)
    unit, weight = target.observable.unit, float(target.weight)
    return [
        Component(name, key, label, unit, reference, scale, weight, float(value), slope, target.bound)
        for (label, reference, scale), value, slope in numbers
    ]
