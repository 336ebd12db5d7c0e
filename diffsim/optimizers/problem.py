"""What an optimizer is given: experiments as a function of the free numbers, and their linear model."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Iterator
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from diffsim.compiled import jit
from diffsim.experiment import Experiment
from diffsim.gradients import AbstractGradient
from diffsim.parametrization import Parametrization
from diffsim.potentials.base import AbstractPotential
from diffsim.simulators.state import State
from diffsim.system import System

_FIRST_STEP = 0.1

Predictions = dict[str, dict[str, Array]]  # {experiment: {target: array}}


class Outcome(NamedTuple):
    """What one evaluation of all experiments gave."""

    loss: Float[Array, ""]  # ½ Σ residuals², those of the priors included
    predictions: Predictions
    systems: dict[str, System]  # where each experiment's sample ended
    states: dict[str, State]  # where the next samples begin, of those experiments that go on from their last
    overflow: Bool[Array, ""]  # whether a neighbour list was too short: then none of this may be used
    diagnostics: dict[str, Array]  # what gradient methods have to say, as experiment/name, averaged over replicas


class Linear(NamedTuple):
    """Residuals and predictions to first order around free numbers."""

    residuals: Float[Array, " residuals"]
    jacobian: Float[Array, "residuals free"]  # by the free numbers
    slopes: Predictions  # those of the predictions, along a further, last axis
    outcome: Outcome


class Problem(eqx.Module):
    """Residuals of all experiments, and of the priors, as a function of the free numbers."""

    potential: AbstractPotential
    experiments: dict[str, Experiment]
    states: dict[str, State]  # where each experiment starts
    parametrization: Parametrization

    def at(self, free: Float[Array, " free"]) -> AbstractPotential:
        """The potential with the free numbers put in."""
        return self.parametrization.rebuild(self.potential, free)

    def evaluate(self, free: Float[Array, " free"]) -> Outcome:
        """All predictions, and the loss."""
        potential = self.at(free)
        predictions, systems, states, overflow, said = {}, {}, {}, jnp.array(False), {}
        for name, experiment in self.experiments.items():
            predictions[name], last, diagnostics = experiment.predict(potential, self.states[name])
            systems[name] = last.system
            if experiment.gradient.goes_on:
                states[name] = jax.lax.stop_gradient(last)
            overflow = overflow | diagnostics.pop("overflow")
            said |= {f"{name}/{key}": jnp.mean(jnp.asarray(value, float)) for key, value in diagnostics.items()}
        residuals = self.residuals(predictions, free, overflow)
        return Outcome(0.5 * jnp.sum(residuals**2), predictions, systems, states, overflow, said)

    def residuals(
        self, predictions: Predictions, free: Float[Array, " free"], overflow: Bool[Array, ""]
    ) -> Float[Array, " residuals"]:
        """Of all targets, then of the priors; NaN on overflow, so that no step is taken on their account."""
        parts = [experiment.residuals(predictions[name]) for name, experiment in self.experiments.items()]
        prior = (free - self.parametrization.start) / self.parametrization.widths  # 0 where the width is ∞
        return jnp.where(overflow, jnp.nan, jnp.concatenate([*parts, prior]))

    def loss(self, free: Float[Array, " free"]) -> tuple[Float[Array, ""], Outcome]:
        """½ Σ residuals²."""
        outcome = self.evaluate(free)
        return outcome.loss, outcome

    def relisted(self, free: Float[Array, " free"], systems: dict[str, System]) -> Problem:
        """The same with new neighbour lists: what is at rest starts from where it ended, what moves as before."""
        potential, experiments = self.at(free), self.experiments
        states = {n: experiments[n].again(potential, self.states[n], system) for n, system in systems.items()}
        return self.starting_from(states)

    def starting_from(self, states: dict[str, State]) -> Problem:
        """The same with other starts; experiments keep their order."""
        return dataclasses.replace(self, states=states)


def first_step_scale(gradient: Float[Array, " free"]) -> Float[Array, ""]:
    """The factor on the loss that makes a step along its gradient move no number by more than 0.1."""
    return _FIRST_STEP / jnp.maximum(jnp.max(jnp.abs(gradient)), 1e-300)


def _at_rest(problem: Problem) -> bool:
    return all(experiment.is_static for experiment in problem.experiments.values())


@functools.partial(jit, at_rest=_at_rest)
def value(problem: Problem, free: Float[Array, " free"]) -> Outcome:
    """One evaluation without derivatives."""
    return problem.loss(free)[1]


def slope(problem: Problem, free: Float[Array, " free"]) -> tuple[Float[Array, " free"], Outcome]:
    """The loss's gradient: that of each part in its experiments' own mode, and the results are added.

    A loss whose gradient is not finite is NaN itself, so that no step is taken on its account, nor a state kept.
    """
    (gradient, outcome), *others = [_slope(part, free, first) for first, part in _parts(problem)]
    for further, other in others:
        gradient = gradient + further
        outcome = Outcome(
            outcome.loss + other.loss,
            outcome.predictions | other.predictions,
            outcome.systems | other.systems,
            outcome.states | other.states,
            outcome.overflow | other.overflow,
            outcome.diagnostics | other.diagnostics,
        )
    loss = jnp.where(jnp.isfinite(gradient).all(), outcome.loss, jnp.nan)
    return gradient, outcome._replace(loss=loss)


def _parts(problem: Problem) -> Iterator[tuple[bool, Problem]]:
    """What is compiled together, and whether it is the first: all at rest in one mode, and each that moves by itself.

    Then a list of neighbours that needs more room has only its own experiment compiled again.
    """
    parts: dict[tuple[str, str], list[str]] = {}
    for name, experiment in problem.experiments.items():
        parts.setdefault((experiment.gradient.mode, "" if experiment.is_static else name), []).append(name)
    for number, names in enumerate(parts.values()):
        experiments = {name: problem.experiments[name] for name in names}
        states = {name: problem.states[name] for name in names}
        yield number == 0, Problem(problem.potential, experiments, states, problem.parametrization)


@functools.partial(jit, at_rest=_at_rest)
def _slope(problem: Problem, free: Float[Array, " free"], priors: bool) -> tuple[Float[Array, " free"], Outcome]:
    """The gradient of the loss of experiments of one mode, with the priors or without."""
    problem = _differentiated(problem, lambda method: method.forgiving())
    if not priors:
        unheld = lambda widths: jnp.full_like(widths, jnp.inf)  # noqa: E731
        problem = eqx.tree_at(lambda p: p.parametrization.widths, problem, replace_fn=unheld)
    (mode,) = {experiment.gradient.mode for experiment in problem.experiments.values()}
    return (jax.jacfwd if mode == "forward" else jax.grad)(problem.loss, has_aux=True)(free)


def _differentiated(problem: Problem, way: Callable[[AbstractGradient], AbstractGradient]) -> Problem:
    """With another gradient method in place of each experiment's own."""
    experiments = {n: dataclasses.replace(e, gradient=way(e.gradient)) for n, e in problem.experiments.items()}
    return dataclasses.replace(problem, experiments=experiments)


@functools.partial(jit, at_rest=_at_rest)
def linear_model(problem: Problem, free: Float[Array, " free"]) -> Linear:
    """Predictions, residuals and their derivatives, in forward mode; NaN residuals where derivatives are not finite."""
    problem = _differentiated(problem, lambda method: method.forwards())

    def both(u: Float[Array, " free"]) -> tuple[tuple[Array, Predictions], tuple[Array, Outcome]]:
        outcome = problem.evaluate(u)
        residuals = problem.residuals(outcome.predictions, u, outcome.overflow)
        return (residuals, outcome.predictions), (residuals, outcome)

    (jacobian, slopes), (residuals, outcome) = jax.jacfwd(both, has_aux=True)(free)
    fine = jnp.isfinite(jacobian).all()
    residuals, loss = jax.tree.map(lambda x: jnp.where(fine, x, jnp.nan), (residuals, outcome.loss))
    return Linear(residuals, jacobian, slopes, outcome._replace(loss=loss))
