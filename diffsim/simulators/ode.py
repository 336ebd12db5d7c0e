"""Newton's equations by any solver of diffrax."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from diffsim.fields import as_array
from diffsim.mechanics import total_forces
from diffsim.potentials.base import AbstractPotential
from diffsim.simulators.base import AbstractSimulator, State, evaluated, listed, pushed, ticked


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
    solver: Any  # an ODE solver of diffrax

    def __check_init__(self) -> None:
        import diffrax

        several = diffrax.LeapfrogMidpoint | diffrax.ReversibleHeun
        if not isinstance(self.solver, diffrax.AbstractSolver) or isinstance(self.solver, several):
            name = type(self.solver).__name__
            raise ValueError(f"solver must be one of diffrax's that start from x and p alone, like Tsit5(), got {name}")

    def step(self, potential: AbstractPotential, state: State) -> State:
        import diffrax

        masses = state.system.masses[:, None]

        def force(x: Array) -> Array:
            there = state.replace(system=state.system.replace(positions=x))
            there = listed(potential, there.replace(overflow=jnp.zeros((), bool)))
            forces = pushed(there, total_forces(potential, there.system, there.neighbors)).forces
            return jnp.where(there.overflow, jnp.nan, forces)

        if isinstance(self.solver.term_structure, tuple):  # a solver that takes positions and momenta in turn
            velocity, slope = lambda t, p, args: p / masses, lambda t, x, args: force(x)
            terms = (diffrax.ODETerm(velocity), diffrax.ODETerm(slope))
        else:
            terms = diffrax.ODETerm(lambda t, y, args: (y[1] / masses, force(y[0])))
        start, end, y = jnp.zeros_like(self.dt), self.dt, (state.system.positions, state.momenta)
        memory = self.solver.init(terms, start, end, y, None)
        y, _, _, _, result = self.solver.step(terms, start, end, y, None, memory, made_jump=False)
        x, p = jax.tree.map(lambda leaf: jnp.where(result == diffrax.RESULTS.successful, leaf, jnp.nan), y)
        state = state.replace(system=state.system.replace(positions=x), momenta=p)
        return evaluated(potential, ticked(state, self.dt))
