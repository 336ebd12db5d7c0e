"""A trajectory and its adjoint, which goes back from the end and rebuilds the states that it passes."""

from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from diffsim.gradients.base import Record
from diffsim.gradients.rebuilt import Given, Point, Way, apart, renewed, unflown
from diffsim.mechanics import work
from diffsim.neighbors import Neighbors
from diffsim.potentials.base import AbstractPotential
from diffsim.simulators import State
from diffsim.simulators.base import evaluated
from diffsim.simulators.lists import refreshed
from diffsim.simulators.state import kick, ticked


@eqx.filter_custom_vjp
def path(given: Given, way: Way) -> tuple[Any, Point, Bool[Array, ""], Any]:
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
def _forth(perturbed: Any, given: Given, way: Way) -> tuple[Any, Any]:
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
def _adjoint(ended: Any, cotangents: Any, perturbed: Any, given: Given, way: Way) -> tuple[Any, ...]:
    del perturbed
    end, overflown, kept = ended
    potential, start, state, simulator = given
    steps, half = way.schedule.steps, 0.5 * simulator.dt
    theta = eqx.filter(potential, eqx.is_inexact_array)
    shapes = eqx.filter_eval_shape(lambda p, s: way.record(p, evaluated(p, end.placed(s))), potential, state)
    seen = _filled(cotangents[0], jax.tree.map(lambda s: _stacked(s, way.schedule.frames), shapes))
    mobile = state.mobile
    held = lambda v: v if mobile is None else jnp.where(mobile, v, 0.0)  # noqa: E731

    def pass_by(before_last: Int[Array, ""], back: _Back) -> _Back:
        """The point so many steps before the end, and the flow that led to it."""
        n = steps - before_last
        follows, precedes = half * (before_last > 0), half * (n > 0)  # kicks of the step that follows, and that before
        point, off, fresh = renewed(back.point, kept, n, way.segment, before_last)
        here = ticked(point.placed(state), simulator.dt, n)
        neighbors, near, overflow = refreshed(back.neighbors, here.system, potential.cutoff)
        here = here.replace(neighbors=neighbors)

        bars, summed, of_forces = back.bars, back.potential, jnp.zeros_like(start.momenta)
        if jax.tree.leaves(seen):
            bar_of = lambda number: jax.tree.map(lambda bar: bar[number], seen)  # noqa: E731
            number = (n - way.schedule.equilibration) // way.schedule.stride - 1
            watched = (n - way.schedule.equilibration) % way.schedule.stride == 0
            blank = jax.tree.map(jnp.zeros_like, (theta, point, of_forces))
            of_theta, of_point, of_forces = jax.lax.cond(
                watched & (number >= 0),
                lambda: _handed_down(potential, way.record, kick(evaluated(potential, here), -follows), bar_of(number)),
                lambda: blank,
            )
            bars = jax.tree.map(jnp.add, bars, of_point)
            summed = jax.tree.map(jnp.add, summed, of_theta)
        w = follows * back.bars.momenta + precedes * bars.momenta + of_forces
        forces, by_positions, by_theta = work(potential, here.system, near, held(w))
        momenta = point.momenta - follows * held(forces)
        if kept is not None:
            momenta = jnp.where(fresh, kept.momenta[n // way.segment], momenta)
        point = point._replace(momenta=momenta - precedes * held(forces))
        bars = bars._replace(positions=bars.positions + by_positions)
        summed = jax.tree.map(jnp.add, summed, by_theta)
        point, bars = jax.lax.cond(
            n > 0, lambda: unflown(simulator, ticked(here, simulator.dt, -1), point, bars), lambda: (point, bars)
        )
        return _Back(point, neighbors, bars, summed, jnp.maximum(back.off, off), back.overflow | overflow)

    zeros = jax.tree.map(jnp.zeros_like, theta)
    first = _Back(end, state.neighbors, _filled(cotangents[1], end), zeros, jnp.zeros(()), jnp.zeros((), bool))
    back = jax.lax.fori_loop(0, steps + 1, pass_by, first)
    off = jnp.maximum(back.off, apart(back.point.positions, start.positions))
    trusted = _trusted if way.strict else _or_nan
    bars = trusted((back.potential, back.bars), off <= way.limit, back.overflow, overflown)
    blank = jax.tree.map(lambda _: None, eqx.filter((state, simulator), eqx.is_inexact_array))
    return *bars, *blank


def _trusted(bars: Any, close: Array, short: Array, overflown: Array) -> Any:
    """Refuses derivatives of a path that was not the one of before; one that overflowed is run again anyway."""
    bars = eqx.error_if(
        bars,
        short & ~overflown,  # first: what follows a list that is too short is off as well
        "a neighbour list of Reversible was too short on its way back, though not on the way there: give it more room",
    )
    return eqx.error_if(
        bars,
        ~close & ~overflown,
        "Reversible rebuilt a state that is off by more than its limit: the path is too long for the chaos in it; "
        "take fewer steps, choose Truncated or Reweighting, or raise the limit",
    )


def _or_nan(bars: Any, close: Array, short: Array, overflown: Array) -> Any:
    """NaN for such derivatives."""
    fine = (close & ~short) | overflown
    return jax.tree.map(lambda bar: jnp.where(fine, bar, jnp.nan), bars)


def _handed_down(potential: AbstractPotential, record: Record, state: State, bar: Any) -> tuple[Any, Point, Array]:
    """Cotangents of the potential, the point and the forces that the cotangent of a record hands down."""
    theta, rest = eqx.partition(potential, eqx.is_inexact_array)

    def of(theta: Any, point: Point, forces: Array) -> Any:
        return record(eqx.combine(theta, rest), point.placed(state).replace(forces=forces))

    return eqx.filter_vjp(of, theta, Point.of(state), state.forces)[1](bar)


def _stacked(shape: Any, frames: int) -> jax.ShapeDtypeStruct:
    return jax.ShapeDtypeStruct((frames, *shape.shape), shape.dtype)


def _filled(cotangents: Any, like: Any) -> Any:
    """Cotangents with zeros in place of those that nobody asked for; None where there is no derivative."""

    def fill(cotangent: Any, leaf: Any) -> Any:
        if leaf is None or not jnp.issubdtype(leaf.dtype, jnp.inexact):
            return None
        return jnp.zeros(leaf.shape, leaf.dtype) if cotangent is None else cotangent

    return jax.tree.map(fill, cotangents, like, is_leaf=lambda x: x is None)
