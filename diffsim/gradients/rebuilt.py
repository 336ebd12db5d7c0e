"""Points of a path, rebuilt from its end by undoing its steps, and how far off they are."""

from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from diffsim.gradients.base import Record
from diffsim.potentials.base import AbstractPotential
from diffsim.simulators import AbstractReversible, Schedule, State
from diffsim.simulators.base import evaluated
from diffsim.simulators.state import ticked


class Point(NamedTuple):
    """What moves."""

    positions: Float[Array, "atoms 3"]
    momenta: Float[Array, "atoms 3"]
    bath: Any

    @staticmethod
    def of(state: State) -> "Point":
        return Point(state.system.positions, state.momenta, state.bath)

    def placed(self, state: State) -> State:
        """The state with these positions, momenta and bath."""
        return state.moved(self.positions, self.momenta).replace(bath=self.bath)


class Way(NamedTuple):
    """What does not change along a path. States are kept every `segment` steps; 0 where none are."""

    record: Record
    schedule: Schedule
    segment: int
    limit: float  # Å
    strict: bool  # whether what is off by more is an error, or NaN


Given = tuple[AbstractPotential, Point, State, AbstractReversible]


def reconstruction_error(given: Given, end: Point, kept: Any, way: Way) -> Float[Array, ""]:
    """How far off in Å rebuilt states are, at most, from those kept and from the start, as the adjoint meets them."""
    potential, start, state, simulator = given
    steps = way.schedule.steps
    last = evaluated(potential, ticked(end.placed(state), simulator.dt, steps))

    def step(done: Array, carry: tuple[State, Array]) -> tuple[State, Array]:
        back, off = carry
        back = simulator.unstep(potential, back)
        n = steps - done - 1
        _, more, fresh = renewed(Point.of(back), kept, n, way.segment, n)
        if kept is not None:
            slot = jax.tree.map(lambda x: x[n // way.segment], kept)
            back = jax.lax.cond(fresh, lambda: evaluated(potential, slot.placed(back)), lambda: back)
        return back, jnp.maximum(off, more)

    back, off = jax.lax.fori_loop(0, steps, step, (last, jnp.zeros(())))
    return jnp.maximum(off, apart(back.system.positions, start.positions))


def unflown(simulator: AbstractReversible, after: State, point: Point, bars: Point) -> tuple[Point, Point]:
    """Before the middle of the step that led here, with its adjoint; the clock shows the start of that step."""
    before = simulator.unmiddle(point.placed(after))
    _, pull = eqx.filter_vjp(lambda moving: Point.of(simulator.middle(moving.placed(before))), Point.of(before))
    return Point.of(before), pull(bars)[0]


def renewed(
    point: Point, kept: Any, n: Array, segment: int, elsewhere: Array
) -> tuple[Point, Float[Array, ""], Bool[Array, ""]]:
    """With the positions and bath that were kept after n steps, how far off they were, and whether there were any.

    Where `elsewhere` is zero the point is an end of the path, and stays.
    """
    if kept is None:
        return point, jnp.zeros(()), jnp.asarray(False)
    fresh = (n % segment == segment - 1) & (elsewhere > 0)
    positions, _, bath = jax.tree.map(lambda x: x[n // segment], kept)
    off = jnp.where(fresh, apart(positions, point.positions), 0.0)
    pick = lambda new, old: jnp.where(fresh, new, old)  # noqa: E731
    return Point(pick(positions, point.positions), point.momenta, jax.tree.map(pick, bath, point.bath)), off, fresh


def apart(left: Array, right: Array) -> Float[Array, ""]:
    """The largest difference in any coordinate."""
    return jnp.max(jnp.abs(left - right))
