"""Newton's equations by any solver of diffrax."""

import dataclasses
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from diffsim.fields import as_array
from diffsim.mechanics import total_forces
from diffsim.potentials.base import AbstractPotential
from diffsim.simulators.base import AbstractSimulator, evaluated, listed
from diffsim.simulators.state import State, pushed, ticked


class Ode(AbstractSimulator):
    """Hamilton's equations, one step of a diffrax solver each dt: `Ode(1 * units.fs, diffrax.Dopri8())`.

    dx/dt = p/m,  dp/dt = F(x)

    For orders that splittings do not reach, implicit solvers, and comparisons; energy drifts where a solver is not
    symplectic. Each step starts the solver anew from positions and momenta. Lists are looked at in every stage, so no
    stage misses a neighbour. A stage that fails (a list too short, no solution of an implicit equation) is NaN, which
    `simulate` sees.

    **Raises** `ValueError` for a solver that needs more than the state: one of several steps, or of another equation.
    """

    dt: Float[Array, ""] = eqx.field(converter=as_array)  # Å √(amu/eV)
    solver: Any = eqx.field(converter=lambda solver: _of_both_modes(solver))  # an ODE solver of diffrax

    def __check_init__(self) -> None:
        import diffrax

        several = diffrax.LeapfrogMidpoint | diffrax.ReversibleHeun
        if not isinstance(self.solver, diffrax.AbstractSolver) or isinstance(self.solver, several):
            name = type(self.solver).__name__
            raise ValueError(f"solver must be one of diffrax's that start from x and p alone, like Tsit5(), got {name}")

    @property
    def vibrates(self) -> bool:
        return False  # what is stable depends on the solver

    def step(self, potential: AbstractPotential, state: State) -> State:
        import diffrax

        start, end, y = jnp.zeros_like(self.dt), self.dt, (state.system.positions, state.momenta)
        terms, args = self.terms(), (potential, state)
        memory = self.solver.init(terms, start, end, y, args)
        y, _, _, _, result = self.solver.step(terms, start, end, y, args, memory, made_jump=False)
        x, p = jax.tree.map(lambda leaf: jnp.where(result == diffrax.RESULTS.successful, leaf, jnp.nan), y)
        return evaluated(potential, ticked(state.moved(x, p), self.dt))

    def terms(self) -> Any:
        """The equations as diffrax's terms; their `args` are the potential, and a state with masses and a list."""
        import diffrax

        velocity = lambda t, p, args: p / args[1].system.masses[:, None]  # noqa: E731
        slope = lambda t, x, args: _force(x, *args)  # noqa: E731
        if isinstance(self.solver.term_structure, tuple):  # a solver that takes positions and momenta in turn
            return diffrax.ODETerm(velocity), diffrax.ODETerm(slope)
        return diffrax.ODETerm(lambda t, y, args: (velocity(t, y[1], args), slope(t, y[0], args)))


def _force(x: Float[Array, "atoms 3"], potential: AbstractPotential, state: State) -> Float[Array, "atoms 3"]:
    """Forces at these positions; NaN where a list made for them is too short."""
    there = state.replace(system=state.system.replace(positions=x), overflow=jnp.zeros((), bool))
    there, near = listed(potential, there)
    forces = pushed(there, total_forces(potential, there.system, near)).forces
    return jnp.where(there.overflow, jnp.nan, forces)


def _of_both_modes(solver: Any) -> Any:
    """With its stages in a loop that can be differentiated forwards as well as backwards, where it has one."""
    if getattr(solver, "scan_kind", "") is not None:
        return solver
    return dataclasses.replace(solver, scan_kind="bounded")
