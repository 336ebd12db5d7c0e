"""To phonopy and back: objects, `FORCE_CONSTANTS` and `phonopy.yaml` (doi:10.7566/JPSJ.92.012001)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from diffsim.system import System

if TYPE_CHECKING:
    from phonopy import Phonopy


def to_phonopy(system: System, supercell: tuple[int, int, int], force_constants: Any = None) -> Phonopy:
    """A `Phonopy` of this cell (taken as primitive) and its supercell, with our masses, not phonopy's.

    `force_constants` are those of `diffsim.force_constants(potential, system, supercell)`, eV/Å², or compact ones.

    **Raises** `ValueError` where phonopy is not installed, or force constants do not fit the supercell.
    """
    phonopy = _phonopy()
    cell = phonopy.structure.atoms.PhonopyAtoms(
        numbers=np.asarray(system.numbers),
        positions=np.asarray(system.positions, float),
        cell=np.asarray(system.cell, float),
        masses=np.asarray(system.masses, float),
    )
    phonon = phonopy.Phonopy(cell, supercell_matrix=np.diag(supercell), primitive_matrix=np.eye(3))
    if force_constants is not None:
        n_atoms, n_supercell = len(system.numbers), len(phonon.supercell)
        array = np.array(force_constants, float)
        if array.shape not in [(n, n_supercell, 3, 3) for n in (n_atoms, n_supercell)]:
            raise ValueError(
                f"force constants of {n_atoms} atoms in the supercell {tuple(supercell)} must have shape "
                f"({n_supercell}, {n_supercell}, 3, 3) or ({n_atoms}, {n_supercell}, 3, 3), got {array.shape}"
            )
        phonon.force_constants = array
    return phonon


def write_phonopy(folder: str | Path, system: System, force_constants: Any, supercell: tuple[int, int, int]) -> None:
    """Writes `FORCE_CONSTANTS` and `phonopy.yaml` (cells and masses) for phonopy's own commands.

    **Raises** `ValueError` as `to_phonopy` does, and where the folder cannot be written.
    """
    phonon = to_phonopy(system, supercell, force_constants)
    folder = Path(folder)
    settings = {"force_constants": False, "force_sets": False, "displacements": False}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        phonon.save(folder / "phonopy.yaml", settings=settings)
        _phonopy().file_IO.write_FORCE_CONSTANTS(
            phonon.force_constants, folder / "FORCE_CONSTANTS", p2s_map=phonon.primitive.p2s_map
        )
    except OSError as error:
        raise ValueError(f"cannot write phonopy's files to {folder}: {error}") from None


def read_force_constants(path: str | Path) -> np.ndarray:
    """Force constants of a `FORCE_CONSTANTS` file, `[i j 3 3]` in eV/Å²: full, or compact with primitive atoms for i.

    **Raises** `ValueError` where phonopy is not installed, and for a missing, empty, truncated or broken file.
    """
    phonopy = _phonopy()
    try:
        array = phonopy.file_IO.parse_FORCE_CONSTANTS(path)
    except OSError as error:
        raise ValueError(f"cannot read the force constants {path}: {error}") from None
    except Exception:  # phonopy's parser raises anything on a broken file
        raise ValueError(f"cannot read the force constants {path}: the file is empty, truncated or broken") from None
    return array


def _phonopy() -> Any:
    try:
        import phonopy
        import phonopy.file_IO
        import phonopy.structure.atoms
    except ImportError:
        raise ValueError("phonopy is not installed: pip install phonopy") from None
    return phonopy
