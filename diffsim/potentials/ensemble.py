"""Potentials that give their opinions: their mean is the answer, their disagreement its uncertainty."""

import math
from collections.abc import Callable

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from diffsim.graph import Graph
from diffsim.potentials.base import AbstractPotential
from diffsim.potentials.composed import AbstractComposed, check_together
from diffsim.potentials.uncertain import AbstractUncertain, of_members


class Ensemble(AbstractComposed, AbstractUncertain):
    """E_i = 1/M Σ_m E_i^m of M potentials, of one kind fitted differently or of different kinds.

    The same network trained from several starts (doi:10.48550/arXiv.1612.01474), or a committee of model families
    (doi:10.1145/130385.130417). How far members disagree is told by `diffsim.energy_deviation`, `force_deviation` and
    `stress_deviation`. Each has its own cutoff and depth; those of one kind, with arrays of the same shapes, are
    evaluated at once. Parameters are `members.0.epsilon` and so on.

    **Raises** `ValueError` for fewer than two members, for members that have no element in common, and for
    one that has no energy (`AbstractDirectForces`).
    """

    members: tuple[AbstractPotential, ...] = eqx.field(converter=tuple)

    def __check_init__(self) -> None:
        check_together(self.members, "an ensemble", "members")

    @property
    def made_of(self) -> tuple[AbstractPotential, ...]:
        return self.members

    def atomic_energies(self, graph: Graph) -> Float[Array, " atoms"]:
        return jnp.mean(of_members(lambda member: member.atomic_energies(graph), self.members), axis=0)

    def spread(self, function: Callable[[AbstractPotential], Array]) -> Float[Array, "ways *shape"]:
        """How far each member is from the mean: the variance is that over members as they are (1/M, not 1/(M − 1))."""
        values = of_members(function, self.members)
        return (values - jnp.mean(values, axis=0)) / math.sqrt(len(self.members))
