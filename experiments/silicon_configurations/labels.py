"""Labels by pw.x at one setting."""

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from ase import Atoms
from ase.calculators.singlepoint import SinglePointCalculator
from jaxtyping import Float

from experiments.silicon_pbe.espresso import NORM_CONSERVING, KPoint, PlaneWaves, PwCache

FILE = "configurations.xyz.gz"
# Electrons in equilibrium at 1740 K, kT = 0.15 eV, in the crystal and in the liquid: labels are their free energy
# F = E − TS and its derivatives. No k-points of their own, which depend on the cell.
SETTING = PlaneWaves(NORM_CONSERVING, 24.0, 96.0, None, threshold=1e-6, symmetry=False, temperature=1740.0)
FREE_ATOM = -102.5614  # eV, at these cutoffs, spin-polarised, in a box of 10×10.5×11 Å: what energies are counted from
# Å, at least: k-points along a reciprocal vector times the distance of the cell's planes. Five across diamond's cube,
# fewer where there is a gap, more where a crystal is a metal.
LENGTH = 24.5
LENGTHS = {"strained": 20.0, "beta-tin": 30.0, "other": 30.0}
OFFSET = 0.25  # of a mesh's spacing along each reciprocal vector


def mesh(cell: Float[np.ndarray, "3 3"], length: float) -> tuple[int, ...]:
    """How many k-points along each reciprocal vector."""
    return tuple(math.ceil(length * np.linalg.norm(row)) for row in np.linalg.inv(cell).T)


def points(counts: Sequence[int], offset: float = OFFSET) -> tuple[KPoint, ...]:
    """A mesh of k-points beside Γ, of equal weights; of two that time reversal makes equal, one.

    A mean over a mesh is wrong by Σ_R f(R) cos(2π R·s), with s the mesh's offset in spacings and R all vectors of the
    lattice n_i a_i of the mesh. s = (¼, ¼, ¼) takes the nearest of them out, as Baldereschi's point does
    (doi:10.1103/PhysRevB.7.5212), in cells whose angles are nearly right ones.
    """
    weights: dict[tuple[float, float, float], float] = {}
    for index in np.ndindex(*counts):
        point = (np.array(index) + offset) / counts
        a, b, c = min(tuple(np.round(k % 1, 9) % 1) for k in (point, -point))
        one = (float(a), float(b), float(c))
        weights[one] = weights.get(one, 0.0) + 1.0
    return tuple((*point, weight) for point, weight in weights.items())


def setting(atoms: Atoms) -> PlaneWaves:
    """How a structure is labelled."""
    length = LENGTHS.get(atoms.info["config_type"], LENGTH)
    return replace(SETTING, kmesh=points(mesh(atoms.cell.array, length)))


def label(cache: PwCache, atoms: Atoms) -> Atoms:
    """The structure with F (eV per cell, counted from free atoms), forces (eV/Å) and stress (eV/Å³) attached."""
    result = cache.solve(atoms, setting(atoms))
    energy = result["energy"] - FREE_ATOM * len(atoms)
    forces, stress = np.array(result["forces"]), np.array(result["stress"])
    atoms = atoms.copy()
    atoms.calc = SinglePointCalculator(atoms, energy=energy, forces=forces, stress=stress)
    print(atoms.info, f"{energy / len(atoms):.4f} eV/atom, {result['cpu_seconds']:.0f} s", flush=True)
    return atoms
