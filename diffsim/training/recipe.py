"""A training from its files to its start: which data, in which parts, and the potential that learns from them."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from diffsim.data.configurations import Configuration, read_configurations, species_of
from diffsim.data.splitting import split
from diffsim.linear import Scales, solve_linear
from diffsim.potentials.base import AbstractPotential
from diffsim.training.loss import ENERGY, FORCE, STRESS, Loss
from diffsim.training.start import has, referenced, scaled, standardised

Maker = Callable[[Sequence[str]], AbstractPotential]  # of the elements


class Parts(NamedTuple):
    """A data set, divided."""

    training: list[Configuration]
    validation: list[Configuration]
    test: list[Configuration]


@dataclasses.dataclass(frozen=True)
class Training:
    """What `experiment=train` reads from its configuration.

    `model` makes a potential for the elements that occur in the data, or is one, whose learning goes on. `data` is a
    file, or `NAME/FILE` of a data set that comes with diffsim. `ridge` and `scales` are those of `solve_linear`, for a
    model that is linear in some of its parameters: these are solved for before the first epoch, with the model's own
    prior where it has one, and a `posterior` knows how sure it is. `keys` and `zero` are those of
    `read_configurations`, `fractions` and `block` those of `split`; `loss`, `batch_size`, `average` and `dropout`
    are those of `train`.
    """

    model: AbstractPotential | Maker
    data: str
    keys: Mapping[str, str | None] = dataclasses.field(default_factory=dict)
    zero: Mapping[str, float] = dataclasses.field(default_factory=dict)
    fractions: Sequence[float] = (0.8, 0.1, 0.1)
    block: int = 1
    ridge: Mapping[str, float] = dataclasses.field(default_factory=dict)
    scales: Scales = dataclasses.field(default_factory=lambda: Scales(ENERGY, FORCE, STRESS))
    posterior: bool = False
    loss: Loss = dataclasses.field(default_factory=Loss)
    batch_size: int = 8
    average: float = 0.99
    dropout: float = 0.0

    def parts(self, seed: int) -> Parts:
        """The data, read and divided.

        **Raises** `ValueError` for what `read_configurations` and `split` refuse, and for other than three parts.
        """
        if len(self.fractions) != 3:
            raise ValueError(f"fractions are those of training, validation and test, got {list(self.fractions)}")
        found = read_configurations(self.data, **self.keys, zero=self.zero)
        return Parts(*split(found, self.fractions, block=self.block, seed=seed))

    def start(self, training: Sequence[Configuration]) -> AbstractPotential:
        """The potential before its first update.

        A new one has its inputs standardised over the training set, and begins with small forces. Reference energies
        are least squares, where the form has them: of a potential that is there already too, since other labels may
        have another zero. What `ridge` names is solved for.
        """
        if isinstance(self.model, AbstractPotential):
            potential = self.model
        else:
            potential = scaled(standardised(self.model(species_of(training)), training), training)
        if has(potential, "reference"):
            potential = referenced(potential, training)
        if not self.ridge:
            return potential
        prior = getattr(potential, "prior", None)
        solution = solve_linear(potential, training, self.scales, ridge=self.ridge, prior=prior)
        return solution.posterior if self.posterior else solution.potential
