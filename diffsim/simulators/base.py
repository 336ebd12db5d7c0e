"""What a simulator is, and how forces and neighbours keep up with the state that it advances."""

import abc
from typing import TYPE_CHECKING, Any, ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from diffsim.fields import concrete
from diffsim.mechanics import neighbors_of, total_forces
from diffsim.neighbors import Neighbors
from diffsim.potentials.base import AbstractPotential
from diffsim.simulators.lists import refreshed
from diffsim.simulators.momenta import maxwell
from diffsim.simulators.state import State, pushed
from diffsim.simulators.temperature import kelvin
from diffsim.system import System

SKIN = 0.4  # Å: how much further than the cutoff the list of a new state reaches
_SPARE = 1.1  # a crystal's atoms have more neighbours once they move


class AbstractSimulator(eqx.Module):
    """Advances a state by one step of `dt`; forces are those of the positions whenever a step ends."""

    if TYPE_CHECKING:  # an abstract variable would be taken for an argument of __init__
        dt: ClassVar[Array]
    else:
        dt: eqx.AbstractVar[Float[Array, ""]]

    @property
    def vibrates(self) -> bool:
        """Whether it is stable, as Verlet's methods are, only while dt is short against every period of vibration."""
        return True

    @abc.abstractmethod
    def step(self, potential: AbstractPotential, state: State) -> State:
        """The state one time step later; for use inside `jit`."""

    def bath(self, system: System, key: Array) -> Any:
        """What the thermostat or barostat remembers at the start; None where there is nothing to remember."""
        del system, key
        return None

    def evaluate(self, potential: AbstractPotential, state: State) -> State:
        """The state with the forces of its positions; a barostat wants the virial as well."""
        return evaluated(potential, state)

    def init(
        self,
        potential: AbstractPotential,
        system: System,
        key: Array,
        temperature: Float[Array, ""] | float | None = None,
        *,
        mobile: Bool[Array | np.ndarray, " atoms"] | None = None,
        skin: float = SKIN,
    ) -> State:
        """The system with momenta drawn at `temperature` in K, their total zero, and a list with a `skin` in Å.

        A thermostat's own temperature is taken where none is given. Where `mobile` is False an atom is held where it
        is.

        **Raises** `ValueError` for a temperature below zero or none at all, a time step or skin that is not positive,
        and where a list cannot be made for the potential.
        """
        if temperature is None:
            temperature = self._own_temperature()
        check_positive("dt", self.dt, "Å √(amu/eV)")
        check_positive("skin", skin, "Å")
        held = None if mobile is None else jnp.asarray(mobile, bool)[:, None]
        neighbors = _made(potential, system, skin, _SPARE)
        noise, bath, key = jax.random.split(key, 3)
        dtype = system.positions.dtype
        state = State(
            system,
            neighbors,
            momenta=maxwell(system, noise, temperature, held),
            time=jnp.zeros((), dtype),
            step=jnp.zeros((), jnp.int32),
            key=key,
            bath=self.bath(system, bath),
            mobile=held,
            overflow=jnp.zeros((), bool),
        )
        return evaluate_now(self, potential, state)

    def _own_temperature(self) -> Float[Array, ""]:
        own = getattr(self, "temperature", None)
        if own is None:
            raise ValueError(f"{type(self).__name__} keeps no temperature: say at how many K it starts, temperature=")
        return kelvin(own, 0.0)


def _made(potential: AbstractPotential, system: System, skin: float, spare: float, *, least: int = 0) -> Neighbors:
    """A list to move with; where an edge costs much, those inside the cutoff are picked out of it."""
    neighbors = neighbors_of(potential, system, None, skin, spare)
    return neighbors if potential.light else neighbors.sifting(system, potential.cutoff, least=least)


def relisted(potential: AbstractPotential, state: State, like: State | None = None) -> State:
    """The same state with a list for the potential's cutoff; for use outside `jit`.

    It has more room than the state's own, or as much as that of a state that is alike.
    """
    last, more = (state, True) if like is None else (like, False)
    skin = max(float(last.neighbors.radius - potential.cutoff), SKIN)
    needed = len(neighbors_of(potential, state.system, None, skin).index)
    room = max(len(last.neighbors.index), needed)
    spare = (room + more * room**0.5) / needed  # by what numbers of neighbours fluctuate
    neighbors = _made(potential, state.system, skin, spare, least=last.neighbors.inside + 2 * more)
    neighbors = neighbors.with_room_like(last.neighbors, int(more))
    return state.replace(neighbors=neighbors, overflow=jnp.zeros_like(state.overflow))


def evaluated(potential: AbstractPotential, state: State) -> State:
    """The state with the forces of its positions, its list made again first where atoms have moved too far."""
    state, near = listed(potential, state)
    return pushed(state, total_forces(potential, state.system, near))


def listed(potential: AbstractPotential, state: State) -> tuple[State, Neighbors]:
    """The state with a list that holds for its positions, or is said to have overflowed, and what is near of it."""
    neighbors, near, overflow = refreshed(state.neighbors, state.system, potential.cutoff)
    return state.replace(neighbors=neighbors, overflow=state.overflow | overflow), near


@eqx.filter_jit
def evaluate_now(simulator: AbstractSimulator, potential: AbstractPotential, state: State) -> State:
    """`evaluate`, compiled: for use outside `jit`."""
    return simulator.evaluate(potential, state)


def check_positive(name: str, value: Any, unit: str) -> None:
    """Refuses what is not a positive, finite number, where it is known."""
    number = concrete(jnp.asarray(value))
    if number is not None and not (jnp.isfinite(number).all() and (number > 0).all()):
        raise ValueError(f"{name} must be positive, got {number} {unit}")
