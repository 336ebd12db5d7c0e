"""Of a crystal of argon: vibrations and a vacancy, of any potential, and of forces that have none."""

import jax.numpy as jnp
import numpy as np
from ase.build import bulk
from jaxtyping import Array, Float

import diffsim
from diffsim import System
from diffsim.observables.phonons import frequency_of
from diffsim.observables.supercell import of_first_cell, supercell_dynamical_matrix
from diffsim.paths import vacancy_hop
from diffsim.potentials import AbstractPotential
from diffsim.solid import vacancy
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
        matrices = supercell_dynamical_matrix(
            of_first_cell(table, _CELLS), system, _CELLS, np.array([*POINTS.values()])
        )
        for name, matrix in zip(POINTS, matrices, strict=True):
            roots = np.sort(np.linalg.eigvals(matrix).real)
            found[f"{name}, {way}"] = np.asarray(frequency_of(jnp.asarray(roots)))
    return found


def hopping(perfect: System, way: float) -> tuple[System, int]:
    """Without its first atom, and a nearest neighbour of that a part of the way there; which atom that is."""
    start, end = vacancy_hop(perfect, (1, 1, 1))
    step = end.positions - start.positions
    return start.replace(positions=start.positions + way * step), int(jnp.argmax(jnp.sum(step**2, axis=1)))


def vacancy_energy(potential: AbstractPotential, perfect: System) -> float:
    """Of the formation, the other atoms at rest, in eV; NaN where there is no minimum."""
    try:
        return vacancy(potential, perfect, (1, 1, 1)).relaxed
    except ValueError:
        return float("nan")


def hop_barrier(potential: AbstractPotential, perfect: System) -> float:
    """The energy of the saddle above that of the vacancy in eV, at fixed cell; NaN where there is none.

    Half-way between two sites forces along the way vanish by symmetry: what relaxes from there ends on the saddle.
    """
    return _at_rest(potential, hopping(perfect, 0.5)[0]) - _at_rest(potential, hopping(perfect, 0.0)[0])


def _at_rest(potential: AbstractPotential, system: System) -> float:
    try:
        return float(diffsim.energy(potential, diffsim.relax(potential, system)))
    except ValueError:
        return float("nan")
