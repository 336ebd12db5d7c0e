"""Lattice dynamics of any potential: exact where it is one of edges, from a supercell elsewhere."""

import dataclasses
import functools
import itertools

import jax.numpy as jnp
import numpy as np
from jaxtyping import Complex, Float

from diffsim.mechanics import force_constants
from diffsim.observables import dynamical_matrix
from diffsim.observables.phonons import frequency_of, has_lattice_dynamics, looks_beyond
from diffsim.potentials.base import AbstractPotential
from diffsim.system import System, lattice_points

_SAME = 1e-3  # Å: images this close in distance are equally near


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

    @functools.cached_property
    def _of_supercell(self) -> Float[np.ndarray, "supercell supercell 3 3"]:
        return np.asarray(force_constants(self.potential, self.crystal, self.repeats))

    @property
    def constants(self) -> Float[np.ndarray, "atoms 3 supercell 3"]:
        """Φ of the first cell's atoms with all of the supercell in eV/Å²."""
        return self._of_supercell[:: int(np.prod(self.repeats))].transpose(0, 2, 1, 3)

    @property
    def asymmetry(self) -> float:
        """max |Φ(i, j) − Φ(j, i)ᵀ| / max |Φ|: rounding where forces are derivatives."""
        found = self._of_supercell
        return float(np.abs(found - found.transpose(1, 0, 3, 2)).max() / np.abs(found).max())

    def matrices(self, qpoints: Float[np.ndarray, "q 3"]) -> Complex[np.ndarray, "q modes modes"]:
        """D(q) in eV/Å²/amu, `qpoints` in fractions of the reciprocal lattice.

        **Raises** as `dynamical_matrix`.
        """
        if self.exact:
            return np.asarray(dynamical_matrix(self.potential, self.crystal, qpoints))
        n = len(self.crystal.numbers)
        phases = np.stack([self._phases(q) for q in np.asarray(qpoints)])
        heavy = 1 / np.sqrt(np.asarray(self.crystal.masses))
        constants = self.constants.reshape(n, 3, n, -1, 3)
        found = np.einsum("iajLb,qijL,i,j->qiajb", constants, phases, heavy, heavy).reshape(-1, 3 * n, 3 * n)
        return 0.5 * (found + found.conj().swapaxes(1, 2))

    def frequencies(self, qpoints: Float[np.ndarray, "q 3"]) -> Float[np.ndarray, "q modes"]:
        """In THz, ascending at each q, imaginary ones as negative."""
        return frequencies_of(self.matrices(qpoints))

    def _phases(self, q: Float[np.ndarray, "3"]) -> Complex[np.ndarray, "atoms atoms cells"]:
        """⟨e^{iq·(r_jL − r_i0)}⟩ over the equally near images."""
        ways, near = self._ways
        return np.mean(np.exp(2j * np.pi * ways @ q), axis=0, where=near)

    @functools.cached_property
    def _ways(self) -> tuple[np.ndarray, np.ndarray]:
        """r_jL − r_i0 of 27 images in terms of the cell, [images i j L 3], and which of them are nearest."""
        cell = np.asarray(self.crystal.cell)
        places = np.asarray(self.crystal.positions) @ np.linalg.inv(cell)
        images = np.array(list(itertools.product((-1, 0, 1), repeat=3))) * self.repeats
        ways = lattice_points(self.repeats)[None, None] + (places[None] - places[:, None])[:, :, None]
        ways = ways[None] + images[:, None, None, None]
        lengths = np.linalg.norm(ways @ cell, axis=-1)
        return ways, lengths < lengths.min(axis=0) + _SAME


def frequencies_of(matrices: Complex[np.ndarray, "q modes modes"]) -> Float[np.ndarray, "q modes"]:
    """Of dynamical matrices, in THz, ascending at each q, imaginary ones as negative."""
    return np.asarray(frequency_of(jnp.linalg.eigvalsh(jnp.asarray(matrices))))
