"""Of a crystal of argon: vibrations and a vacancy, of any potential, and of forces that have none."""

import jax.numpy as jnp
import numpy as np
from ase.build import bulk
from jaxtyping import Array, Float

import diffsim
from diffsim import System
from diffsim.observables.phonons import frequency_of
from diffsim.observables.supercell import supercell_dynamical_matrix
from diffsim.potentials import AbstractPotential
from experiments.argon.data import EDGE

POINTS = {"X": (0.5, 0.0, 0.5), "L": (0.5, 0.5, 0.5), "(¼ ½ 0)": (0.25, 0.5, 0.0)}  # fit into 4 × 4 × 4 cells
_CELLS = (4, 4, 4)


def asymmetry(hessian: Float[Array, "atoms 3 atoms 3"]) -> float:
    """‖H − Hᵀ‖ / ‖H + Hᵀ‖ (Frobenius): 0 where forces are derivatives, 1 where nothing of them is."""
    matrix = np.asarray(hessian).reshape(2 * (hessian.shape[0] * 3,))
    return float(np.linalg.norm(matrix - matrix.T) / np.linalg.norm(matrix + matrix.T))


def commensurate(potential: AbstractPotential) -> dict[str, Float[np.ndarray, " modes"]]:
    """Frequencies in THz from the force constants of a supercell, symmetrised and as they are.

    D(q) is exact for these q, however far the potential looks. As it is, D need not be Hermitian, except where symmetry
    alone fixes its eigenvectors, as at X and L; of its eigenvalues real parts count.
    """
    system = System.from_ase(bulk("Ar", a=EDGE))
    constants = np.asarray(diffsim.force_constants(potential, system, _CELLS))
    symmetrised = 0.5 * (constants + constants.transpose(1, 0, 3, 2))
    tables = {"symmetrised": symmetrised, "as it is": constants}
    found = {}
    for way, table in tables.items():
        matrices = supercell_dynamical_matrix(table, system, _CELLS, np.array([*POINTS.values()]))
        for name, matrix in zip(POINTS, matrices, strict=True):
            roots = np.sort(np.linalg.eigvals(matrix).real)
            found[f"{name}, {way}"] = np.asarray(frequency_of(jnp.asarray(roots)))
    return found


def without(perfect: System, atom: int = 0) -> System:
    """An atom taken out."""
    left = np.arange(len(perfect.numbers)) != atom
    return System(perfect.positions[left], perfect.cell, perfect.numbers[left], perfect.masses[left])


def hopping(perfect: System, way: float) -> tuple[System, int]:
    """Without its first atom, and a nearest neighbour of that a part of the way there; which atom that is."""
    inverse = np.linalg.inv(np.asarray(perfect.cell))
    apart = (np.asarray(perfect.positions) - np.asarray(perfect.positions[0])) @ inverse
    apart = (apart - np.rint(apart)) @ np.asarray(perfect.cell)
    atom = int(np.argsort(np.linalg.norm(apart, axis=1), kind="stable")[1])
    moved = perfect.replace(positions=perfect.positions.at[atom].add(-way * apart[atom]))
    return without(moved), atom - 1


def vacancy_energy(potential: AbstractPotential, perfect: System) -> float:
    """E(N − 1 atoms, relaxed) − (N − 1)/N E(N atoms) in eV, at fixed cell; NaN where there is no minimum."""
    lattice = float(diffsim.energy(potential, perfect)) / len(perfect.numbers)
    return _at_rest(potential, without(perfect)) - (len(perfect.numbers) - 1) * lattice


def hop_barrier(potential: AbstractPotential, perfect: System) -> float:
    """The energy of the saddle above that of the vacancy in eV, at fixed cell; NaN where there is none.

    Half-way between two sites forces along the way vanish by symmetry: what relaxes from there ends on the saddle.
    """
    return _at_rest(potential, hopping(perfect, 0.5)[0]) - _at_rest(potential, without(perfect))


def _at_rest(potential: AbstractPotential, system: System) -> float:
    try:
        return float(diffsim.energy(potential, diffsim.relax(potential, system)))
    except ValueError:
        return float("nan")
