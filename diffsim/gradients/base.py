"""What every gradient method returns, so that observables, targets and `fit` never know which one was used."""

import abc
import functools
from collections.abc import Callable
from typing import Any, ClassVar, Literal, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from diffsim.potentials.base import AbstractPotential
from diffsim.simulators import Schedule, State, over_replicas, replicated

Record = Callable[[AbstractPotential, State], Any]


class Sample(NamedTuple):
    """What was seen of an experiment."""

    records: Any  # one record a frame, along the first axis; that of replicas, where there are any, stands before it
    weights: Float[Array, "*replicas frames"]  # sum to one
    state: State  # the last one, to go on from
    diagnostics: dict[str, Array]  # "overflow": whether the neighbour list was too short, and the method's own


class AbstractGradient(eqx.Module):
    """Runs an experiment and says how its derivative is taken."""

    mode: eqx.AbstractVar[Literal["reverse", "forward"]]  # which of JAX's modes it is meant for
    moves: ClassVar[bool] = True  # whether it is for trajectories
    rests: ClassVar[bool] = False  # whether it is for what is at rest
    goes_on: ClassVar[bool] = False  # whether the next sample begins where the last one ended
    weighs_frames: ClassVar[bool] = False  # whether derivatives are those of the frames' weights

    def prepare(self, potential: AbstractPotential, simulator: Any, state: State, schedule: Any) -> State:
        """A state with room for what the method keeps from one sample to the next."""
        del potential, simulator, schedule
        return state

    def forwards(self) -> "AbstractGradient":
        """The same derivative for forward mode, which least squares and linear models use."""
        return self

    def forgiving(self) -> "AbstractGradient":
        """The same with NaN in place of derivatives that it would refuse: an optimizer can then take a smaller step."""
        return self

    @abc.abstractmethod
    def sample(
        self, potential: AbstractPotential, simulator: Any, state: State, schedule: Any, record: Record
    ) -> Sample:
        """Records of the frames that `simulator` and `schedule` ask for."""


def uniform(schedule: Schedule) -> Float[Array, " frames"]:
    """All frames count alike."""
    return jnp.full(schedule.frames, 1 / schedule.frames)


def framed(
    steps: Callable[[Any, int], Any],
    potential: AbstractPotential,
    state: Any,
    schedule: Schedule,
    record: Callable[[AbstractPotential, Any], Any],
    scan: Callable[..., tuple[Any, Any]] = jax.lax.scan,
) -> tuple[Any, Any]:
    """Records and last state of a schedule, by a method's own way to make so many steps and to go through frames."""

    def frame(state: Any, _: None) -> tuple[Any, Any]:
        state = steps(state, schedule.stride)
        return state, record(potential, state)

    state = steps(state, schedule.equilibration) if schedule.equilibration else state
    state, records = scan(frame, state, length=schedule.frames)
    return records, state


def each_replica(sample: Callable[..., Sample]) -> Callable[..., Sample]:
    """Lets a method that samples one state sample every replica of a state, all of them counting alike."""

    @functools.wraps(sample)
    def spread(
        self: Any, potential: AbstractPotential, simulator: Any, state: State, schedule: Schedule, record: Record
    ) -> Sample:
        one = lambda state: sample(self, potential, simulator, state, schedule, record)  # noqa: E731
        if not replicated(state):
            return one(state)
        found = over_replicas(one, state)
        return found._replace(weights=found.weights / len(found.weights))

    return spread
