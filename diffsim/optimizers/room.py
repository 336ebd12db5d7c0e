"""A move of an optimizer, with neighbour lists that have room for it."""

from collections.abc import Callable

import numpy as np

from diffsim.optimizers.base import Moved
from diffsim.optimizers.problem import Outcome, Problem

_ROOM = 0.3  # Å: lists that reach less far beyond the cutoff than this are made again before the next update
_TRIES = 8


def with_room(problem: Problem, move: Callable[[Problem], Moved]) -> tuple[Problem, Moved]:
    """Moves, again with longer neighbour lists where they were too short, and renews those that soon will be.

    **Raises** `SimulationError` where a trajectory went wrong, any other `ValueError` where nothing else is left.
    """
    for attempt in range(_TRIES):
        moved = move(problem)
        free, outcome = moved.free, moved.outcome
        moving = [name for name, experiment in problem.experiments.items() if not experiment.is_static]
        lost = [name for name, system in outcome.systems.items() if not np.isfinite(system.positions).all()]
        if lost or not (outcome.overflow or np.isfinite(outcome.loss)):
            _blame(problem, moved, moving)
        # what moves loses atoms where a list is too short
        crowded = outcome.overflow and not set(lost) - set(moving) and attempt < _TRIES - 1
        if attempt == 0 and moving and _has_no_slope(outcome):  # perhaps a list too short for the way back alone
            problem = problem.relisted(free, outcome.systems)
            continue
        if (lost and not crowded) or not (outcome.overflow or np.isfinite(outcome.loss)):
            raise ValueError(_lost(outcome, lost, moving))
        if outcome.overflow:
            problem = problem.relisted(free, outcome.systems)
            continue
        problem = problem.starting_from(problem.states | outcome.states)
        cutoff = problem.at(free).cutoff + _ROOM
        resting = {name: state for name, state in problem.states.items() if name not in moving}
        if any(state.neighbors.overflow(outcome.systems[name], cutoff) for name, state in resting.items()):
            systems = {name: outcome.systems[name] for name in resting}
            problem = problem.starting_from(problem.states | problem.relisted(free, systems).states)
        return problem, moved
    raise ValueError("a structure keeps growing out of its neighbour list: take smaller steps")


def _blame(problem: Problem, moved: Moved, moving: list[str]) -> None:
    """Raises what is to be said of a trajectory that went wrong, if one did."""
    potential = problem.at(moved.free)
    for name in moving:
        predictions = moved.outcome.predictions[name].values()
        there = np.isfinite(moved.outcome.systems[name].positions).all()
        if there and all(np.isfinite(value).all() for value in predictions):
            continue
        if error := problem.experiments[name].explained(name, potential, problem.states[name]):
            raise error


def _has_no_slope(outcome: Outcome) -> bool:
    """Whether only derivatives are not finite."""
    found = [value for predictions in outcome.predictions.values() for value in predictions.values()]
    return not outcome.overflow and not np.isfinite(outcome.loss) and all(np.isfinite(value).all() for value in found)


def _lost(outcome: Outcome, lost: list[str], moving: list[str]) -> str:
    where = f" in experiment {lost[0]!r}" if lost else ""
    if not lost and _has_no_slope(outcome):
        return (
            "the predictions are finite, but their derivatives are not; of a trajectory differentiate fewer steps "
            "(Truncated), or weigh its frames (Reweighting)"
        )
    if lost and lost[0] in moving:
        return (
            f"the loss is {float(outcome.loss)}: positions stop being finite{where}; start closer to a sensible "
            "potential, take smaller steps in the parameters, or a shorter time step"
        )
    return (
        f"the loss is {float(outcome.loss)}: no minimum was found{where}, or a structure left the radius of "
        "its neighbour list; start closer to a sensible potential, or take smaller steps"
    )
