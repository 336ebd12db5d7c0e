"""Lattice dynamics from the force constants of a supercell, for what has no exact D(q)."""

import itertools

import jax.numpy as jnp
import numpy as np
from jaxtyping import Complex, Float

from diffsim.observables.phonons import frequency_of
from diffsim.system import System, lattice_points

_SAME = 1e-3  # Å: images this close in distance are equally near


def supercell_dynamical_matrix(
    constants: Float[np.ndarray, "all all 3 3"],
    system: System,
    repeats: tuple[int, int, int],
    qpoints: Float[np.ndarray, "q 3"],
) -> Complex[np.ndarray, "q modes modes"]:
    """D(q) = Σ_L Φ(i0, jL) ⟨e^{iq·(r_jL − r_i0)}⟩ / √(m_i m_j) in eV/Å²/amu, over the images of jL nearest to i0.

    `constants` are those of `diffsim.force_constants(potential, system, repeats)` in eV/Å², `qpoints` fractions of the
    reciprocal lattice. Exact where a wave fits into the supercell, however far forces reach, and in between as far as
    they reach no further than half of it (Parlinski's construction, doi:10.1103/PhysRevLett.78.4063). Hermitian if Φ is
    symmetric.
    """
    n = len(system.numbers)
    first = np.asarray(constants)[:: int(np.prod(repeats))].reshape(n, n, -1, 3, 3)
    ways, near = _ways(system, repeats)
    heavy = 1 / np.sqrt(np.asarray(system.masses))
    phases = [np.mean(np.exp(2j * np.pi * ways @ q), axis=0, where=near) for q in np.asarray(qpoints)]
    found = np.einsum("ijLxy,qijL,i,j->qixjy", first, np.stack(phases), heavy, heavy, optimize=True)
    return found.reshape(-1, 3 * n, 3 * n)


def frequencies_of(matrices: Complex[np.ndarray, "q modes modes"]) -> Float[np.ndarray, "q modes"]:
    """Of Hermitian dynamical matrices, in THz, ascending at each q, imaginary ones as negative."""
    return np.asarray(frequency_of(jnp.linalg.eigvalsh(jnp.asarray(matrices))))


def _ways(system: System, repeats: tuple[int, int, int]) -> tuple[np.ndarray, np.ndarray]:
    """r_jL − r_i0 of 27 images in terms of the cell, [images i j L 3], and which of them are nearest."""
    cell = np.asarray(system.cell)
    places = np.asarray(system.positions) @ np.linalg.inv(cell)
    images = np.array(list(itertools.product((-1, 0, 1), repeat=3))) * repeats
    ways = lattice_points(repeats)[None, None] + (places[None] - places[:, None])[:, :, None]
    ways = ways[None] + images[:, None, None, None]
    lengths = np.linalg.norm(ways @ cell, axis=-1)
    return ways, lengths < lengths.min(axis=0) + _SAME
