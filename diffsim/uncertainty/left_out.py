"""Leave one target out: how well the others predict it.

Each refit starts from the fitted parameters. A target is left out by a weight of zero, so nothing is compiled again.
"""

from __future__ import annotations

from typing import NamedTuple

import equinox as eqx
import jax.numpy as jnp
import numpy as np
import optimistix as optx
from jaxtyping import Array, Float

from diffsim.fit import Plateau
from diffsim.optimizers import LeastSquares, Moved, Problem, with_room
from diffsim.targets import components

_STEPS = 20
_STOP = Plateau(rtol=1e-4, patience=2)


class LeftOut(NamedTuple):
    """One number of a target: predicted by the fit to everything, and by the fit to everything else."""

    experiment: str
    target: str
    label: str
    unit: str
    reference: float
    scale: float
    with_it: float
    without_it: float


def leave_one_out(problem: Problem, free: Float[Array, " free"]) -> list[LeftOut]:
    """Every target in turn; NaN where the refit finds no structure."""
    targets = [(name, key) for name, experiment in problem.experiments.items() for key in experiment.targets]
    weighted = [at for at in targets if float(_target(problem, *at).weight) > 0]
    if len(weighted) < 2:
        return []
    found = []
    all_of_them = _refitted(problem, free, steps=0)
    for name, key in weighted:
        target = _target(problem, name, key)
        without = eqx.tree_at(lambda p: _target(p, name, key).weight, problem, jnp.zeros_like(target.weight))  # noqa: B023
        try:
            predicted = _refitted(without, free, steps=_STEPS)[name][key].reshape(-1)
        except ValueError:
            predicted = np.full(target.reference.size, np.nan)
        before = all_of_them[name][key].reshape(-1)
        for (label, reference, scale), once, again in zip(components(target), before, predicted, strict=True):
            unit = target.observable.unit
            found.append(LeftOut(name, key, label, unit, reference, scale, float(once), float(again)))
    return found


def _target(problem: Problem, name: str, key: str):
    return problem.experiments[name].targets[key]


def _refitted(problem: Problem, free: Float[Array, " free"], steps: int) -> dict[str, dict[str, np.ndarray]]:
    """Predictions after a few updates of Levenberg–Marquardt."""
    method = LeastSquares(optx.LevenbergMarquardt(rtol=1e-8, atol=1e-8))
    problem, moved = with_room(problem, lambda p: method.start(p, free))
    losses = [float(moved.outcome.loss)]
    for _ in range(steps):
        at, memory = moved.free, moved.memory
        problem, moved = with_room(problem, lambda p: method.update(p, at, memory))  # noqa: B023
        losses.append(float(moved.outcome.loss))
        if moved.done or _STOP.reached(losses):
            break
    return _numbers(moved)


def _numbers(moved: Moved) -> dict[str, dict[str, np.ndarray]]:
    return {n: {k: np.asarray(v) for k, v in inner.items()} for n, inner in moved.outcome.predictions.items()}
