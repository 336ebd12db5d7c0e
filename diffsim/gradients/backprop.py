"""Through the path, backwards, from states that were kept."""

from collections.abc import Callable
from typing import Any, Literal

import equinox.internal as eqxi
import jax

from diffsim.fields import constant
from diffsim.gradients.base import AbstractGradient, Record, Sample, each_replica, framed, uniform
from diffsim.gradients.forward import Forward
from diffsim.potentials.base import AbstractPotential
from diffsim.simulators import Schedule, State


class Backprop(AbstractGradient):
    """Reverse-mode differentiation of the steps; any simulator, exact to rounding.

    By default the state before every step is kept and the step is run again on the way back: two runs and the adjoint,
    memory for as many states as steps. With `checkpoints=n` only n states are kept, at the times at which the fewest
    steps have to be run again (online treeverse, doi:10.1137/080718036): slower, and as small as you like.
    """

    checkpoints: int | None = constant(default=None)
    mode: Literal["reverse", "forward"] = constant(default="reverse")

    def __check_init__(self) -> None:
        if self.checkpoints is not None and self.checkpoints < 1:
            raise ValueError(f"checkpoints must be at least 1, got {self.checkpoints}")

    def forwards(self) -> AbstractGradient:
        return Forward()

    @each_replica
    def sample(
        self, potential: AbstractPotential, simulator: Any, state: State, schedule: Schedule, record: Record
    ) -> Sample:
        def step(state: State, _: None) -> tuple[State, None]:
            return simulator.step(potential, state), None

        steps = lambda state, n: self._scan(step, state, n)[0]  # noqa: E731
        scan = jax.lax.scan if self.checkpoints is None else self._scan
        records, state = framed(steps, potential, simulator.evaluate(potential, state), schedule, record, scan)
        return Sample(records, uniform(schedule), state, {"overflow": state.overflow})

    def _scan(self, body: Callable[[State, None], tuple[State, Any]], state: State, length: int) -> tuple[State, Any]:
        if self.checkpoints is None:
            return jax.lax.scan(jax.checkpoint(body), state, length=length)
        count = min(self.checkpoints, max(length, 1))
        return eqxi.scan(body, state, None, length, kind="checkpointed", checkpoints=count)
