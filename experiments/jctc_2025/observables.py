"""What the study predicts, as observables of this experiment: nothing in the library had to be changed for them."""

from typing import Any, ClassVar, Literal

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from diffsim import AbstractObservable, elastic_constants
from diffsim.fields import as_array, constant
from diffsim.gradients.base import AbstractGradient, Record, Sample
from diffsim.observables.base import AbstractStatic
from diffsim.potentials.base import AbstractPotential
from diffsim.simulators.state import State

MANDEL = np.array([1, 1, 1, np.sqrt(2), np.sqrt(2), np.sqrt(2)])


def mandel(voigt: Any) -> Any:
    """A Voigt matrix of stiffnesses in Mandel's notation, whose Frobenius norm is that of the fourth-rank tensor."""
    return voigt * MANDEL * MANDEL[:, None]


class MandelConstants(AbstractStatic):
    """All 36 elastic constants in Mandel's notation, as second derivatives of the energy in F = 1 + ε."""

    unit: str = constant(default="GPa")

    @property
    def labels(self) -> tuple[str, ...]:
        return ("xx", "yy", "zz", "yz", "xz", "xy")

    def record(self, potential: AbstractPotential, state: State) -> Float[Array, "6 6"]:
        return mandel(elastic_constants(potential, state.system, definition="energy", neighbors=state.neighbors))


class Holding(AbstractObservable):
    """An observable of the potential with some parameters set to values that hold for this crystal alone."""

    inner: AbstractObservable
    values: tuple[tuple[str, float], ...] = constant(converter=tuple)

    @property
    def unit(self) -> str:
        return self.inner.unit

    @property
    def labels(self) -> tuple[str, ...]:
        return self.inner.labels

    def record(self, potential: AbstractPotential, state: State) -> Any:
        return self.inner.record(holding(potential, self.values), state)

    def estimate(self, records: Any, weights: Float[Array, " frames"]) -> Float[Array, "..."]:
        return self.inner.estimate(records, weights)


def holding(potential: AbstractPotential, values: tuple[tuple[str, float], ...]) -> AbstractPotential:
    """The potential with these parameters."""
    for name, value in values:
        potential = eqx.tree_at(lambda p, n=name: getattr(p, n), potential, jnp.asarray(value, float))
    return potential


class AsGiven(AbstractGradient):
    """One frame, the structure as it was given: diamond's atoms are at rest by symmetry, and the cell is held."""

    mode: Literal["reverse", "forward"] = constant(default="reverse")
    moves: ClassVar[bool] = False
    rests: ClassVar[bool] = True

    def sample(
        self, potential: AbstractPotential, simulator: Any, state: State, schedule: Any, record: Record
    ) -> Sample:
        records = jax.tree.map(lambda leaf: leaf[None], record(potential, state))
        overflow = state.neighbors.overflow(state.system, potential.cutoff)
        return Sample(records, jnp.ones(1, state.system.positions.dtype), state, {"overflow": overflow})


class Rooted(AbstractObservable):
    """(p − reference)/√‖p − reference‖: its square is the norm itself, for least squares on a sum of norms."""

    inner: AbstractObservable
    reference: Float[Array, "..."] = eqx.field(converter=as_array)
    unit: str = constant()

    @property
    def labels(self) -> tuple[str, ...]:
        return self.inner.labels

    def record(self, potential: AbstractPotential, state: State) -> Any:
        return self.inner.record(potential, state)

    def estimate(self, records: Any, weights: Float[Array, " frames"]) -> Float[Array, "..."]:
        misfit = self.inner.estimate(records, weights) - self.reference
        return misfit / jnp.sqrt(jnp.linalg.norm(misfit))
