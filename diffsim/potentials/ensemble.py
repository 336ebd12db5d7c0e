"""Potentials that give their opinions: their mean is the answer, their disagreement its uncertainty."""

import math
from collections.abc import Callable

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from diffsim.graph import Graph
from diffsim.potentials.base import AbstractPotential
from diffsim.potentials.direct import require_energies
from diffsim.potentials.sum import species_in_common, widest
from diffsim.potentials.uncertain import AbstractUncertain, of_members


class Ensemble(AbstractUncertain):
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
        if len(self.members) < 2:
            raise ValueError(f"an ensemble needs at least two potentials, got {len(self.members)}")
        species_in_common(self.members, "members of an ensemble")
        require_energies(self.members)

    @property
    def species(self) -> tuple[int, ...]:  # type: ignore[override]
        """What all members have parameters for."""
        return species_in_common(self.members, "members of an ensemble")

    @property
    def cutoff(self) -> Float[Array, ""]:
        return jnp.max(jnp.stack([member.cutoff for member in self.members]))

    @property
    def pairwise(self) -> bool:
        return all(member.pairwise for member in self.members)

    @property
    def whole(self) -> bool:
        return any(member.whole for member in self.members)

    @property
    def angular_cutoff(self) -> float | None:
        return widest(self.members)

    @property
    def of_positions(self) -> bool:
        return any(member.of_positions for member in self.members)

    @property
    def depth(self) -> int:
        return max(member.depth for member in self.members)

    @property
    def reach(self) -> Float[Array, ""]:
        return jnp.max(jnp.stack([member.reach for member in self.members]))

    def atomic_energies(self, graph: Graph) -> Float[Array, " atoms"]:
        return jnp.mean(of_members(lambda member: member.atomic_energies(graph), self.members), axis=0)

    def spread(self, function: Callable[[AbstractPotential], Array]) -> Float[Array, "ways *shape"]:
        """How far each member is from the mean: the variance is that over members as they are (1/M, not 1/(M − 1))."""
        values = of_members(function, self.members)
        return (values - jnp.mean(values, axis=0)) / math.sqrt(len(self.members))
