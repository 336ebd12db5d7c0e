"""What every potential is: atomic energies of a graph, and how far it looks."""

import abc
from typing import TYPE_CHECKING, Any, ClassVar

import equinox as eqx
import numpy as np
from jaxtyping import Array, Float

from diffsim.fields import concrete
from diffsim.graph import Graph
from diffsim.neighbors import Neighbors
from diffsim.system import System


class AbstractPotential(eqx.Module):
    """A force field: a pytree of parameters and one function. Forces, stress and Hessians are its derivatives."""

    species: eqx.AbstractVar[tuple[int, ...]]  # atomic numbers it has parameters for; empty: all atoms alike
    if TYPE_CHECKING:  # an abstract variable would be taken for an argument of __init__
        cutoff: ClassVar[Array]
    else:
        cutoff: eqx.AbstractVar[Float[Array, ""]]  # Å: edges from here on do not matter; a field or a property

    @property
    def pairwise(self) -> bool:
        """Whether the energy is a sum over pairs, half of each at either end; then ∂E/∂r_ji = −∂E/∂r_ij."""
        return False

    @property
    def light(self) -> bool:
        """Whether an edge costs so little that it is not worth looking which of a list are inside the cutoff."""
        return self.pairwise

    @property
    def depth(self) -> int:
        """How many times messages are passed along edges; 1 where an atom's energy depends on its own edges alone."""
        return 1

    @property
    def whole(self) -> bool:
        """Whether it has to see all atoms at once, and not a block of them after the other."""
        return self.depth > 1

    @property
    def angular_cutoff(self) -> float | None:
        """Å: how near both neighbours of an angle are, where it looks at angles one by one; None where it does not."""
        return None

    @property
    def of_positions(self) -> bool:
        """Whether edges alone have no energy: it looks at `graph.system`, or has no energy at all."""
        return False

    @property
    def reach(self) -> Float[Array, ""]:
        """Å: how far an atom's energy looks, depth × cutoff."""
        return self.depth * self.cutoff

    def standardised(self, systems: System, neighbors: Neighbors) -> "AbstractPotential":
        """With what its inputs are standardised by taken from a batch of structures; itself where nothing is."""
        return self

    @abc.abstractmethod
    def atomic_energies(self, graph: Graph) -> Float[Array, " atoms"]:
        """Energy of each atom in eV; the total is their sum."""


def atomic_numbers(species: Any) -> tuple[int, ...]:
    """Chemical symbols or atomic numbers as atomic numbers."""
    from ase.data import atomic_numbers as table

    numbers = []
    for one in [species] if isinstance(species, str | int) else species:
        if isinstance(one, str) and one not in table:
            raise ValueError(f"unknown chemical symbol {one!r}")
        numbers.append(table[one] if isinstance(one, str) else int(one))
    if len(set(numbers)) < len(numbers):
        raise ValueError(f"species must differ from each other, got {list(species)}")
    return tuple(numbers)


def check_cutoff(cutoff: Array, name: str = "cutoff") -> None:
    """Refuses a cutoff that is not a positive, finite number."""
    value = concrete(cutoff)
    if value is not None and not (np.isfinite(value).all() and (value > 0).all()):
        raise ValueError(f"{name} must be positive, got {value.tolist()} Å")


def check_elements(species: tuple[int, ...], what: str = "networks") -> None:
    """Refuses a potential of no elements where each needs parameters of its own."""
    if not species:
        raise ValueError(f"{what} are made for elements: give the species, e.g. ('Si',)")


def check_species(potential: AbstractPotential, system: System) -> None:
    """Refuses atoms that the potential has no parameters for."""
    numbers = concrete(system.numbers)
    if numbers is None or not potential.species:
        return
    strangers = sorted(set(numbers.tolist()) - {0, *potential.species})
    if strangers:
        from ase.data import chemical_symbols

        known = ", ".join(chemical_symbols[z] for z in potential.species)
        missing = ", ".join(chemical_symbols[z] for z in strangers)
        raise ValueError(f"{type(potential).__name__} has parameters for {known}, but the system contains {missing}")
