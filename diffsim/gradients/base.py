"""What every gradient method returns, so that observables, targets and `fit` never know which one was used."""

import abc
from collections.abc import Callable
from typing import Any, Literal, NamedTuple

import equinox as eqx
from jaxtyping import Array, Float

from diffsim.potentials.base import AbstractPotential
from diffsim.simulators.base import State

Record = Callable[[AbstractPotential, State], Any]


class Sample(NamedTuple):
    """What was seen of an experiment."""

    records: Any  # one record a frame, along the first axis
    weights: Float[Array, " frames"]  # sum to one
    state: State  # the last one, to go on from
    diagnostics: dict[str, Array]  # "overflow": whether the neighbour list was too short, and the method's own


class AbstractGradient(eqx.Module):
    """Runs an experiment and says how its derivative is taken."""

    mode: eqx.AbstractVar[Literal["reverse", "forward"]]  # which of JAX's modes it is meant for

    @abc.abstractmethod
    def sample(
        self, potential: AbstractPotential, simulator: Any, state: State, schedule: Any, record: Record
    ) -> Sample:
        """Records of the frames that `simulator` and `schedule` ask for."""
