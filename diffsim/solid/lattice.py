"""Lattice dynamics of any potential: exact where it is one of edges, from a supercell elsewhere."""

import dataclasses
import functools

import numpy as np
from jaxtyping import Complex, Float

from diffsim.mechanics import force_constants
from diffsim.observables import dynamical_matrix
from diffsim.observables.phonons import has_lattice_dynamics, looks_beyond
from diffsim.observables.supercell import frequencies_of, of_first_cell, supercell_dynamical_matrix
from diffsim.potentials.base import AbstractPotential
from diffsim.system import System


@dataclasses.dataclass(frozen=True, eq=False)
class Lattice:
    """A crystal at rest and its harmonic vibrations.

    Functions of positions have no D(q) of edges. Theirs comes from the force constants of the crystal `repeats` times,
    each to the nearest image: exact for the waves that fit, and between them as far as forces reach no further than
    half that cell. Of force constants that are not symmetric, as those of no energy are, the symmetric part is taken.
    """

    potential: AbstractPotential
    crystal: System
    repeats: tuple[int, int, int]

    @property
    def exact(self) -> bool:
        """Whether no supercell is needed."""
        return has_lattice_dynamics(self.potential)

    @property
    def costly(self) -> bool:
        """Whether each wave vector costs as many cells as its denominator says, and must have a small one."""
        return self.exact and looks_beyond(self.potential)

    @property
    def way(self) -> str:
        """How frequencies are found: "exact", "interpolated" on fine meshes alone, or from a "supercell"."""
        return "interpolated" if self.costly else "exact" if self.exact else "supercell"

    @functools.cached_property
    def _constants(self) -> Float[np.ndarray, "supercell supercell 3 3"]:
        return np.asarray(force_constants(self.potential, self.crystal, self.repeats))

    @property
    def asymmetry(self) -> float:
        """max |Φ(i, j) − Φ(j, i)ᵀ| / max |Φ|: rounding where forces are derivatives."""
        found = self._constants
        return float(np.abs(found - found.transpose(1, 0, 3, 2)).max() / np.abs(found).max())

    def matrices(self, qpoints: Float[np.ndarray, "q 3"]) -> Complex[np.ndarray, "q modes modes"]:
        """D(q) in eV/Å²/amu, `qpoints` in fractions of the reciprocal lattice.

        **Raises** as `dynamical_matrix`.
        """
        if self.exact:
            return np.asarray(dynamical_matrix(self.potential, self.crystal, qpoints))
        found = supercell_dynamical_matrix(
            of_first_cell(self._constants, self.repeats), self.crystal, self.repeats, qpoints
        )
        return 0.5 * (found + found.conj().swapaxes(1, 2))

    def frequencies(self, qpoints: Float[np.ndarray, "q 3"]) -> Float[np.ndarray, "q modes"]:
        """In THz, ascending at each q, imaginary ones as negative."""
        return frequencies_of(self.matrices(qpoints))
