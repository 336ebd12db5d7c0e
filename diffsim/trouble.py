"""What to say of a trajectory that went wrong: the step, the atom, its nearest pair, and the last good state."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool

from diffsim.neighbors import find_edges
from diffsim.potentials.base import AbstractPotential
from diffsim.simulators.base import AbstractSimulator, State, temperature
from diffsim.simulators.schedule import members
from diffsim.units import fs

_NEAR = 6.0  # Å: how far around an atom its nearest pair is looked for


class SimulationError(RuntimeError):
    """A trajectory that cannot go on; `state` is the last one that was sound."""

    def __init__(self, message: str, state: State):
        super().__init__(message)
        self.state = state


def is_sound(state: State, ceiling: Array) -> Bool[Array, ""]:
    """Whether positions, momenta and forces are finite and the temperature is not above the ceiling in K."""
    assert state.momenta is not None
    assert state.forces is not None
    parts = (state.system.positions, state.momenta, state.forces)
    finite = jnp.all(jnp.array([jnp.isfinite(part).all() for part in parts]))
    return finite & (temperature(state) <= ceiling)


def explained(
    potential: AbstractPotential, simulator: AbstractSimulator, state: State, steps: int, ceiling: float
) -> SimulationError:
    """Walks from a sound state to the first step that is not, and looks at the state before it."""
    found = [_last_sound(potential, simulator, one, steps, jnp.asarray(ceiling)) for one in members(state)]
    replica = int(np.argmin([int(last.step) for last, _ in found]))
    last, hot = found[replica]
    pushed = np.linalg.norm(np.asarray(last.forces) / np.asarray(last.system.masses)[:, None], axis=1)
    atom = int(np.argmax(pushed))
    where = f" of replica {replica}" if len(found) > 1 else ""
    what = f"the temperature rises above {ceiling:g} K" if hot else "positions, momenta or forces stop being finite"
    dt = float(np.asarray(simulator.dt)) / fs
    return SimulationError(
        f"{what} at step {int(last.step) + 1}{where}: atom {atom} is pushed hardest, {_pair(last, atom)}, "
        f"and the system is at {float(temperature(last)):.0f} K one step before; "
        f"take a time step shorter than {dt:.3g} fs, or start from positions closer to rest",
        last,
    )


@eqx.filter_jit
def _last_sound(
    potential: AbstractPotential, simulator: AbstractSimulator, state: State, steps: int, ceiling: Array
) -> tuple[State, Bool[Array, ""]]:
    """The state before the first step that is not sound, and whether that one was merely too hot."""

    def going_on(carry: tuple[Array, State, State]) -> Bool[Array, ""]:
        number, _, after = carry
        return (number < steps) & is_sound(after, ceiling)

    def once(carry: tuple[Array, State, State]) -> tuple[Array, State, State]:
        number, _, after = carry
        return number + 1, after, simulator.step(potential, after)

    _, last, after = jax.lax.while_loop(going_on, once, (jnp.zeros((), int), state, state))
    return last, is_sound(after, jnp.asarray(jnp.inf))


def _pair(state: State, atom: int) -> str:
    """The neighbour nearest to an atom, in words."""
    system = state.system
    try:
        i, j, shifts = find_edges(np.asarray(system.positions), np.asarray(system.cell), system.pbc, _NEAR)
    except ValueError as error:  # atoms that coincide
        return str(error)
    mine = i == atom
    if not mine.any():
        return f"no atom is within {_NEAR} Å of it"
    x = np.asarray(system.positions)
    vectors = x[j[mine]] - x[atom] + shifts[mine] @ np.asarray(system.cell)
    distances = np.linalg.norm(vectors, axis=1)
    return f"{distances.min():.3f} Å from atom {j[mine][distances.argmin()]}"
