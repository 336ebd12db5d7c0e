"""The ensembles of jax-md."""

import inspect
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from diffsim.fields import as_array, constant
from diffsim.mechanics import total_energy
from diffsim.potentials.base import AbstractPotential
from diffsim.simulators.base import AbstractSimulator, evaluated, listed
from diffsim.simulators.state import State, ticked
from diffsim.system import System


class JaxMD(AbstractSimulator):
    """An ensemble of `jax_md.simulate` (doi:10.48550/arXiv.1912.04232), those of constant pressure included.

    `ensemble(energy, shift, dt)` is one of its functions with everything else said, in our units:

    `JaxMD(1 * units.fs, functools.partial(jax_md.simulate.nvt_nose_hoover, kT=units.kB * 300.0))`

    Positions and momenta are handed to it before each step and taken back after; `bath` holds the leaves of its state.
    jax-md counts 3 N degrees of freedom, also where the total momentum is zero, so a system is N/(N − 1) times hotter
    than asked for. Forces are evaluated twice a step. All atoms move. Needs `pip install jax-md`.
    """

    dt: Float[Array, ""] = eqx.field(converter=as_array)  # Å √(amu/eV)
    ensemble: Callable[..., Any] = constant()

    def bath(self, system: System, key: Array) -> list[Array]:
        return jax.tree.leaves(self._made(system, key))

    def step(self, potential: AbstractPotential, state: State) -> State:
        from jax_md import simulate  # pyright: ignore

        def energy(R: Array, box: Any = None, perturbation: Any = 1.0, **_: Any) -> Float[Array, ""]:
            system = state.system.replace(positions=R, cell=state.system.cell if box is None else box.T)
            there, near = listed(potential, state.replace(system=system, overflow=jnp.zeros((), bool)))
            strained = system.strained((perturbation - 1.0) * jnp.eye(3))
            return jnp.where(there.overflow, jnp.nan, total_energy(potential, strained, near))

        structure = jax.tree.structure(jax.eval_shape(self._made, state.system, state.key))
        inner = jax.tree.unflatten(structure, state.bath)
        inner = inner.set(position=state.system.positions, momentum=state.momenta, force=state.forces)
        inner = self.ensemble(energy, _shift, self.dt)[1](inner)
        cell = simulate.npt_box(inner).T if hasattr(inner, "box_position") else state.system.cell
        system = state.system.replace(positions=inner.position, cell=cell)
        state = state.replace(system=system, momenta=inner.momentum, bath=jax.tree.leaves(inner))
        return evaluated(potential, ticked(state, self.dt))

    def _made(self, system: System, key: Array) -> Any:
        """jax-md's own state, before it has seen any force."""
        begin = self.ensemble(lambda R, **_: 0.0 * jnp.sum(R), _shift, self.dt)[0]
        box = {"box": system.cell.T} if "box" in inspect.signature(begin).parameters else {}
        return begin(key, system.positions, **box, mass=system.masses)


def _shift(positions: Array, moved: Array, **_: Any) -> Array:
    """Positions are not wrapped."""
    return positions + moved
