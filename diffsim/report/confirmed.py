"""How far first order can be trusted: check runs with each free number moved, down and up."""

from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from diffsim.optimizers import Linear, Problem, linear_model
from diffsim.uncertainty import linearized

_SHARES = (0.01, 0.02, 0.05, 0.1, 0.2)  # of a parameter
_OF_CHANGE = 0.1  # deviation from first order that counts as confirmed: of the largest change of the same target …
_OF_SCALE = 0.2  # … or of its scale


class Range(NamedTuple):
    """Changes of a free number, as shares of the parameter, within which check runs confirmed first order."""

    low: float
    high: float


def confirmed_ranges(problems: Sequence[Problem], free: jax.Array) -> list[Range]:
    """The range of each free number over all these experiments; (0, 0) where not even one per cent was confirmed."""
    known = [linearized(problem, free) for problem in problems]
    return [Range(_reach(known, free, index, -1), _reach(known, free, index, 1)) for index in range(len(free))]


def _reach(known: Sequence[tuple[Problem, Linear]], free: jax.Array, index: int, sign: int) -> float:
    reached = 0.0
    for share in _SHARES:
        step = _step(known[0][0], free, index, sign * share)
        if not all(_confirmed(problem, model, free, step) for problem, model in known):
            break
        reached = sign * share
    return reached


def _step(problem: Problem, free: jax.Array, index: int, share: float) -> jax.Array:
    """A change of one parameter by a share of itself (of 1 where it is zero)."""
    held = problem.parametrization
    size = np.log1p(share) if held.logarithmic[index] else share * (abs(float(free[index])) or 1.0)
    return jnp.zeros_like(free).at[index].set(size)


def _confirmed(problem: Problem, model: Linear, free: jax.Array, step: jax.Array) -> bool:
    outcome = linear_model(problem, free + step).outcome  # compiled already: the derivatives are thrown away
    if outcome.overflow:
        return False
    for name, experiment in problem.experiments.items():
        for key, target in experiment.targets.items():
            at_the_fit = np.asarray(model.outcome.predictions[name][key])
            change = np.asarray(outcome.predictions[name][key]) - at_the_fit
            expected = np.asarray(model.slopes[name][key] @ step)
            there = np.isfinite(at_the_fit)  # what has no structure at the fit promises nothing
            largest = np.abs(expected[there]).max(initial=0.0)
            allowed = np.maximum(_OF_SCALE * np.asarray(target.scale), _OF_CHANGE * largest)
            if not (np.abs(change - expected) <= allowed)[there].all():
                return False
    return True
