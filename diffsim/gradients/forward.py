"""Through the path, forwards: a tangent for each parameter is carried along."""

from typing import Any, Literal

from diffsim.fields import constant
from diffsim.gradients.base import AbstractGradient, Record, Sample, each_replica, framed, uniform
from diffsim.potentials.base import AbstractPotential
from diffsim.simulators import Schedule, State, advance


class Forward(AbstractGradient):
    """The plain trajectory, to be differentiated by `jax.jvp` or `jax.jacfwd`: dx_n/dθ is advanced beside x_n.

    Flat memory, any simulator, any length; its cost grows with the number of parameters, so it is for a few of them.
    """

    mode: Literal["reverse", "forward"] = constant(default="forward")

    @each_replica
    def sample(
        self, potential: AbstractPotential, simulator: Any, state: State, schedule: Schedule, record: Record
    ) -> Sample:
        steps = lambda state, n: advance(potential, simulator, state, n)  # noqa: E731
        records, state = framed(steps, potential, simulator.evaluate(potential, state), schedule, record)
        return Sample(records, uniform(schedule), state, {"overflow": state.overflow})
