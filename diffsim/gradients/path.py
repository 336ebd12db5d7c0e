"""A trajectory and its adjoint, which goes back from the end and rebuilds the states that it passes."""

from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from diffsim.gradients.base import Record
from diffsim.mechanics import work
from diffsim.neighbors import Neighbors
from diffsim.potentials.base import AbstractPotential
from diffsim.simulators import AbstractReversible, Schedule, State
from diffsim.simulators.base import evaluated, kick, ticked
from diffsim.simulators.lists import refreshed


class Point(NamedTuple):
    """What moves."""

    positions: Float[Array, "atoms 3"]
    momenta: Float[Array, "atoms 3"]
    bath: Any

    @staticmethod
    def of(state: State) -> "Point":
        assert state.momenta is not None
        return Point(state.system.positions, state.momenta, state.bath)

    def placed(self, state: State) -> State:
        """The state with these positions, momenta and bath."""
        system = state.system.replace(positions=self.positions)
        return state.replace(system=system, momenta=self.momenta, bath=self.bath)


class Way(NamedTuple):
    """What does not change along a path. States are kept every `segment` steps; 0 where none are."""

    record: Record
    schedule: Schedule
    segment: int
    limit: float  # Å


_Given = tuple[AbstractPotential, Point, State, AbstractReversible]


@eqx.filter_custom_vjp
def path(given: _Given, way: Way) -> tuple[Any, Point, Bool[Array, ""], Any]:
    """Records, the point where it ends, whether a list was too short, and the states that were kept.

    Derivatives are by the potential and the point given, of the records and the point where it ends.
    """
    potential, start, state, simulator = given
    state = evaluated(potential, start.placed(state))
    begin = state.step
    kept = None
    if way.segment:
        slots = way.schedule.steps // way.segment + 1
        kept = jax.tree.map(lambda x: jnp.zeros((slots, *x.shape), x.dtype), start)

    def step(_: Any, carry: tuple[State, Any]) -> tuple[State, Any]:
        state, kept = carry
        state = simulator.step(potential, state)
        if way.segment:
            slot = (state.step - begin) // way.segment  # what stays in it is the last state that belongs there
            kept = jax.tree.map(lambda into, x: into.at[slot].set(x), kept, Point.of(state))
        return state, kept

    def frame(carry: tuple[State, Any], number: Array) -> tuple[tuple[State, Any], Any]:
        before = jnp.where(number == 0, way.schedule.equilibration, 0)
        carry = jax.lax.fori_loop(0, before + way.schedule.stride, step, carry)
        return carry, way.record(potential, carry[0])

    (state, kept), records = jax.lax.scan(frame, (state, kept), jnp.arange(way.schedule.frames))
    return records, Point.of(state), state.overflow, kept


@path.def_fwd
def _forth(perturbed: Any, given: _Given, way: Way) -> tuple[Any, Any]:
    if any(jax.tree.leaves(perturbed[2:])):
        raise ValueError(
            "Reversible has derivatives by the potential and by positions and momenta at the start, not by the cell, "
            "masses or the simulator's own numbers: use Backprop or Forward for those"
        )
    out = path.fn(given, way)
    return out, out[1:]


class _Back(NamedTuple):
    """A point of the way back, and the sums of cotangents there.

    Behind the first point its momenta have had the half kick of the step that follows.
    """

    point: Point
    neighbors: Neighbors
    bars: Point
    potential: AbstractPotential  # only its numbers
    off: Float[Array, ""]  # Å, how far the rebuilt positions were from those kept, at most
    overflow: Bool[Array, ""]  # whether a list was too short


@path.def_bwd
def _adjoint(ended: Any, cotangents: Any, perturbed: Any, given: _Given, way: Way) -> tuple[Any, ...]:
    del perturbed
    end, overflown, kept = ended
    potential, start, state, simulator = given
    steps, half = way.schedule.steps, 0.5 * simulator.dt
    theta, rest = eqx.partition(potential, eqx.is_inexact_array)
    shapes = eqx.filter_eval_shape(lambda p, s: way.record(p, evaluated(p, end.placed(s))), potential, state)
    seen = _filled(cotangents[0], jax.tree.map(lambda s: _stacked(s, way.schedule.frames), shapes))
    mobile = state.mobile
    held = lambda v: v if mobile is None else jnp.where(mobile, v, 0.0)  # noqa: E731

    def look(here: State, half: Array, number: Array) -> tuple[Any, Point, Array]:
        """Cotangents of the potential, the point and the forces that a record hands down."""
        here = kick(evaluated(potential, here), -half)

        def record(theta: Any, point: Point, forces: Array) -> Any:
            return way.record(eqx.combine(theta, rest), point.placed(here).replace(forces=forces))

        _, pull = eqx.filter_vjp(record, theta, Point.of(here), here.forces)
        return pull(jax.tree.map(lambda bar: bar[number], seen))

    def pass_by(before_last: Int[Array, ""], back: _Back) -> _Back:
        """The point so many steps before the end, and the flow that led to it."""
        n = steps - before_last
        follows, precedes = half * (before_last > 0), half * (n > 0)  # kicks of the step that follows, and that before
        point, off, fresh = _renewed(back.point, kept, n, way.segment, before_last)
        here = ticked(point.placed(state), simulator.dt, n)
        neighbors, overflow = refreshed(back.neighbors, here.system, potential.cutoff)
        here = here.replace(neighbors=neighbors)

        bars, summed, of_forces = back.bars, back.potential, jnp.zeros_like(start.momenta)
        if jax.tree.leaves(seen):
            number = (n - way.schedule.equilibration) // way.schedule.stride - 1
            watched = (n - way.schedule.equilibration) % way.schedule.stride == 0
            blank = jax.tree.map(jnp.zeros_like, (theta, point, of_forces))
            of_theta, of_point, of_forces = jax.lax.cond(
                watched & (number >= 0), lambda: look(here, follows, number), lambda: blank
            )
            bars = jax.tree.map(jnp.add, bars, of_point)
            summed = jax.tree.map(jnp.add, summed, of_theta)
        w = follows * back.bars.momenta + precedes * bars.momenta + of_forces
        forces, by_positions, by_theta = work(potential, here.system, neighbors, held(w))
        momenta = point.momenta - follows * held(forces)
        if kept is not None:
            momenta = jnp.where(fresh, kept.momenta[n // way.segment], momenta)
        point = point._replace(momenta=momenta - precedes * held(forces))
        bars = bars._replace(positions=bars.positions + by_positions)
        summed = jax.tree.map(jnp.add, summed, by_theta)
        point, bars = jax.lax.cond(
            n > 0, lambda: _unflown(simulator, ticked(here, simulator.dt, -1), point, bars), lambda: (point, bars)
        )
        return _Back(point, neighbors, bars, summed, jnp.maximum(back.off, off), back.overflow | overflow)

    zeros = jax.tree.map(jnp.zeros_like, theta)
    first = _Back(end, state.neighbors, _filled(cotangents[1], end), zeros, jnp.zeros(()), jnp.zeros((), bool))
    back = jax.lax.fori_loop(0, steps + 1, pass_by, first)
    off = jnp.maximum(back.off, _apart(back.point.positions, start.positions))
    bars = eqx.error_if(
        (back.potential, back.bars),
        ~(off <= way.limit) & ~overflown,
        "Reversible rebuilt a state that is off by more than its limit: the path is too long for the chaos in it; "
        "take fewer steps, choose Truncated or Reweighting, or raise the limit",
    )
    # where the run itself overflowed its caller knows, and does it again
    bars = eqx.error_if(
        bars,
        back.overflow & ~overflown,
        "a neighbour list of Reversible was too short on its way back, though not on the way there: give it more room",
    )
    blank = jax.tree.map(lambda _: None, eqx.filter((state, simulator), eqx.is_inexact_array))
    return *bars, *blank


def reconstruction_error(given: _Given, end: Point, kept: Any, way: Way) -> Float[Array, ""]:
    """How far off in Å rebuilt states are, at most, from those kept and from the start, as the adjoint meets them."""
    potential, start, state, simulator = given
    steps = way.schedule.steps
    last = evaluated(potential, ticked(end.placed(state), simulator.dt, steps))

    def step(done: Array, carry: tuple[State, Array]) -> tuple[State, Array]:
        back, off = carry
        back = simulator.unstep(potential, back)
        n = steps - done - 1
        _, more, fresh = _renewed(Point.of(back), kept, n, way.segment, n)
        if kept is not None:
            slot = jax.tree.map(lambda x: x[n // way.segment], kept)
            back = jax.lax.cond(fresh, lambda: evaluated(potential, slot.placed(back)), lambda: back)
        return back, jnp.maximum(off, more)

    back, off = jax.lax.fori_loop(0, steps, step, (last, jnp.zeros(())))
    return jnp.maximum(off, _apart(back.system.positions, start.positions))


def _unflown(simulator: AbstractReversible, after: State, point: Point, bars: Point) -> tuple[Point, Point]:
    """Before the middle of the step that led here, with its adjoint; the clock shows the start of that step."""
    before = simulator.unmiddle(point.placed(after))
    _, pull = eqx.filter_vjp(lambda moving: Point.of(simulator.middle(moving.placed(before))), Point.of(before))
    return Point.of(before), pull(bars)[0]


def _renewed(
    point: Point, kept: Any, n: Array, segment: int, elsewhere: Array
) -> tuple[Point, Float[Array, ""], Bool[Array, ""]]:
    """With the positions and bath that were kept after n steps, how far off they were, and whether there were any.

    Where `elsewhere` is zero the point is an end of the path, and stays.
    """
    if kept is None:
        return point, jnp.zeros(()), jnp.asarray(False)
    fresh = (n % segment == segment - 1) & (elsewhere > 0)
    positions, _, bath = jax.tree.map(lambda x: x[n // segment], kept)
    off = jnp.where(fresh, _apart(positions, point.positions), 0.0)
    pick = lambda new, old: jnp.where(fresh, new, old)  # noqa: E731
    return Point(pick(positions, point.positions), point.momenta, jax.tree.map(pick, bath, point.bath)), off, fresh


def _apart(left: Array, right: Array) -> Float[Array, ""]:
    return jnp.max(jnp.abs(left - right))


def _stacked(shape: Any, frames: int) -> jax.ShapeDtypeStruct:
    return jax.ShapeDtypeStruct((frames, *shape.shape), shape.dtype)


def _filled(cotangents: Any, like: Any) -> Any:
    """Cotangents with zeros in place of those that nobody asked for; None where there is no derivative."""

    def fill(cotangent: Any, leaf: Any) -> Any:
        if leaf is None or not jnp.issubdtype(leaf.dtype, jnp.inexact):
            return None
        return jnp.zeros(leaf.shape, leaf.dtype) if cotangent is None else cotangent

    return jax.tree.map(fill, cotangents, like, is_leaf=lambda x: x is None)
