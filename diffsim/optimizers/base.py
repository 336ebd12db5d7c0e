"""One update of the outer loop, behind one face for every optimizer."""

import abc
from typing import Any, NamedTuple

import equinox as eqx
from jaxtyping import Array, Bool, Float

from diffsim.optimizers.problem import Outcome, Problem


class Moved(NamedTuple):
    """What an update leaves."""

    free: Float[Array, " free"]  # the free numbers
    memory: Any  # the method's own: arrays in tuples and modules
    outcome: Outcome  # at the free numbers
    evaluations: Any  # how often the experiments were evaluated on the way, with or without derivatives
    done: Bool[Array, ""] | bool  # whether the method sees no way further


class AbstractMethod(eqx.Module):
    """How free numbers are moved."""

    @abc.abstractmethod
    def start(self, problem: Problem, free: Float[Array, " free"]) -> Moved:
        """Evaluates where the free numbers stand."""

    @abc.abstractmethod
    def update(self, problem: Problem, free: Float[Array, " free"], memory: Any) -> Moved:
        """Moves them and evaluates there."""
