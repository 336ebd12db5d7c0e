"""What every observable is: what to keep of one frame, and what to make of all of them."""

import abc
from typing import Any, ClassVar

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from diffsim.potentials.base import AbstractPotential
from diffsim.simulators.state import State


class AbstractObservable(eqx.Module):
    """A property that can be predicted. Only its records are stored, one a frame."""

    unit: eqx.AbstractVar[str]
    correlates_times: ClassVar[bool] = False  # whether frames must follow each other in time, all of one weight

    @property
    @abc.abstractmethod
    def labels(self) -> tuple[str, ...]:
        """Names along the first axis of the prediction; one name for a single number."""

    @abc.abstractmethod
    def record(self, potential: AbstractPotential, state: State) -> Any:
        """What to keep of one frame."""

    @abc.abstractmethod
    def estimate(self, records: Any, weights: Float[Array, " frames"]) -> Float[Array, "..."]:
        """The prediction from the records of all frames."""


def require_motion(state: State, who: str) -> None:
    """Refuses a state at rest; `who` begins the sentence, "velocities need"."""
    if state.momenta is None:
        raise ValueError(f"{who} a state that moves: one made by init of a simulator")


class AbstractStatic(AbstractObservable):
    """A property that one frame tells in full; several frames are averaged."""

    def estimate(self, records: Float[Array, "frames ..."], weights: Float[Array, " frames"]) -> Float[Array, "..."]:
        return jnp.tensordot(weights, records, axes=1)
