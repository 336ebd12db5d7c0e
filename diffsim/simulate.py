"""Trajectories without derivatives, in chunks of compiled code: of any length, and stopped where they go wrong."""

import functools
from collections.abc import Callable, Generator, Iterator
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from diffsim.potentials.base import AbstractPotential
from diffsim.simulators import AbstractSimulator, Schedule, State, advance, over_replicas, replicated, trajectory
from diffsim.simulators.schedule import roomier
from diffsim.simulators.vibrations import warn_of_long_step
from diffsim.trouble import CEILING, SimulationError, explained, is_sound

_AT_ONCE = 10_000_000  # atoms × steps of one chunk: some ten seconds
_STEPS = 1000  # of one chunk at most
_TRIES = 8  # with ever roomier lists


class Chunk(NamedTuple):
    """A stretch of a trajectory."""

    records: Any  # one record a frame along the first axis; None during equilibration and between far frames
    state: State  # at its end


def record_positions(potential: AbstractPotential, state: State) -> Float[Array, "atoms 3"]:
    """Positions in Å, not wrapped into the cell."""
    del potential
    return state.system.positions


def simulate(
    potential: AbstractPotential,
    simulator: AbstractSimulator,
    state: State,
    schedule: Schedule,
    record: Callable[[AbstractPotential, State], Any] = record_positions,
    *,
    ceiling: float = CEILING,
) -> tuple[Any, State]:
    """Records of all frames along a new first axis, and the last state, to go on from.

    Lists that turn out too short are made again with more room and their stretch is redone. `ceiling` is a temperature
    in K above which something must have gone wrong: most explosions end not in infinity, but in a hot gas. A state
    whose leaves have a leading axis is one of replicas; then that axis comes first in the records too.

    **Raises** `SimulationError` where positions stop being finite or it gets hotter than the ceiling, with the step,
    the atom, the nearest pair and the last good state.
    """
    found = list(chunks(potential, simulator, state, schedule, record, ceiling=ceiling))
    axis = 1 if replicated(state) else 0
    records = [chunk.records for chunk in found if chunk.records is not None]
    return jax.tree.map(lambda *parts: jnp.concatenate(parts, axis), *records), found[-1].state


def chunks(
    potential: AbstractPotential,
    simulator: AbstractSimulator,
    state: State,
    schedule: Schedule,
    record: Callable[[AbstractPotential, State], Any] = record_positions,
    *,
    ceiling: float = CEILING,
) -> Iterator[Chunk]:
    """The same, a stretch at a time: for who writes them to a file, looks on, or may have to stop.

    A chunk that was yielded is complete, and its state can be gone on from, whatever happens during the next.
    """
    warn_of_long_step(potential, simulator, state, schedule)
    at_once = _at_once(state)
    frames, stride = schedule.frames, schedule.stride
    few = max(n for n in range(1, frames + 1) if frames % n == 0 and (n == 1 or n * stride <= at_once))
    between = stride - 1 if stride > at_once else 0  # far frames: steps without a record, then one with
    last = jnp.asarray(stride - between)  # a traced number: all strides run the same compiled step

    silently = functools.partial(_silently, potential, simulator, ceiling=ceiling)
    state = yield from silently(state, schedule.equilibration)
    for _ in range(frames // few):
        state = yield from silently(state, between)
        move = functools.partial(_frames, frames=few, stride=last, record=record)
        records, state = _safely(potential, simulator, state, move, few * int(last), ceiling)
        yield Chunk(records, state)


def later(
    potential: AbstractPotential, simulator: AbstractSimulator, state: State, steps: int, ceiling: float = CEILING
) -> State:
    """The state, or replicas, so many steps later, with lists that had room on all the way.

    **Raises** `SimulationError` as `simulate` does.
    """
    for chunk in _silently(potential, simulator, state, steps, ceiling):
        state = chunk.state
    return state


def _at_once(state: State) -> int:
    """How many steps a chunk may have."""
    return max(1, min(_STEPS, _AT_ONCE // state.neighbors.positions.size))


def _silently(
    potential: AbstractPotential, simulator: AbstractSimulator, state: State, steps: int, ceiling: float
) -> Generator[Chunk, None, State]:
    while steps > 0:
        now = min(steps, _at_once(state))
        move = functools.partial(_advance, steps=jnp.asarray(now))
        state = _safely(potential, simulator, state, move, now, ceiling)[1]
        steps -= now
        yield Chunk(None, state)
    return state


def _safely(
    potential: AbstractPotential,
    simulator: AbstractSimulator,
    state: State,
    move: Callable[..., tuple[Any, State]],
    steps: int,
    ceiling: float,
) -> tuple[Any, State]:
    """What `move` makes of the state, with ever roomier lists where they turn out too short."""
    for _ in range(_TRIES):
        records, after = move(potential, simulator, state)
        wrong = not _sound(after, jnp.asarray(ceiling))
        if not (wrong or np.any(after.overflow)):
            return records, after
        if wrong and (error := explained(potential, simulator, state, steps, ceiling)):
            raise error
        state = roomier(potential, state)
    raise SimulationError(
        f"the neighbour list of radius {float(np.max(state.neighbors.radius)):.3g} Å stays too short: atoms crowd, or "
        "the cell shrinks, within a few steps; check the potential, and take a shorter time step",
        state,
    )


@eqx.filter_jit
def _sound(state: State, ceiling: Array) -> Array:
    if replicated(state):
        return jax.vmap(is_sound, (0, None))(state, ceiling).all()
    return is_sound(state, ceiling)


@eqx.filter_jit
def _advance(potential: AbstractPotential, simulator: AbstractSimulator, state: State, steps: Array) -> Any:
    run = lambda state: advance(potential, simulator, state, steps)  # noqa: E731
    return None, over_replicas(run, state)


@eqx.filter_jit
def _frames(
    potential: AbstractPotential, simulator: AbstractSimulator, state: State, frames: int, stride: Array, record: Any
) -> tuple[Any, State]:
    run = lambda state: trajectory(potential, simulator, state, frames, stride, record)  # noqa: E731
    return over_replicas(run, state)
