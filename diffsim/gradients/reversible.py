"""Through the path, which is not stored but run backwards: memory does not grow with the number of steps."""

import dataclasses
from typing import Any, Literal

import equinox as eqx
import jax

from diffsim.fields import constant, require_x64
from diffsim.gradients.base import AbstractGradient, Record, Sample, each_replica, uniform
from diffsim.gradients.forward import Forward
from diffsim.gradients.path import path
from diffsim.gradients.rebuilt import Point, Way, reconstruction_error
from diffsim.potentials.base import AbstractPotential
from diffsim.simulators import AbstractReversible, Schedule, State
from diffsim.simulators.base import evaluated
from diffsim.simulators.state import ticked


class Reversible(AbstractGradient):
    """The exact adjoint of a reversible integrator; states are rebuilt by its steps backwards.

    With F = F(x, θ) and cotangents x̄, p̄ of what follows, the adjoint of the kicks at a point of the path is that of the
    work w·F, w = p̄ dt:  x̄ ← x̄ + ∂(w·F)/∂x,  θ̄ ← θ̄ + ∂(w·F)/∂θ. Both, and the F that the way back itself needs, come
    from one reverse pass (`mechanics.work`) for any potential. The integrator's middle knows no potential and is
    differentiated as it is.

    Rounding grows along the way back as the chaos of the system does. `limit` in Å is how far off the rebuilt start may
    be: beyond it the derivative is refused, with an error, or by being NaN where it is not `strict`. With `measured`
    the diagnostics say how far off it is, for the price of another run. Friction loses digits without chaos, so where
    there is some a state is kept every `segment` steps. Reverse mode and 64-bit only; by the potential, and by
    positions, momenta and bath at the start.

    After doi:10.48550/arXiv.2105.13493 and doi:10.48550/arXiv.2412.04374.

    **Raises** `ValueError` for a simulator that cannot be run backwards, and for 32-bit positions.
    """

    limit: float = constant(default=1e-6)
    measured: bool = constant(default=True)
    segment: int = constant(default=1000)
    strict: bool = constant(default=True)
    mode: Literal["reverse", "forward"] = constant(default="reverse")

    def forwards(self) -> AbstractGradient:
        return Forward()

    def forgiving(self) -> AbstractGradient:
        return dataclasses.replace(self, strict=False)

    @each_replica
    def sample(
        self, potential: AbstractPotential, simulator: Any, state: State, schedule: Schedule, record: Record
    ) -> Sample:
        if not isinstance(simulator, AbstractReversible):
            raise ValueError(
                f"{type(simulator).__name__} cannot be run backwards: choose VelocityVerlet, NoseHoover or Langevin, "
                "or differentiate with Backprop"
            )
        require_x64(state.system.positions, "running a trajectory backwards")
        shaped = eqx.filter_eval_shape(evaluated, potential, state)
        record = eqx.filter_closure_convert(record, potential, shaped)  # what it looks at is an argument of the adjoint
        way = Way(record, schedule, self.segment if simulator.loses_digits else 0, self.limit, self.strict)
        moving = Point.of(state)
        given = potential, moving, jax.lax.stop_gradient(moving).placed(state.replace(forces=None)), simulator
        records, end, overflow, kept = path(given, way)
        last = evaluated(potential, ticked(end.placed(state), simulator.dt, schedule.steps))
        diagnostics = {"overflow": overflow | last.overflow}
        if self.measured:
            point, given = jax.lax.stop_gradient((end, given))
            diagnostics["reconstruction_error"] = reconstruction_error(given, point, kept, way)
        return Sample(records, uniform(schedule), last.replace(overflow=diagnostics["overflow"]), diagnostics)
