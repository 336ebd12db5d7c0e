"""What is looked at beside the fit itself: blind spots before it; held-out properties, figures and errors after it."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from diffsim.experiment import check
from diffsim.fields import parameters
from diffsim.fit import FitState, problem_of
from diffsim.optimizers import Problem
from diffsim.potentials.base import AbstractPotential
from diffsim.report.card import on_the_card
from diffsim.report.confirmed import confirmed_ranges
from diffsim.report.figures import AbstractFigure
from diffsim.report.results import Predictions, Results, Shown, Update
from diffsim.uncertainty import Component, after, blind_spots, linearized, local_model, looked_at


def expected(parts: Mapping[str, Any], start: AbstractPotential) -> list[str]:
    """What can be seen before a fit: parameters that no target depends on, targets that no parameter moves."""
    problem = problem_of(start, parts["experiments"], parts["trainable"])
    return blind_spots(local_model(problem, problem.parametrization.start))


def check_looked_at(parts: Mapping[str, Any], start: AbstractPotential) -> None:
    """Refuses held-out targets and figures of a wrong shape, before anything is compiled."""
    for name, experiment in {**parts["held_out"], **_pictured(parts["figures"])}.items():
        check(name, experiment, start, experiment.start(start))


def analysed(
    parts: Mapping[str, Any], start: AbstractPotential, last: FitState, history: list[Update], spots: list[str]
) -> Results:
    """Everything that a report says of a finished fit."""
    problem = problem_of(start, parts["experiments"], parts["trainable"])
    first, free = problem.parametrization.start, last.memory.free
    problem = problem.starting_from(last.memory.states)
    unseen, pictures = looked_at(problem, parts["held_out"]), looked_at(problem, _pictured(parts["figures"]))
    begun = _side_by_side([*unseen.items(), *pictures.items()], first)
    begun_unseen, begun_pictures = dict(begun[: len(unseen)]), dict(begun[len(unseen) :])
    known = after(problem, free, unseen)
    return Results(
        name=parts["name"],
        fitted=parts["experiments"],
        held_out=parts["held_out"],
        before=start,
        after=last.potential,
        predicted_before=last.start | begun_unseen,
        predicted_after=last.predictions | _by_target(parts["held_out"], known.model.held_out),
        first_loss=last.losses[0],
        history=history,
        trained=tuple(parts["trainable"] or parameters(start)),
        expected=spots,
        uncertainty=known,
        shown={name: _shown(name, picture, free, begun_pictures[name]) for name, picture in pictures.items()},
        confirmed=confirmed_ranges([problem, *on_the_card(pictures, parts["figures"])], free),
    )


def _pictured(figures: Mapping[str, AbstractFigure]) -> dict[str, Any]:
    """The experiments of those figures that have one."""
    return {name: figure.experiment for name, figure in figures.items() if figure.experiment is not None}


def _side_by_side(problems: list[tuple[str, Problem]], free: Any) -> list[tuple[str, dict[str, np.ndarray]]]:
    """Predictions of each problem's experiment; all are compiled at once, for the compiler uses a single core."""
    with ThreadPoolExecutor() as pool:
        models = pool.map(lambda named: linearized(named[1], free)[1], problems)
        return [(name, _numbers(m.outcome.predictions[name])) for (name, _), m in zip(problems, models, strict=True)]


def _shown(name: str, picture: Problem, free: Any, before: dict[str, np.ndarray]) -> Shown:
    model = linearized(picture, free)[1]
    return Shown(before, _numbers(model.outcome.predictions[name]), _numbers(model.slopes[name]))


def _numbers(tree: Mapping[str, Any]) -> dict[str, np.ndarray]:
    return {key: np.asarray(value) for key, value in tree.items()}


def _by_target(experiments: Mapping[str, Any], components: list[Component]) -> Predictions:
    found: Predictions = {}
    for name, experiment in experiments.items():
        found[name] = {}
        for key, target in experiment.targets.items():
            mine = [c.prediction for c in components if (c.experiment, c.target) == (name, key)]
            found[name][key] = np.reshape(mine, target.reference.shape)
    return found
