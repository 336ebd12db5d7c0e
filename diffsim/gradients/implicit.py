"""Static experiments: relax, then record; derivatives by the implicit function theorem."""

from typing import Any, ClassVar, Literal

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from diffsim.fields import as_array, constant
from diffsim.gradients.base import AbstractGradient, Record, Sample
from diffsim.potentials.base import AbstractPotential
from diffsim.relax import relax
from diffsim.simulators.state import State


class Implicit(AbstractGradient):
    """One frame: the structure of least enthalpy, over the positions and, if asked, the cell. It needs no simulator."""

    cell: bool = constant(default=False)
    pressure: Float[Array, ""] = eqx.field(converter=as_array, default=0.0)  # eV/Å³
    mode: Literal["reverse", "forward"] = constant(default="reverse")
    moves: ClassVar[bool] = False
    rests: ClassVar[bool] = True

    def sample(
        self, potential: AbstractPotential, simulator: Any, state: State, schedule: Any, record: Record
    ) -> Sample:
        system = relax(potential, state.system, cell=self.cell, pressure=self.pressure, neighbors=state.neighbors)
        relaxed = State(system, state.neighbors)
        records = jax.tree.map(lambda leaf: leaf[None], record(potential, relaxed))
        overflow = state.neighbors.overflow(system, potential.cutoff)
        return Sample(records, jnp.ones(1, system.positions.dtype), relaxed, {"overflow": overflow})
