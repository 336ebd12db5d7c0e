"""What is looked at beside the fit itself: blind spots before it; held-out properties, figures and errors after it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import numpy as np

from diffsim.experiment import check
from diffsim.fit import problem_of
from diffsim.fit_state import FitState
from diffsim.optimizers import Problem
from diffsim.potentials.base import AbstractPotential
from diffsim.report.card import on_the_card
from diffsim.report.confirmed import confirmed_ranges
from diffsim.report.figures import AbstractFigure
from diffsim.report.results import Results, Shown, Update
from diffsim.uncertainty import MANY, after, blind_spots, linearized, local_model, looked_at, outcome_at, too_many


class Before(NamedTuple):
    """What is seen before a fit."""

    spots: list[str]  # parameters that no target depends on, targets that no parameter moves
    unseen: dict[str, dict[str, np.ndarray]]  # predictions of the held-out experiments
    pictured: dict[str, dict[str, np.ndarray]]  # and of those of the figures


def before(parts: Mapping[str, Any], start: AbstractPotential) -> Before:
    """Looks at everything where the fit starts, compiled side by side: the compiler uses one core, and much memory."""
    problem = problem_of(start, parts["experiments"], parts["trainable"])
    first = problem.parametrization.start
    unseen, pictures = looked_at(problem, parts["held_out"]), looked_at(problem, _pictured(parts["figures"]))
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        seen = pool.submit(_blind_spots, problem, first)
        others = pool.map(lambda named: _predicted(named, first), [*unseen.items(), *pictures.items()])
        found = list(others)
        return Before(seen.result(), dict(found[: len(unseen)]), dict(found[len(unseen) :]))


def _blind_spots(problem: Problem, free: Any) -> list[str]:
    return blind_spots(local_model(problem, free)) if len(free) <= MANY else []


def check_looked_at(parts: Mapping[str, Any], start: AbstractPotential) -> None:
    """Refuses held-out targets and figures of a wrong shape, before anything is compiled."""
    for name, experiment in {**parts["held_out"], **_pictured(parts["figures"])}.items():
        check(name, experiment, start, experiment.start(start))


def analysed(
    parts: Mapping[str, Any], start: AbstractPotential, last: FitState, history: list[Update], begun: Before
) -> Results:
    """Everything that a report says of a finished fit."""
    problem = problem_of(start, parts["experiments"], parts["trainable"])
    free = last.memory.free
    problem = problem.starting_from(last.memory.states)
    unseen, pictures = looked_at(problem, parts["held_out"]), looked_at(problem, _pictured(parts["figures"]))
    few = len(free) <= MANY
    return Results(
        name=parts["name"],
        fitted=parts["experiments"],
        held_out=parts["held_out"],
        before=start,
        after=last.potential,
        predicted_before=last.start | begun.unseen,
        predicted_after=last.predictions | dict(_predicted(named, free) for named in unseen.items()),
        first_loss=last.losses[0],
        history=history,
        trained=problem.parametrization.names,
        expected=begun.spots,
        uncertainty=after(problem, free, unseen) if few else too_many(problem.parametrization),
        shown={name: _shown(name, picture, free, begun.pictured[name]) for name, picture in pictures.items()},
        confirmed=confirmed_ranges([problem, *on_the_card(pictures, parts["figures"])], free) if few else [],
    )


def _pictured(figures: Mapping[str, AbstractFigure]) -> dict[str, Any]:
    """The experiments of those figures that have one."""
    return {name: figure.experiment for name, figure in figures.items() if figure.experiment is not None}


def _predicted(named: tuple[str, Problem], free: Any) -> tuple[str, dict[str, np.ndarray]]:
    """Of the problem's only experiment."""
    name, problem = named
    return name, _numbers(outcome_at(problem, free).predictions[name])


def _shown(name: str, picture: Problem, free: Any, before: dict[str, np.ndarray]) -> Shown:
    slopes = _numbers(linearized(picture, free)[1].slopes[name]) if len(free) <= MANY else {}
    return Shown(before, _predicted((name, picture), free)[1], slopes)


def _numbers(tree: Mapping[str, Any]) -> dict[str, np.ndarray]:
    return {key: np.asarray(value) for key, value in tree.items()}
