"""Through the path, forwards: a tangent for each parameter is carried along."""

from typing import Any, Literal

from diffsim.fields import constant
from diffsim.gradients.base import AbstractGradient, Record, Sample, each_replica, uniform
from diffsim.potentials.base import AbstractPotential
from diffsim.simulators import Schedule, State, advance, trajectory


class Forward(AbstractGradient):
    """The plain trajectory, to be differentiated by `jax.jvp` or `jax.jacfwd`: dx_n/dθ is advanced beside x_n.

    Flat memory, any simulator, any length; its cost grows with the number of parameters, so it is for a few of them.
    """

    mode: Literal["reverse", "forward"] = constant(default="forward")

    @each_replica
    def sample(
        self, potential: AbstractPotential, simulator: Any, state: State, schedule: Schedule, record: Record
    ) -> Sample:
        state = advance(potential, simulator, simulator.evaluate(potential, state), schedule.equilibration)
        records, state = trajectory(potential, simulator, state, schedule.frames, schedule.stride, record)
        return Sample(records, uniform(schedule), state, {"overflow": state.overflow})
