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
