"""One update of the outer loop, by gradient descent (optax) or by least squares (optimistix), behind one face."""

from __future__ import annotations

import abc
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import optax
import optimistix as optx
from jaxtyping import Array, Bool, Float

from diffsim.experiment import Experiment
from diffsim.parametrization import Parametrization
from diffsim.potentials.base import AbstractPotential
from diffsim.simulators.base import State
from diffsim.system import System


class Outcome(NamedTuple):
    """What one evaluation of all experiments gave."""

    loss: Float[Array, ""]  # ½ Σ residuals²
    predictions: dict[str, dict[str, Array]]  # {experiment: {target: array}}
    systems: dict[str, System]  # where each experiment's sample ended
    overflow: Bool[Array, ""]  # whether a neighbour list was too short: then none of this may be used


class Problem(eqx.Module):
    """Residuals of all experiments as a function of the free numbers."""

    potential: AbstractPotential
    experiments: dict[str, Experiment]
    states: dict[str, State]  # where each experiment starts
    parametrization: Parametrization

    def at(self, free: Float[Array, " free"]) -> AbstractPotential:
        """The potential with the free numbers put in."""
        return self.parametrization.rebuild(self.potential, free)

    def residuals(self, free: Float[Array, " free"]) -> tuple[Float[Array, " residuals"], Outcome]:
        """Of all targets, NaN on overflow, so that no step is taken on their account."""
        potential = self.at(free)
        predictions, systems, parts, overflow = {}, {}, [], jnp.array(False)
        for name, experiment in self.experiments.items():
            predictions[name], last, diagnostics = experiment.predict(potential, self.states[name])
            systems[name] = last.system
            parts.append(experiment.residuals(predictions[name]))
            overflow = overflow | diagnostics["overflow"]
        residuals = jnp.where(overflow, jnp.nan, jnp.concatenate(parts))
        return residuals, Outcome(0.5 * jnp.sum(residuals**2), predictions, systems, overflow)

    def loss(self, free: Float[Array, " free"]) -> tuple[Float[Array, ""], Outcome]:
        """½ Σ residuals²."""
        outcome = self.residuals(free)[1]
        return outcome.loss, outcome

    def relisted(self, free: Float[Array, " free"], outcome: Outcome) -> Problem:
        """The same, starting from where the samples ended, with neighbour lists made there."""
        potential = self.at(free)
        states = {name: self.experiments[name].start(potential, system) for name, system in outcome.systems.items()}
        return eqx.tree_at(lambda p: p.states, self, states)


Moved = tuple[Float[Array, " free"], Any, Outcome]  # the free numbers, the method's memory, the outcome there


class AbstractMethod(eqx.Module):
    """How free numbers are moved."""

    @abc.abstractmethod
    def start(self, problem: Problem, free: Float[Array, " free"]) -> Moved:
        """Evaluates where the free numbers stand."""

    @abc.abstractmethod
    def update(self, problem: Problem, free: Float[Array, " free"], memory: Any) -> Moved:
        """Moves them and evaluates there."""


class Descent(AbstractMethod):
    """Any optax transformation on the loss, differentiated in the mode of the experiments' gradient method."""

    optimizer: optax.GradientTransformation = eqx.field(static=True)

    def start(self, problem: Problem, free: Float[Array, " free"]) -> Moved:
        slope, outcome = _slope(problem, free)
        return free, (self.optimizer.init(free), slope, outcome.loss), outcome

    def update(self, problem: Problem, free: Float[Array, " free"], memory: Any) -> Moved:
        moved, inner = _descend(self, problem, free, memory)
        slope, outcome = _slope(problem, moved)
        return moved, (inner, slope, outcome.loss), outcome


class LeastSquares(AbstractMethod):
    """A solver of optimistix's Gauss–Newton family on the residuals; a rejected step moves nothing.

    A solver looks at the residuals and their Jacobian only where it evaluates next, so it is handed the linear model
    there, r(y) ≈ r(y₀) + J (y − y₀): the experiments are compiled once, not once for each use that the solver makes.
    """

    solver: optx.AbstractGaussNewton

    def start(self, problem: Problem, free: Float[Array, " free"]) -> Moved:
        return _begin(self, free, *_linear_model(problem, free))  # a solver's first step only evaluates

    def update(self, problem: Problem, free: Float[Array, " free"], memory: Any) -> Moved:
        return _step(self, free, memory, *_linear_model(problem, memory.y_eval))


# Compiled apart: what evaluates the experiments (large, the same at the start and later) and what moves the numbers.


@eqx.filter_jit
def _slope(problem: Problem, free: Float[Array, " free"]) -> tuple[Float[Array, " free"], Outcome]:
    modes = {experiment.gradient.mode for experiment in problem.experiments.values()}
    if modes == {"forward"}:
        return jax.jacfwd(problem.loss, has_aux=True)(free)
    if modes == {"reverse"}:
        return jax.grad(problem.loss, has_aux=True)(free)
    raise ValueError(f"all experiments of one fit must be differentiated in one mode, got {sorted(modes)}")


@eqx.filter_jit
def _descend(method: Descent, problem: Problem, free: Float[Array, " free"], memory: Any) -> tuple[Any, Any]:
    inner, slope, loss = memory
    update = optax.with_extra_args_support(method.optimizer).update
    change, inner = update(slope, inner, free, value=loss, grad=slope, value_fn=lambda x: problem.loss(x)[0])
    return optax.apply_updates(free, change), inner


@eqx.filter_jit
def _linear_model(problem: Problem, free: Float[Array, " free"]) -> tuple[Array, Array, Outcome]:
    def both(free: Array) -> tuple[Array, tuple[Array, Outcome]]:
        residuals, outcome = problem.residuals(free)
        return residuals, (residuals, outcome)

    jacobian, (residuals, outcome) = jax.jacfwd(both, has_aux=True)(free)
    return residuals, jacobian, outcome


@eqx.filter_jit
def _begin(method: LeastSquares, free: Array, residuals: Array, jacobian: Array, outcome: Outcome) -> Moved:
    model = lambda y, _: (residuals + jacobian @ (y - free), outcome)  # noqa: E731
    shapes, outcome_shapes = eqx.filter_eval_shape(model, free, None)
    memory = method.solver.init(model, free, None, {}, shapes, outcome_shapes, frozenset())
    free, memory, _ = method.solver.step(model, free, None, {}, memory, frozenset())
    return free, memory, memory.aux  # what a step returns beside it is that of the step before


@eqx.filter_jit
def _step(method: LeastSquares, free: Array, memory: Any, residuals: Array, jacobian: Array, outcome: Outcome) -> Moved:
    model = lambda y, _: (residuals + jacobian @ (y - memory.y_eval), outcome)  # noqa: E731
    free, memory, _ = method.solver.step(model, free, None, {}, memory, frozenset())
    return free, memory, memory.aux


def method_for(optimizer: Any) -> AbstractMethod:
    """The method that an optimizer of either library calls for."""
    if isinstance(optimizer, AbstractMethod):
        return optimizer
    if isinstance(optimizer, optx.AbstractGaussNewton):
        return LeastSquares(optimizer)
    if isinstance(optimizer, optax.GradientTransformation):
        return Descent(optimizer)
    raise ValueError(
        "the optimizer must be an optax transformation or one of optimistix's LevenbergMarquardt, GaussNewton, Dogleg, "
        f"got {optimizer!r}"
    )
