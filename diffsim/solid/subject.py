"""One potential and its crystal."""

import dataclasses
import functools

import numpy as np
from jaxtyping import Float

from diffsim.mechanics import require_periodic
from diffsim.potentials.base import AbstractPotential, check_species
from diffsim.potentials.direct import AbstractDirectForces
from diffsim.relax import relax
from diffsim.solid.density import mesh_modes
from diffsim.solid.lattice import Lattice
from diffsim.solid.settings import Repeats
from diffsim.system import System


@dataclasses.dataclass(frozen=True, eq=False)
class Solid:
    """A potential and its crystal.

    **Raises** `ValueError` for a structure that is not periodic and elements without parameters.
    """

    potential: AbstractPotential
    structure: System
    repeats: Repeats

    def __post_init__(self) -> None:
        require_periodic(self.structure, "a solid")
        check_species(self.potential, self.structure)

    @property
    def has_energy(self) -> bool:
        """Whether forces come from an energy."""
        return not isinstance(self.potential, AbstractDirectForces)

    @functools.cached_property
    def crystal(self) -> System:
        """The crystal with positions and cell at rest; as given where the potential has no energy to say where that is.

        **Raises** `ValueError` where there is no minimum nearby.
        """
        return relax(self.potential, self.structure, cell=True) if self.has_energy else self.structure

    @functools.cached_property
    def lattice(self) -> Lattice:
        """Its harmonic vibrations."""
        return Lattice(self.potential, self.crystal, self.repeats)

    @functools.cached_property
    def modes(self) -> tuple[Float[np.ndarray, "q modes"], Float[np.ndarray, " q"]]:
        """Frequencies on a mesh and weights."""
        return mesh_modes(self.lattice)
