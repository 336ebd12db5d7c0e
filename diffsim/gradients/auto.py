"""The method that a pilot run has chosen, with the reason."""

import dataclasses
import json
from typing import Any, ClassVar, Literal

import equinox as eqx
import jax

from diffsim.fields import constant
from diffsim.gradients.adjoint import Adjoint
from diffsim.gradients.backprop import Backprop
from diffsim.gradients.base import AbstractGradient, Record, Sample
from diffsim.gradients.forward import Forward
from diffsim.gradients.implicit import Implicit
from diffsim.gradients.reversible import Reversible
from diffsim.gradients.reweighting import Reweighting
from diffsim.gradients.score import Score
from diffsim.gradients.truncated import Truncated
from diffsim.potentials.base import AbstractPotential
from diffsim.simulators import State

_CHOICES = (Implicit, Reversible, Backprop, Forward, Adjoint, Truncated, Reweighting, Score)


class Auto(AbstractGradient):
    """Chooses among the others, once, before a fit begins.

    `fit` makes a pilot run (`diffsim.decided`): how fast neighbouring paths part, how long the energy remembers itself,
    and for the methods that the physics allows the error, time and memory of the gradient. `certificate` says what was
    chosen and why. The choice is part of a fit's state, so a fit that goes on keeps it. Where no method is valid the
    fit is refused, with the reasons. A structure at rest has Implicit, at its own cell.
    """

    chosen: AbstractGradient | None = None
    certificate: str = constant(default="")
    rests: ClassVar[bool] = True

    @property
    def mode(self) -> Literal["reverse", "forward"]:  # type: ignore[override]
        return "reverse" if self.chosen is None else self.chosen.mode

    @property
    def goes_on(self) -> bool:  # type: ignore[override]
        return self.chosen is not None and self.chosen.goes_on

    @property
    def weighs_frames(self) -> bool:  # type: ignore[override]
        return self.chosen is not None and self.chosen.weighs_frames

    def prepare(self, potential: AbstractPotential, simulator: Any, state: State, schedule: Any) -> State:
        return state if self.chosen is None else self.chosen.prepare(potential, simulator, state, schedule)

    def forwards(self) -> AbstractGradient:
        return self if self.chosen is None else dataclasses.replace(self, chosen=self.chosen.forwards())

    def forgiving(self) -> AbstractGradient:
        return self if self.chosen is None else dataclasses.replace(self, chosen=self.chosen.forgiving())

    def sample(
        self, potential: AbstractPotential, simulator: Any, state: State, schedule: Any, record: Record
    ) -> Sample:
        if self.chosen is not None:
            return self.chosen.sample(potential, simulator, state, schedule, record)
        plain = Implicit() if simulator is None else Forward()  # predictions need no choice
        return plain.sample(_undecided(potential), simulator, state, schedule, record)

    @property
    def words(self) -> str:
        """What is kept of the choice in a fit's state."""
        assert self.chosen is not None
        fields = {f.name: getattr(self.chosen, f.name) for f in dataclasses.fields(self.chosen)}
        plain = {name: value for name, value in fields.items() if isinstance(value, bool | int | float | str | None)}
        return json.dumps({"method": type(self.chosen).__name__, "settings": plain, "certificate": self.certificate})

    @staticmethod
    def from_words(words: str) -> "Auto":
        """The choice that was kept."""
        told = json.loads(words)
        method = {choice.__name__: choice for choice in _CHOICES}[told["method"]]
        return Auto(method(**told["settings"]), told["certificate"])


@eqx.filter_custom_jvp
def _undecided(potential: AbstractPotential) -> AbstractPotential:
    """The potential, of which no derivative may be taken."""
    return potential


@_undecided.def_jvp
def _no_derivative(primals: Any, tangents: Any) -> Any:
    if not jax.tree.leaves(tangents):
        return primals[0], tangents[0]
    raise ValueError("Auto has not chosen a method yet: fit does, or diffsim.decided(potential, experiments)")
