"""Potentials that act together."""

from collections.abc import Sequence

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from diffsim.graph import Graph
from diffsim.potentials.base import AbstractPotential
from diffsim.potentials.direct import require_energies


class Sum(AbstractPotential):
    """E_i = Σ_p E_i^p: a short-range repulsion under a learned potential, charges on top of a short-ranged one.

    Each part ends at its own cutoff. Parameters are those of the parts, `parts.0.epsilon` and so on.

    **Raises** `ValueError` for fewer than two parts, for parts that have no element in common, and for one
    that has no energy (`AbstractDirectForces`).
    """

    parts: tuple[AbstractPotential, ...] = eqx.field(converter=tuple)

    def __check_init__(self) -> None:
        if len(self.parts) < 2:
            raise ValueError(f"a sum needs at least two potentials, got {len(self.parts)}")
        species_in_common(self.parts, "parts of a sum")
        require_energies(self.parts)

    @property
    def species(self) -> tuple[int, ...]:  # type: ignore[override]
        """What all parts have parameters for."""
        return species_in_common(self.parts, "parts of a sum")

    @property
    def cutoff(self) -> Float[Array, ""]:
        return jnp.max(jnp.stack([part.cutoff for part in self.parts]))

    @property
    def pairwise(self) -> bool:
        return all(part.pairwise for part in self.parts)

    @property
    def whole(self) -> bool:
        return any(part.whole for part in self.parts)

    @property
    def angular_cutoff(self) -> float | None:
        return widest(self.parts)

    @property
    def of_positions(self) -> bool:
        return any(part.of_positions for part in self.parts)

    @property
    def depth(self) -> int:
        return max(part.depth for part in self.parts)

    @property
    def reach(self) -> Float[Array, ""]:
        return jnp.max(jnp.stack([part.reach for part in self.parts]))

    def atomic_energies(self, graph: Graph) -> Float[Array, " atoms"]:
        return sum((part.atomic_energies(graph) for part in self.parts), jnp.zeros_like(graph.weights))


def widest(potentials: Sequence[AbstractPotential]) -> float | None:
    """The largest of their angular cutoffs; None where none of them has one."""
    return max((p.angular_cutoff for p in potentials if p.angular_cutoff is not None), default=None)


def species_in_common(potentials: Sequence[AbstractPotential], what: str) -> tuple[int, ...]:
    """The elements that all have parameters for, refused where there are none; empty where all atoms are alike."""
    named = [potential.species for potential in potentials if potential.species]
    common = tuple(z for z in named[0] if all(z in species for species in named)) if named else ()
    if named and not common:
        raise ValueError(f"the {what} have no element in common: no system can have parameters in all of them")
    return common
