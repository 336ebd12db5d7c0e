"""What a simulator advances, and the moves that its steps are made of."""

import dataclasses
from typing import TYPE_CHECKING, Any, cast

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from diffsim.neighbors import Neighbors
from diffsim.system import System

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


def pushed(state: State, forces: Float[Array, "atoms 3"]) -> State:
    """The state with these forces on the atoms that are not held."""
    return state.replace(forces=forces if state.mobile is None else jnp.where(state.mobile, forces, 0.0))
