"""Potentials that are made of others."""

import abc
from collections.abc import Sequence

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from diffsim.neighbors import Neighbors
from diffsim.potentials.base import AbstractPotential
from diffsim.potentials.direct import require_energies
from diffsim.system import System


class AbstractComposed(AbstractPotential):
    """Looks as far as any of those that it is made of, and has parameters for what all of them have."""

    @property
    @abc.abstractmethod
    def made_of(self) -> tuple[AbstractPotential, ...]:
        """The others."""

    @property
    def species(self) -> tuple[int, ...]:  # type: ignore[override]
        return species_in_common(self.made_of)

    @property
    def cutoff(self) -> Float[Array, ""]:
        return jnp.max(jnp.stack([one.cutoff for one in self.made_of]))

    @property
    def pairwise(self) -> bool:
        return all(one.pairwise for one in self.made_of)

    @property
    def light(self) -> bool:
        return all(one.light for one in self.made_of)

    @property
    def whole(self) -> bool:
        return any(one.whole for one in self.made_of)

    @property
    def angular_cutoff(self) -> float | None:
        return max((one.angular_cutoff for one in self.made_of if one.angular_cutoff is not None), default=None)

    @property
    def of_positions(self) -> bool:
        return any(one.of_positions for one in self.made_of)

    def standardised(self, systems: System, neighbors: Neighbors) -> AbstractPotential:
        """With each of the others standardised."""
        new = tuple(one.standardised(systems, neighbors) for one in self.made_of)
        return eqx.tree_at(lambda p: p.made_of, self, new)

    @property
    def depth(self) -> int:
        return max(one.depth for one in self.made_of)

    @property
    def reach(self) -> Float[Array, ""]:
        return jnp.max(jnp.stack([one.reach for one in self.made_of]))


def check_together(potentials: Sequence[AbstractPotential], one: str, parts: str) -> None:
    """Refuses fewer than two, those that have no element in common, and one that has no energy."""
    if len(potentials) < 2:
        raise ValueError(f"{one} needs at least two potentials, got {len(potentials)}")
    if any(potential.species for potential in potentials) and not species_in_common(potentials):
        raise ValueError(
            f"the {parts} of {one} have no element in common: no system can have parameters in all of them"
        )
    require_energies(potentials)


def species_in_common(potentials: Sequence[AbstractPotential]) -> tuple[int, ...]:
    """The elements that all have parameters for; empty where all atoms are alike."""
    named = [potential.species for potential in potentials if potential.species]
    return tuple(z for z in named[0] if all(z in species for species in named)) if named else ()
