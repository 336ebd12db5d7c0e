"""Lattice dynamics from the force constants of a supercell, and those from it."""

import itertools

import jax.numpy as jnp
import numpy as np
from jaxtyping import Complex, Float

from diffsim.observables.phonons import frequency_of
from diffsim.system import System, lattice_points

_SAME = 1e-3  # Å: images this close in distance are equally near


def supercell_dynamical_matrix(
    constants: Float[np.ndarray, "atoms supercell 3 3"],
    system: System,
    repeats: tuple[int, int, int],
    qpoints: Float[np.ndarray, "q 3"],
) -> Complex[np.ndarray, "q modes modes"]:
    """D(q) = Σ_L Φ(i0, jL) ⟨e^{iq·(r_jL − r_i0)}⟩ / √(m_i m_j) in eV/Å²/amu, over the images of jL nearest to i0.

    `constants` are those of the first cell's atoms in eV/Å² (`of_first_cell`), `qpoints` fractions of the reciprocal
    lattice. Exact where a wave fits into the supercell, however far forces reach, and in between as far as they reach
    no further than half of it (Parlinski's construction, doi:10.1103/PhysRevLett.78.4063). Hermitian if Φ is symmetric.
    """
    n, q = len(system.numbers), np.asarray(qpoints)
    ways, near = _ways(system, repeats)
    heavy = 1 / np.sqrt(np.asarray(system.masses))
    shared = np.asarray(constants).reshape(n, n, -1, 9) * (heavy[:, None] * heavy)[..., None, None]
    shared = shared / near.sum(axis=0)[..., None]  # equally among the images
    found = np.empty((len(q), n, 3, n, 3), complex)
    for i, j in np.ndindex(n, n):
        image, cell = np.nonzero(near[:, i, j])
        found[:, i, :, j] = (_waves(q @ ways[image, i, j, cell].T) @ shared[i, j, cell]).reshape(-1, 3, 3)
    return found.reshape(-1, 3 * n, 3 * n)


def supercell_constants(
    matrices: Complex[np.ndarray, "q modes modes"],
    system: System,
    repeats: tuple[int, int, int],
    qpoints: Float[np.ndarray, "q 3"],
    weights: Float[np.ndarray, " q"],
) -> Float[np.ndarray, "atoms supercell 3 3"]:
    """Φ(i0, jL) in eV/Å² of the first cell's atoms, from D(q) on the mesh of all waves that fit into a supercell.

    The inverse of `supercell_dynamical_matrix`; q and −q may be counted once (`reciprocal_mesh(repeats)`).
    """
    n = len(system.numbers)
    heavy = np.sqrt(np.asarray(system.masses))
    table = np.asarray(matrices).reshape(-1, n, 3, n, 3)
    waves = _waves(-np.einsum("ijLa,qa->qijL", _apart(system, repeats), np.asarray(qpoints)))
    found = np.einsum("qixjy,qijL,q,i,j->ijLxy", table, waves, np.asarray(weights), heavy, heavy, optimize=True)
    return found.real.reshape(n, -1, 3, 3)


def of_first_cell(
    constants: Float[np.ndarray, "all all 3 3"], repeats: tuple[int, int, int]
) -> Float[np.ndarray, "atoms all 3 3"]:
    """Rows of the first cell's atoms of `diffsim.force_constants(potential, system, repeats)`."""
    return np.asarray(constants)[:: int(np.prod(repeats))]


def frequencies_of(matrices: Complex[np.ndarray, "q modes modes"]) -> Float[np.ndarray, "q modes"]:
    """Of Hermitian dynamical matrices, in THz, ascending at each q, imaginary ones as negative."""
    return np.asarray(frequency_of(jnp.linalg.eigvalsh(jnp.asarray(matrices))))


def _waves(turns: np.ndarray) -> np.ndarray:
    """e^{2πi turns}, ten times as fast as by the exponential of complex numbers."""
    phase = 2 * np.pi * turns
    return np.cos(phase) + 1j * np.sin(phase)


def _apart(system: System, repeats: tuple[int, int, int]) -> Float[np.ndarray, "atoms atoms cells 3"]:
    """r_jL − r_i0 in terms of the cell, [i j L 3]."""
    places = np.asarray(system.positions) @ np.linalg.inv(np.asarray(system.cell))
    return lattice_points(repeats)[None, None] + (places[None] - places[:, None])[:, :, None]


def _ways(system: System, repeats: tuple[int, int, int]) -> tuple[np.ndarray, np.ndarray]:
    """The same of 27 images around i0, [images i j L 3], and which of them are nearest."""
    images = np.array(list(itertools.product((-1, 0, 1), repeat=3))) * repeats
    apart = _apart(system, repeats)
    apart -= np.rint(apart / repeats) * repeats  # positions may be any number of cells away
    ways = apart[None] + images[:, None, None, None]
    lengths = np.linalg.norm(ways @ np.asarray(system.cell), axis=-1)
    return ways, lengths < lengths.min(axis=0) + _SAME
