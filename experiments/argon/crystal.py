"""Of a crystal of argon: vibrations and a vacancy, of any potential, and of forces that have none."""

import jax.numpy as jnp
import numpy as np
from ase.build import bulk
from jaxtyping import Array, Float

import diffsim
from diffsim import System
from diffsim.observables.phonons import frequency_of
from diffsim.potentials import AbstractPotential
from diffsim.system import lattice_points
from experiments.argon.data import EDGE

POINTS = {"X": (0.5, 0.0, 0.5), "L": (0.5, 0.5, 0.5), "(¼ ½ 0)": (0.25, 0.5, 0.0)}  # fit into 4 × 4 × 4 cells
_CELLS = (4, 4, 4)


def asymmetry(hessian: Float[Array, "atoms 3 atoms 3"]) -> float:
    """‖H − Hᵀ‖ / ‖H + Hᵀ‖ (Frobenius): 0 where forces are derivatives, 1 where nothing of them is."""
    matrix = np.asarray(hessian).reshape(2 * (hessian.shape[0] * 3,))
    return float(np.linalg.norm(matrix - matrix.T) / np.linalg.norm(matrix + matrix.T))


def commensurate(potential: AbstractPotential) -> dict[str, Float[np.ndarray, " modes"]]:
    """Frequencies in THz from the force constants of a supercell, symmetrised and as they are.

    D(q) = Σ_L Φ(0, L) e^{iq·R_L} / m is exact for these q, however far the potential looks. As it is, D need not be
    Hermitian, except where symmetry alone fixes its eigenvectors, as at X and L; of its eigenvalues real parts count.
    """
    system = System.from_ase(bulk("Ar", a=EDGE))
    constants = np.asarray(diffsim.force_constants(potential, system, _CELLS))
    symmetrised = 0.5 * (constants + constants.transpose(1, 0, 3, 2))
    found = {}
    for name, q in POINTS.items():
        waves = np.exp(2j * np.pi * lattice_points(_CELLS) @ np.array(q)) / float(system.masses[0])
        dynamical = [np.einsum("Lxy,L->xy", table[0], waves) for table in (symmetrised, constants)]
        found[f"{name}, symmetrised"] = np.asarray(frequency_of(jnp.linalg.eigvalsh(dynamical[0])))
        roots = np.sort(np.linalg.eigvals(dynamical[1]).real)
        found[f"{name}, as it is"] = np.asarray(frequency_of(jnp.asarray(roots)))
    return found


def vacancy_energy(potential: AbstractPotential, perfect: System) -> float:
    """E(N − 1 atoms, relaxed) − (N − 1)/N E(N atoms) in eV, at fixed cell."""
    rest = System(perfect.positions[1:], perfect.cell, perfect.numbers[1:], perfect.masses[1:])
    per_atom = float(diffsim.energy(potential, perfect)) / len(perfect.numbers)
    relaxed = diffsim.relax(potential, rest)
    return float(diffsim.energy(potential, relaxed)) - len(rest.numbers) * per_atom
