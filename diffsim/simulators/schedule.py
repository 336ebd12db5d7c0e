"""How long to simulate and what to keep."""

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp

from diffsim.fields import constant
from diffsim.neighbors import alike
from diffsim.potentials.base import AbstractPotential
from diffsim.simulators.base import AbstractSimulator, relisted
from diffsim.simulators.state import State
from diffsim.system import stack

_TOGETHER = 64  # atoms


class Schedule(eqx.Module):
    """`equilibration` steps of which nothing is kept, then `frames` frames, each after `stride` steps.

    **Raises** `ValueError` for fewer than one frame, a stride below one, fewer than zero steps of equilibration.
    """

    frames: int = constant()
    stride: int = constant(default=1)
    equilibration: int = constant(default=0)

    def __check_init__(self) -> None:
        for name, least in {"frames": 1, "stride": 1, "equilibration": 0}.items():
            value = getattr(self, name)
            if not (isinstance(value, int) and value >= least):
                raise ValueError(f"{name} of a schedule must be an integer of at least {least}, got {value!r}")

    @property
    def steps(self) -> int:
        """How many steps that takes."""
        return self.equilibration + self.frames * self.stride


def advance(potential: AbstractPotential, simulator: AbstractSimulator, state: State, steps: Any) -> State:
    """The state so many steps later."""
    return jax.lax.fori_loop(0, steps, lambda _, s: simulator.step(potential, s), state)


def trajectory(
    potential: AbstractPotential, simulator: AbstractSimulator, state: State, frames: int, stride: Any, record: Any
) -> tuple[Any, State]:
    """Records of so many frames along a new first axis, and the last state; for use inside `jit`."""

    def frame(state: State, _: None) -> tuple[State, Any]:
        state = advance(potential, simulator, state, stride)
        return state, record(potential, state)

    state, records = jax.lax.scan(frame, state, None, length=frames)
    return records, state


def replicated(state: State) -> bool:
    """Whether the leaves of a state have a leading axis for replicas."""
    return state.step is not None and jnp.ndim(state.step) == 1


def over_replicas(function: Callable[[State], Any], state: State) -> Any:
    """What a function makes of each replica, along a leading axis; of the state itself where there is only that one.

    All at once on an accelerator; on a processor as many together as fit its cache, and the others after them.
    """
    if not replicated(state):
        return function(state)
    if jax.default_backend() != "cpu":
        return jax.vmap(function)(state)
    count, fitting = len(state.step), max(1, _TOGETHER // state.system.positions.shape[-2])
    together = max(n for n in range(1, count + 1) if count % n == 0 and n <= fitting)
    return jax.lax.map(function, state, batch_size=together if together > 1 else None)  # one is not a batch of one


def members(state: State) -> list[State]:
    """The replicas of a state, one by one; the state itself where there is only that one."""
    if not replicated(state):
        return [state]
    return [jax.tree.map(lambda leaf, m=m: leaf[m], state) for m in range(len(state.step))]


def roomier(potential: AbstractPotential, state: State, like: State | None = None) -> State:
    """The same state, or replicas, with lists that have more room, or as much as others; for use outside `jit`."""
    others = [None] * len(members(state)) if like is None else members(like)
    several = [relisted(potential, one, other) for one, other in zip(members(state), others, strict=True)]
    if not replicated(state):
        return several[0]
    lists = alike([one.neighbors for one in several])
    return stack([one.replace(neighbors=neighbors) for one, neighbors in zip(several, lists, strict=True)])
