"""Snapshots labelled by pw.x: the electrons' free energy and the forces, and the file that keeps them."""

import gzip
import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from ase import Atoms
from ase.calculators.singlepoint import SinglePointCalculator
from ase.io import iread, write

from diffsim import System
from experiments.silicon_melt_pbe.melts import TEMPERATURE, system_at
from experiments.silicon_pbe.espresso import NORM_CONSERVING, PlaneWaves, PwCache

# The liquid is a metal: electrons in equilibrium at the temperature of the atoms, so that exp(−F/kT) is the weight of
# an arrangement of atoms. One point halfway between Γ and the corner (Baldereschi's of the cube,
# doi:10.1103/PhysRevB.7.5212); what it lacks is in the convergence table.
BALDERESCHI = ((0.25, 0.25, 0.25, 1.0),)
SETTING = PlaneWaves(
    NORM_CONSERVING, 20.0, 80.0, BALDERESCHI, threshold=1e-6, mixing="TF", symmetry=False, temperature=TEMPERATURE
)


def as_atoms(positions: np.ndarray) -> Atoms:
    """As ASE has them, all in one cell."""
    atoms = System.to_ase(system_at(positions))
    atoms.wrap()
    return atoms


def labelled(cache: PwCache, positions: np.ndarray, setting: PlaneWaves = SETTING, **info) -> Atoms:
    """A snapshot with F (eV per cell) and forces (eV/Å) attached; `info` is kept with it."""
    atoms = as_atoms(positions)
    result = cache.solve(atoms, setting)
    atoms.info = info
    atoms.calc = SinglePointCalculator(atoms, energy=result["energy"], forces=np.array(result["forces"]))
    print(info, f"{result['energy']:.4f} eV, {result['cpu_seconds']:.0f} s", flush=True)
    return atoms


def save(path: Path, snapshots: Sequence[Atoms]) -> None:
    """As compressed extended XYZ, the same bytes for the same snapshots; never half a file."""
    text = io.StringIO()
    write(text, list(snapshots), format="extxyz")
    unfinished = path.with_suffix(".unfinished")
    unfinished.write_bytes(gzip.compress(text.getvalue().encode(), mtime=0))
    unfinished.replace(path)


def load(path: Path) -> list[Atoms]:
    """What `save` wrote."""
    return list(iread(path, index=":", format="extxyz"))
