"""SciPy's minimisers as baselines: the study of 2025 and most of the field use them.

`scipy.optimize.minimize` runs from its start to its end and cannot be stepped. Each update therefore runs it again from
the first start, answers from the evaluations stored so far, and stops it one iteration further: the same evaluations in
the same order, and nothing to keep but numbers.
"""

from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
import scipy.optimize
from jaxtyping import Array, Float

from diffsim.fields import constant
from diffsim.optimizers.base import AbstractMethod, Moved
from diffsim.optimizers.problem import Problem, first_step_scale, slope, value

_METHODS = ("Nelder-Mead", "Powell", "CG", "BFGS", "L-BFGS-B", "SLSQP")
_WITHOUT_GRADIENT = ("Nelder-Mead", "Powell")
_WITHOUT_BOUNDS = ("CG", "BFGS")
_WALL = 1e30  # the loss where there is no structure, or none within the neighbour lists: a step too long


class Evaluations(NamedTuple):
    """What the minimiser has asked for, in that order, and how many iterations it has been given."""

    points: Float[Array | np.ndarray, "evaluations free"]
    losses: Float[Array | np.ndarray, " evaluations"]
    gradients: Float[Array | np.ndarray, "evaluations free"]
    iterations: int


class _Enough(Exception):
    """Leaves SciPy's minimiser at the end of an iteration."""


class Scipy(AbstractMethod):
    """A method of `scipy.optimize.minimize` on the loss; an iteration is an update.

    For methods that use gradients the loss is scaled so that a first step along the gradient moves nothing by more than
    0.1: SciPy takes some first steps at full length, which in log space leaves all structures behind.

    `tolerance` is SciPy's `tol`, whose meaning differs from method to method.

    **Raises** `ValueError` for a method that is not in the list, and for CG and BFGS where parameters have bounds.
    """

    method: str = constant()
    tolerance: float | None = constant(default=None)

    def __check_init__(self) -> None:
        if self.method not in _METHODS:
            raise ValueError(f"SciPy's method must be one of {', '.join(_METHODS)}, got {self.method!r}")

    def start(self, problem: Problem, free: Float[Array, " free"]) -> Moved:
        outcome = value(problem, free)
        nothing = np.zeros((0, len(free)))
        return Moved(free, (free, Evaluations(nothing, np.zeros(0), nothing, 0)), outcome, 0, False)

    def update(self, problem: Problem, free: Float[Array, " free"], memory: Any) -> Moved:
        first, known = memory
        replay = _Replay(self, problem, known)
        try:
            scipy.optimize.minimize(
                replay.evaluate,
                np.asarray(first),
                jac=self.method not in _WITHOUT_GRADIENT,
                method=self.method,
                tol=self.tolerance,
                bounds=self._bounds(problem),
                callback=replay.finish_iteration,
                options={"maxiter": 10**9},
            )
            done = True
        except _Enough:
            done = False
        free = free if replay.reached is None else jnp.asarray(replay.reached)
        evaluations = replay.evaluations()
        new = len(evaluations.losses) - len(known.losses)
        return Moved(free, (first, evaluations), value(problem, free), new, done)

    def _bounds(self, problem: Problem) -> scipy.optimize.Bounds | None:
        lower, upper = np.asarray(problem.parametrization.lower), np.asarray(problem.parametrization.upper)
        if not np.isfinite([lower, upper]).any():
            return None
        if self.method in _WITHOUT_BOUNDS:
            raise ValueError(f"SciPy's {self.method} knows no bounds: take L-BFGS-B, SLSQP or Nelder-Mead")
        return scipy.optimize.Bounds(lower, upper)


class _Replay:
    """Answers from what is stored, then from the experiments, until one iteration more than before is over."""

    def __init__(self, method: Scipy, problem: Problem, known: Evaluations):
        self.method, self.problem = method, problem
        self.points, self.losses, self.gradients = (list(np.asarray(array)) for array in known[:3])
        self.iterations = known.iterations
        self.asked = self.finished = 0
        self.reached: np.ndarray | None = None

    def evaluate(self, point: np.ndarray) -> Any:
        if self.asked == len(self.points):
            self._append(np.array(point))
        number, self.asked = self.asked, self.asked + 1
        if self.method.method in _WITHOUT_GRADIENT:
            return self.losses[number]
        scale = float(first_step_scale(jnp.asarray(self.gradients[0])))
        return scale * self.losses[number], scale * self.gradients[number]

    def _append(self, point: np.ndarray) -> None:
        if self.method.method in _WITHOUT_GRADIENT:
            outcome, gradient = value(self.problem, jnp.asarray(point)), np.zeros_like(point)
        else:
            gradient, outcome = slope(self.problem, jnp.asarray(point))
        fine = bool(jnp.isfinite(outcome.loss) & jnp.all(jnp.isfinite(gradient)))
        self.points.append(point)
        self.losses.append(float(outcome.loss) if fine else _WALL)
        self.gradients.append(np.asarray(gradient) if fine else np.zeros_like(point))

    def finish_iteration(self, point: np.ndarray, *_: Any) -> None:
        self.finished += 1
        if self.finished > self.iterations:
            self.iterations, self.reached = self.finished, np.array(point)
            raise _Enough

    def evaluations(self) -> Evaluations:
        shape = (len(self.points), self.problem.parametrization.start.size)
        points, gradients = (np.reshape(list_, shape) for list_ in (self.points, self.gradients))
        return Evaluations(points, np.array(self.losses), gradients, self.iterations)
