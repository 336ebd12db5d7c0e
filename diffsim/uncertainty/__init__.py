"""After a fit: how well parameters and predictions are known, and what the fit could not do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from jaxtyping import Array, Float

from diffsim.experiment import Experiment
from diffsim.fit import problem_of
from diffsim.fit_state import FitState
from diffsim.optimizers import Problem
from diffsim.parametrization import Parametrization, Trainable
from diffsim.potentials.base import AbstractPotential
from diffsim.uncertainty.identifiability import blind_spots as blind_spots
from diffsim.uncertainty.identifiability import verdicts as verdicts
from diffsim.uncertainty.left_out import LeftOut as LeftOut
from diffsim.uncertainty.left_out import leave_one_out as leave_one_out
from diffsim.uncertainty.local import MANY as MANY
from diffsim.uncertainty.local import Component as Component
from diffsim.uncertainty.local import LocalModel as LocalModel
from diffsim.uncertainty.local import linearized as linearized
from diffsim.uncertainty.local import local_model as local_model
from diffsim.uncertainty.local import looked_at as looked_at
from diffsim.uncertainty.local import name_of as name_of
from diffsim.uncertainty.local import outcome_at as outcome_at
from diffsim.uncertainty.parameters import SLOPPY as SLOPPY
from diffsim.uncertainty.parameters import Determination as Determination
from diffsim.uncertainty.parameters import determination as determination
from diffsim.uncertainty.parameters import spelled as spelled
from diffsim.uncertainty.predictions import Interval as Interval
from diffsim.uncertainty.predictions import intervals as intervals


class Uncertainty(NamedTuple):
    """What is known after a fit, to first order around the fitted parameters."""

    model: LocalModel
    parameters: Determination
    fitted: list[Interval]
    held_out: list[Interval]
    left_out: list[LeftOut]
    sentences: list[str]  # what the fit could not do


def uncertainty(
    start: AbstractPotential,
    experiments: Mapping[str, Experiment] | Sequence[Experiment],
    state: FitState,
    *,
    trainable: Trainable = None,
    held_out: Mapping[str, Experiment] | None = None,
) -> Uncertainty:
    """Errors of the parameters and of every prediction of a fit, leave-one-target-out, and plain words.

    `start`, `experiments` and `trainable` are what `fit` was given, `state` what it yielded last. The covariance is
    Laplace's, (JᵀJ)⁻¹ in ln θ of positive parameters and θ of others; see `diffsim.uncertainty.predictions` for the
    errors of predictions.

    **Raises** `ValueError` for more than 500 free numbers, of a network for instance.
    """
    problem = problem_of(start, experiments, trainable, kept=state.memory.gradients)
    if len(problem.parametrization.start) > MANY:
        raise ValueError(too_many(problem.parametrization))
    others = looked_at(problem, held_out or {})
    return after(problem.starting_from(state.memory.states), state.memory.free, others)


def too_many(held: Parametrization) -> str:
    """Why a fit is not looked at to first order."""
    return (
        f"{len(held.start)} free numbers are too many for errors to first order, which are for {MANY} at most: "
        "an Ensemble tells how far networks disagree"
    )


def after(problem: Problem, free: Float[Array, " free"], others: Mapping[str, Problem]) -> Uncertainty:
    """The same, of a problem that has been set up, and others that are looked at."""
    model = local_model(problem, free, others)
    known = determination(model)
    fitted, unseen = (intervals(model, known, components) for components in (model.fitted, model.held_out))
    sentences = [*blind_spots(model), *verdicts(model)]
    return Uncertainty(model, known, fitted, unseen, leave_one_out(problem, free), sentences)
