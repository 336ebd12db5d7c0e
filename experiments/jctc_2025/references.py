"""First-principles targets: the study's, its force constants read from a file, or this package's own."""

import json
from pathlib import Path
from typing import NamedTuple

import numpy as np
from ase import Atoms
from ase.build import bulk
from scipy.optimize import brentq

import diffsim
import diffsim.data.reference
from diffsim import StillingerWeber, System
from diffsim.io.phonopy import read_force_constants
from experiments.jctc_2025 import published
from experiments.jctc_2025.observables import holding, mandel

SUPERCELL = (2, 2, 2)


class Reference(NamedTuple):
    """What to fit to. The force constants are full, for the 2×2×2 copy of `conventional_cell(edge)`."""

    name: str
    elastic: np.ndarray  # [6 6] GPa, Mandel
    edge: float  # Å, of the crystal that the force constants belong to
    force_constants: np.ndarray  # [64 64 3 3] eV/Å²
    sw_sigma: float  # Å, with which Stillinger–Weber has no stress there
    is_the_studys: bool


def reference(path: Path | None) -> Reference:
    """The study's targets where the path of its FORCE_CONSTANTS is given, this package's own otherwise.

    **Raises** `ValueError` for a file that is missing, broken, or of another supercell.
    """
    return own_reference() if path is None else study_reference(path)


def study_reference(path: Path) -> Reference:
    """VASP, as the study has it."""
    constants = read_force_constants(path)
    if constants.shape != (64, 64, 3, 3):
        raise ValueError(
            f"{path} must hold the force constants of all 64 atoms of the study's supercell, got {constants.shape}"
        )
    edge = published.LATTICE_CONSTANT
    return Reference("study's VASP", study_elastic(), edge, constants, published.SW_SIGMA, True)


def study_elastic() -> np.ndarray:
    """The study's elastic target."""
    return cubic(published.C11, published.C12, published.C44)


def own_reference() -> Reference:
    """Quantum ESPRESSO, `diffsim/data/silicon_pbe`."""
    folder = Path(diffsim.data.reference.__file__).parent / "silicon_pbe"
    found = json.loads((folder / "reference.json").read_text(encoding="utf-8"))
    elastic = cubic(*(found["elastic_constants"][name] for name in ("C11", "C12", "C44")))
    edge = found["phonons"]["lattice_constant_A"]
    compact = read_force_constants(folder / "FORCE_CONSTANTS")
    full = spread(compact, edge, np.array(found["phonons"]["supercell_matrix"]))
    return Reference("own PBE", elastic, edge, full, matching_sigma(edge), False)


def cubic(c11: float, c12: float, c44: float) -> np.ndarray:
    """The Mandel matrix of a cubic crystal."""
    voigt = np.diag([c11 - c12] * 3 + [c44] * 3)
    voigt[:3, :3] += c12
    return mandel(voigt)


def conventional_cell(edge: float) -> System:
    """Eight atoms, in the study's order."""
    return System.from_ase(Atoms("Si8", scaled_positions=published.POSITIONS, cell=[edge] * 3, pbc=True))


def primitive_cell(edge: float) -> System:
    """Two atoms."""
    return System.from_ase(bulk("Si", a=edge))


def matching_sigma(edge: float) -> float:
    """The σ at which Stillinger–Weber, its cutoff held, has no stress at this lattice constant."""
    crystal = primitive_cell(edge)

    def pressure(sigma: float) -> float:
        sw = holding(StillingerWeber.silicon(), held_sigma(sigma))
        return float(diffsim.stress(sw, crystal)[0, 0])

    return float(brentq(pressure, 2.0, 2.2, xtol=1e-10))


def held_sigma(sigma: float) -> tuple[tuple[str, float], ...]:
    """σ, and the a that keeps the cutoff a·σ where it was."""
    return ("sigma", sigma), ("a", published.SW_CUTOFF / sigma)


def spread(compact: np.ndarray, edge: float, supercell_matrix: np.ndarray) -> np.ndarray:
    """Compact force constants of the primitive cell as the full matrix of the 2×2×2 conventional cells.

    Both supercells hold the same 64 atoms, in another order and from another origin; phonopy says which is which.
    """
    import phonopy
    from phonopy.structure.atoms import PhonopyAtoms

    atoms = bulk("Si", a=edge)
    cell = PhonopyAtoms(numbers=atoms.numbers, cell=atoms.cell.array, positions=atoms.positions)
    phonon = phonopy.Phonopy(cell, supercell_matrix=supercell_matrix, primitive_matrix=np.eye(3))
    theirs, heads = phonon.supercell.positions, phonon.primitive.p2s_map
    ours = np.asarray(conventional_cell(edge).supercell(SUPERCELL).positions)
    ours = ours - ours[_first_of_each_kind(ours, edge)] + theirs[heads[0]]
    full = np.zeros((len(ours), len(ours), 3, 3))
    for row, position in enumerate(ours):
        kind = next(k for k, head in enumerate(heads) if _is_lattice_vector(position - theirs[head], edge / 2))
        apart = ours - position + theirs[heads[kind]]
        columns = [_place(point, theirs, 2 * edge) for point in apart]
        full[row] = compact[kind, columns]
    return full


def _first_of_each_kind(positions: np.ndarray, edge: float) -> int:
    """An atom whose neighbour along [111] is the other atom of its cell: the first atom of the primitive cell."""
    bond = edge / 4
    return next(i for i, x in enumerate(positions) if _distance(positions - x - bond, 2 * edge).min() < 1e-6 * edge)


def _is_lattice_vector(vector: np.ndarray, half: float) -> bool:
    steps = vector / half
    return bool(np.allclose(steps, np.rint(steps), atol=1e-6) and round(steps.sum()) % 2 == 0)


def _place(point: np.ndarray, positions: np.ndarray, period: float) -> int:
    return int(np.argmin(_distance(positions - point, period)))


def _distance(vectors: np.ndarray, period: float) -> np.ndarray:
    return np.linalg.norm(vectors - period * np.rint(vectors / period), axis=-1)
