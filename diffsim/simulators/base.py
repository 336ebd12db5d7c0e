"""What a simulator is, what it advances, and the pieces that integrators are made of."""

import abc
import dataclasses
from typing import TYPE_CHECKING, Any, ClassVar, cast

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from diffsim import units
from diffsim.fields import concrete
from diffsim.mechanics import neighbors_of, total_forces
from diffsim.neighbors import Neighbors
from diffsim.potentials.base import AbstractPotential
from diffsim.simulators.lists import refreshed
from diffsim.simulators.temperature import kelvin
from diffsim.system import System

SKIN = 0.4  # Å: how much further than the cutoff the list of a new state reaches
_SPARE = 1.1  # a crystal's atoms have more neighbours once they move


if TYPE_CHECKING:  # what moves has them all; only what is at rest has None
    _Vectors = _Number = _Count = _Flag = Array
else:
    _Vectors = Float[Array, "*replicas atoms 3"] | None
    _Number = Float[Array, "*replicas"] | None
    _Count = Int[Array, "*replicas"] | None
    _Flag = Bool[Array, "*replicas"] | None


class State(eqx.Module):
    """A system, who is near whom in it, and, where it moves, all that its next step depends on.

    The list says by `overflow` that it was too short at some step since the start: nothing after that counts. Noise of
    step n is drawn from `fold_in(key, n)`, so that it can be drawn again, forwards and backwards.
    """

    system: System
    neighbors: Neighbors
    momenta: _Vectors = cast(Any, None)  # amu Å per unit of time, √(amu eV)
    forces: _Vectors = cast(Any, None)  # eV/Å, zero on atoms that are held
    time: _Number = cast(Any, None)  # Å √(amu/eV)
    step: _Count = cast(Any, None)
    key: Any = None
    bath: Any = None  # what a thermostat or barostat remembers
    mobile: Bool[Array, "*replicas atoms 1"] | None = None  # False for atoms that are held; None where all move
    overflow: _Flag = cast(Any, None)
    kept: Any = None  # what a gradient method keeps from one sample to the next

    def replace(self, **fields: Any) -> "State":
        """A copy with some fields replaced."""
        return dataclasses.replace(self, **fields)

    def moved(self, positions: Array, momenta: Array) -> "State":
        """A copy with these positions and momenta."""
        return self.replace(system=self.system.replace(positions=positions), momenta=momenta)


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
        neighbors = neighbors_of(potential, system, None, skin, _SPARE)
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


def relisted(potential: AbstractPotential, state: State) -> State:
    """The same state with a list for the potential's cutoff that has more room than its own; for use outside `jit`."""
    skin = max(float(state.neighbors.radius - potential.cutoff), SKIN)
    needed = len(neighbors_of(potential, state.system, None, skin).index)
    room = max(len(state.neighbors.index), needed)
    spare = (room + room**0.5) / needed  # by what numbers of neighbours fluctuate
    neighbors = neighbors_of(potential, state.system, None, skin, spare)
    return state.replace(neighbors=neighbors, overflow=jnp.zeros_like(state.overflow))


def evaluated(potential: AbstractPotential, state: State) -> State:
    """The state with the forces of its positions, its list made again first where atoms have moved too far."""
    state = listed(potential, state)
    return pushed(state, total_forces(potential, state.system, state.neighbors))


def listed(potential: AbstractPotential, state: State) -> State:
    """The state with a list that holds for its positions, or is said to have overflowed."""
    neighbors, overflow = refreshed(state.neighbors, state.system, potential.cutoff)
    return state.replace(neighbors=neighbors, overflow=state.overflow | overflow)


def pushed(state: State, forces: Float[Array, "atoms 3"]) -> State:
    """The state with these forces on the atoms that are not held."""
    return state.replace(forces=forces if state.mobile is None else jnp.where(state.mobile, forces, 0.0))


@eqx.filter_jit
def evaluate_now(simulator: AbstractSimulator, potential: AbstractPotential, state: State) -> State:
    """`evaluate`, compiled: for use outside `jit`."""
    return simulator.evaluate(potential, state)


def kick(state: State, dt: Float[Array, ""]) -> State:
    """p ← p + F dt"""
    return state.replace(momenta=state.momenta + dt * state.forces)


def drift(state: State, dt: Float[Array, ""]) -> State:
    """x ← x + p/m dt"""
    moved = state.system.positions + dt * state.momenta / state.system.masses[:, None]
    return state.replace(system=state.system.replace(positions=moved))


def ticked(state: State, dt: Float[Array, ""], steps: Int[Array, ""] | int = 1) -> State:
    """The clock, and the counter of steps that noise is drawn from."""
    return state.replace(time=state.time + steps * dt, step=(state.step + steps).astype(state.step.dtype))


def kinetic_energy(state: State) -> Float[Array, ""]:
    """Σ p²/2m in eV."""
    return 0.5 * jnp.sum(state.momenta**2 / state.system.masses[:, None])


def kinetic_tensor(state: State) -> Float[Array, "3 3"]:
    """Σ p⊗p/m in eV."""
    return state.momenta.T @ (state.momenta / state.system.masses[:, None])


def degrees_of_freedom(state: State) -> Float[Array, ""]:
    """3 (N − 1) where all atoms move and their total momentum is kept; 3 for each mobile atom where others are held."""
    real = state.system.numbers > 0
    if state.mobile is None:
        return 3.0 * jnp.maximum(jnp.sum(real) - 1, 1)
    return 3.0 * jnp.maximum(jnp.sum(real & state.mobile[:, 0]), 1)


def temperature(state: State) -> Float[Array, ""]:
    """2 E_kin / (k_B · degrees of freedom) in K."""
    return 2 * kinetic_energy(state) / (units.kB * degrees_of_freedom(state))


def maxwell(
    system: System, key: Array, temperature: Float[Array, ""] | float, mobile: Bool[Array, "atoms 1"] | None = None
) -> Float[Array, "atoms 3"]:
    """Momenta from the Maxwell–Boltzmann distribution, √(m k_B T) ξ; their total is zero unless some atoms are held.

    **Raises** `ValueError` for a temperature below zero.
    """
    value = concrete(jnp.asarray(temperature))
    if value is not None and not (value >= 0).all():
        raise ValueError(f"the temperature must not be negative, got {value} K")
    noise = jax.random.normal(key, system.positions.shape, system.positions.dtype)
    return thermal(system, noise, temperature, mobile)


def thermal(system: System, noise: Array, temperature: Any, mobile: Array | None) -> Float[Array, "atoms 3"]:
    """√(m k_B T) ξ without the motion of the centre of mass: distributed as momenta whose total is zero."""
    masses = jnp.where(system.numbers > 0, system.masses, 0.0)[:, None]
    momenta = jnp.sqrt(masses * units.kB * temperature) * noise
    if mobile is not None:
        return jnp.where(mobile, momenta, 0.0)
    return momenta - masses / jnp.sum(masses) * jnp.sum(momenta, axis=0)


def thermal_noise(state: State, step: Array, temperature: Any) -> Float[Array, "atoms 3"]:
    """√(m k_B T) ξ of a step, the same whenever it is drawn."""
    noise = jax.random.normal(jax.random.fold_in(state.key, step), state.momenta.shape, state.momenta.dtype)
    return thermal(state.system, noise, temperature, state.mobile)


def check_positive(name: str, value: Any, unit: str) -> None:
    """Refuses what is not a positive, finite number, where it is known."""
    number = concrete(jnp.asarray(value))
    if number is not None and not (jnp.isfinite(number).all() and (number > 0).all()):
        raise ValueError(f"{name} must be positive, got {number} {unit}")
