"""Least squares (Levenberg–Marquardt, Gauss–Newton, Dogleg) and quasi-Newton (BFGS) by optimistix.

A solver looks at a function and its derivative only at the one place where it evaluates next. It is therefore handed
the linear model there, r(y) ≈ r(y₀) + J (y − y₀) or f(y) ≈ f(y₀) + g·(y − y₀): the experiments are compiled once, not
once for each use that the solver makes of them.

Bounds: the solver does not see derivatives by numbers that press against a bound, and a step that crosses one is cut.
"""

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax.numpy as jnp
import optimistix as optx
from jaxtyping import Array, Float

from diffsim.bounds import pressed
from diffsim.optimizers.base import AbstractMethod, Moved
from diffsim.optimizers.problem import Outcome, Problem, first_step_scale, linear_model, slope
from diffsim.parametrization import Parametrization

_TANGENTS = 5000


class LeastSquares(AbstractMethod):
    """A solver of optimistix's Gauss–Newton family on the residuals; a rejected step moves nothing."""

    solver: optx.AbstractGaussNewton

    def start(self, problem: Problem, free: Float[Array, " free"]) -> Moved:
        if len(free) > _TANGENTS:
            raise ValueError(
                f"{type(self.solver).__name__} carries a tangent for each of {len(free)} free numbers, more than "
                f"{_TANGENTS}: use a method of gradients (optax.adam, optimistix.LBFGS), or train fewer parameters"
            )
        model = linear_model(problem, free)
        return _begin(self.solver, problem.parametrization, free, model.residuals, model.jacobian, model.outcome)

    def update(self, problem: Problem, free: Float[Array, " free"], memory: Any) -> Moved:
        model, memory = linear_model(problem, memory.y_eval), _listed(problem, memory)
        return _step(self.solver, problem.parametrization, free, memory, model.residuals, model.jacobian, model.outcome)


class QuasiNewton(AbstractMethod):
    """A minimiser of optimistix that builds up curvature from gradients of the loss: BFGS, DFP, L-BFGS.

    Their first step is the gradient itself: the loss is scaled so that it moves no coordinate by more than 0.1.
    """

    solver: optx.AbstractQuasiNewton

    def start(self, problem: Problem, free: Float[Array, " free"]) -> Moved:
        gradient, outcome = slope(problem, free)
        scale, held = first_step_scale(gradient), problem.parametrization
        moved = _begin(self.solver, held, free, scale * outcome.loss, scale * gradient, outcome)
        return moved._replace(memory=(scale, moved.memory))

    def update(self, problem: Problem, free: Float[Array, " free"], memory: Any) -> Moved:
        scale, memory = memory
        gradient, outcome = slope(problem, memory.y_eval)
        held, memory = problem.parametrization, _listed(problem, memory)
        moved = _step(self.solver, held, free, memory, scale * outcome.loss, scale * gradient, outcome)
        return moved._replace(memory=(scale, moved.memory))


def _listed(problem: Problem, memory: Any) -> Any:
    """The solver's memory, with the states that the problem starts from: their lists may have been given more room."""
    states = {name: problem.states[name] for name in memory.aux.states}
    return memory if not states else eqx.tree_at(lambda m: m.aux.states, memory, states)


@eqx.filter_jit
def _begin(solver: Any, held: Parametrization, free: Array, value: Array, derivative: Array, outcome: Outcome) -> Moved:
    model = _around(held, free, value, derivative, outcome)
    shapes, outcome_shapes = eqx.filter_eval_shape(model, free, None)
    memory = solver.init(model, free, None, {}, shapes, outcome_shapes, frozenset())
    return _moved(solver, held, model, free, memory)  # a solver's first step only evaluates


@eqx.filter_jit
def _step(
    solver: Any, held: Parametrization, free: Array, memory: Any, value: Array, derivative: Array, outcome: Outcome
) -> Moved:
    return _moved(solver, held, _around(held, memory.y_eval, value, derivative, outcome), free, memory)


def _around(held: Parametrization, here: Array, value: Array, derivative: Array, outcome: Outcome) -> Callable:
    gradient = value @ derivative if value.ndim else derivative
    known = jnp.where(pressed(here, gradient, held.lower, held.upper), 0.0, derivative)
    return lambda y, _: (value + known @ (y - here), outcome)


def _moved(solver: Any, held: Parametrization, model: Callable, free: Array, memory: Any) -> Moved:
    free, memory, _ = solver.step(model, free, None, {}, memory, frozenset())  # the third is of the step before
    done, _ = solver.terminate(model, free, None, {}, memory, frozenset())
    memory = eqx.tree_at(lambda m: m.y_eval, memory, held.inside(memory.y_eval))
    return Moved(free, memory, memory.aux, 1, done)
