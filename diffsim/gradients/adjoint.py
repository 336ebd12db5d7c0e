"""Through the path of an ordinary differential equation, by diffrax's adjoints."""

from typing import Any, Literal

import jax
import jax.numpy as jnp

from diffsim.fields import constant
from diffsim.gradients.base import AbstractGradient, Record, Sample, each_replica, framed, uniform
from diffsim.gradients.forward import Forward
from diffsim.potentials.base import AbstractPotential
from diffsim.simulators import Ode, Schedule, State
from diffsim.simulators.base import evaluated
from diffsim.simulators.state import ticked


class Adjoint(AbstractGradient):
    """diffrax's adjoint of Hamilton's equations, frame by frame, for the simulator `Ode`.

    `"recursive_checkpoint"` differentiates the solver's steps, exactly, from states kept at the best times (online
    treeverse, doi:10.1137/080718036). `"backsolve"` solves the adjoint equation backwards in time instead, without
    storing anything: optimise-then-discretise, so its error is that of the solver (doi:10.48550/arXiv.1806.07366), and
    grows with the chaos of the path; take a solver of high order and few steps.

    **Raises** `ValueError` for another simulator.
    """

    adjoint: Literal["recursive_checkpoint", "backsolve"] = constant(default="recursive_checkpoint")
    mode: Literal["reverse", "forward"] = constant(default="reverse")

    def __check_init__(self) -> None:
        if self.adjoint not in ("recursive_checkpoint", "backsolve"):
            raise ValueError(f"adjoint must be 'recursive_checkpoint' or 'backsolve', got {self.adjoint!r}")

    def forwards(self) -> AbstractGradient:
        return Forward()

    @each_replica
    def sample(
        self, potential: AbstractPotential, simulator: Any, state: State, schedule: Schedule, record: Record
    ) -> Sample:
        if not isinstance(simulator, Ode):
            raise ValueError(
                f"Adjoint is for the simulator Ode, got {type(simulator).__name__}: take Reversible for it"
            )

        steps = lambda state, n: self._solved(potential, simulator, state, n)  # noqa: E731
        records, state = framed(steps, potential, evaluated(potential, state), schedule, record)
        return Sample(records, uniform(schedule), state, {"overflow": state.overflow})

    def _solved(self, potential: AbstractPotential, simulator: Ode, state: State, steps: int) -> State:
        import diffrax

        back = diffrax.BacksolveAdjoint() if self.adjoint == "backsolve" else diffrax.RecursiveCheckpointAdjoint()
        found = diffrax.diffeqsolve(
            simulator.terms(),
            simulator.solver,
            jnp.zeros_like(simulator.dt),
            steps * simulator.dt,
            simulator.dt,
            (state.system.positions, state.momenta),
            args=(potential, jax.lax.stop_gradient(state)),
            adjoint=back,
            max_steps=steps + 1,
            throw=False,
        )
        positions, momenta = jax.tree.map(lambda leaf: leaf[-1], found.ys)
        return evaluated(potential, ticked(state.moved(positions, momenta), simulator.dt, steps))
