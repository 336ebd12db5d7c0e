"""What to say of a trajectory that went wrong: the step, the atom, its nearest pair, and how it came to that."""

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from diffsim.neighbors import find_edges
from diffsim.potentials.base import AbstractPotential
from diffsim.simulators.base import AbstractSimulator
from diffsim.simulators.momenta import temperature
from diffsim.simulators.schedule import advance, members, trajectory
from diffsim.simulators.state import State
from diffsim.system import System
from diffsim.units import fs

CEILING = 1e5  # K: hotter than anything that a force field is made for; explosions end far above it
_NEAR = 6.0  # Å: how far around an atom its nearest pair is looked for
_FAR = 1e6  # Å: who is further away has no neighbours worth looking for
_FILM = 10  # steps


class Still(NamedTuple):
    """What is to be seen of a state, and its step."""

    system: System
    momenta: Float[Array, "*frames atoms 3"]
    forces: Float[Array, "*frames atoms 3"]
    step: Int[Array, "*frames"]
    time: Float[Array, "*frames"]
    temperature: Float[Array, "*frames"]  # K

    @staticmethod
    def of(state: State) -> "Still":
        return Still(state.system, state.momenta, state.forces, state.step, state.time, temperature(state))


class SimulationError(ValueError):
    """A trajectory that cannot go on; `state` is the last one that was sound.

    `film` holds the steps around it along a leading axis, the first that was not sound last; `atom` is the one that was
    pushed hardest.
    """

    def __init__(self, message: str, state: State, film: Still | None = None, atom: int | None = None):
        super().__init__(message)
        self.state = state
        self.film = jax.tree.map(lambda leaf: leaf[None], Still.of(members(state)[0])) if film is None else film
        self.atom = atom


def is_sound(state: State, ceiling: Array) -> Bool[Array, ""]:
    """Whether positions, momenta and forces are finite and the temperature is not above the ceiling in K."""
    assert state.momenta is not None
    assert state.forces is not None
    parts = (state.system.positions, state.momenta, state.forces)
    finite = jnp.all(jnp.array([jnp.isfinite(part).all() for part in parts]))
    return finite & (temperature(state) <= ceiling)


def explained(
    potential: AbstractPotential,
    simulator: AbstractSimulator,
    state: State,
    steps: int,
    ceiling: float,
    where: str = "",
) -> SimulationError | None:
    """Walks to the first step that is not sound, and looks at the state before it.

    None where there is no such step, or only because a list was too short.
    """
    limits = jnp.asarray(steps), jnp.asarray(ceiling)
    walked = [_walk(potential, simulator, one, *limits) for one in members(state)]
    replica = int(np.argmin([steps + 1 if walk.fine else int(walk.steps) for walk in walked]))
    walk = walked[replica]
    if walk.fine or _short(walk):
        return None
    frames = min(int(walk.steps), _FILM)
    film = _film(potential, simulator, members(state)[replica], walk.steps - frames, frames) if frames else None
    atom = _hardest_pushed(walk.last)
    which = f" of replica {replica}" if len(walked) > 1 else ""
    return SimulationError(_sentence(simulator, walk, ceiling, which + where, atom), walk.last, film, atom)


class _Walk(NamedTuple):
    steps: Int[Array, ""]  # that were taken
    last: State  # before the last of them
    after: State
    fine: Bool[Array, ""]  # whether that is sound


def _sentence(simulator: AbstractSimulator, walk: _Walk, ceiling: float, where: str, atom: int) -> str:
    step, dt = int(walk.last.step), float(np.asarray(simulator.dt)) / fs
    hot = is_sound(walk.after, jnp.asarray(jnp.inf))
    what = f"the temperature rises above {ceiling:g} K" if hot else "positions, momenta or forces stop being finite"
    when, then = (f"at step {step + 1}", "one step before") if walk.steps else (f"at the start, step {step}", "there")
    return (
        f"{what} {when}{where}: atom {atom} is pushed hardest, {_pair(walk.last, atom)}, "
        f"and the system is at {float(temperature(walk.last)):.4g} K {then}; "
        f"take a time step shorter than {dt:.3g} fs, start from positions closer to rest, or from a sensible potential"
    )


@eqx.filter_jit
def _walk(
    potential: AbstractPotential, simulator: AbstractSimulator, state: State, steps: Array, ceiling: Array
) -> _Walk:
    """To the first step that is not sound, or to the end."""

    def going_on(walk: _Walk) -> Bool[Array, ""]:
        return (walk.steps < steps) & walk.fine

    def once(walk: _Walk) -> _Walk:
        after = simulator.step(potential, walk.after)
        return _Walk(walk.steps + 1, walk.after, after, is_sound(after, ceiling))

    return jax.lax.while_loop(going_on, once, _Walk(jnp.zeros((), int), state, state, is_sound(state, ceiling)))


@eqx.filter_jit
def _film(
    potential: AbstractPotential, simulator: AbstractSimulator, state: State, before: Array, frames: int
) -> Still:
    """The steps after so many steps."""
    state = advance(potential, simulator, state, before)
    return trajectory(potential, simulator, state, frames, 1, lambda _, state: Still.of(state))[0]


def _short(walk: _Walk) -> bool:
    """Whether a list was too short before anything else went wrong; NaN outgrows every list."""
    still = np.isfinite(walk.after.system.positions).all()
    return bool(walk.last.overflow) or (bool(walk.after.overflow) and bool(still))


def _hardest_pushed(state: State) -> int:
    accelerations = np.linalg.norm(np.asarray(state.forces) / np.asarray(state.system.masses)[:, None], axis=1)
    return int(np.argmax(np.where(np.asarray(state.system.numbers) > 0, accelerations, -1.0)))


def _pair(state: State, atom: int) -> str:
    """The neighbour nearest to an atom, in words."""
    system = state.system
    x = np.asarray(system.positions)
    if not np.abs(x).max() < _FAR:
        return f"atoms are thrown as far as {np.abs(x).max():.1e} Å"
    try:
        i, j, shifts = find_edges(x, np.asarray(system.cell), system.pbc, _NEAR)
    except ValueError as error:  # atoms that coincide
        return str(error)
    mine = i == atom
    if not mine.any():
        return f"no atom is within {_NEAR} Å of it"
    vectors = x[j[mine]] - x[atom] + shifts[mine] @ np.asarray(system.cell)
    distances = np.linalg.norm(vectors, axis=1)
    return f"{distances.min():.3f} Å from atom {j[mine][distances.argmin()]}"
