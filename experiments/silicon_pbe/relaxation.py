"""Relaxation of slabs and faulted cells: BFGS that begins with the Hessian of springs along the bonds.

pw.x's own begins with the identity, and the soft motions of a slab then take it dozens of steps.
"""

import numpy as np
from ase import Atoms
from ase.neighborlist import neighbor_list

from experiments.silicon_pbe.espresso import PlaneWaves, PwCache

STRETCH, BEND = 9.0, 0.5  # eV/Å²: along and across a bond, about those of the crystal
REACH = 3.2  # Å: what counts as a bond
PINNED = 0.1  # eV/Å² on every coordinate, for the motions that cost nothing
LONGEST_STEP = 0.15  # Å
PROMISE = 1e-3  # eV: when a step promises less, the minimum is found
MOST_STEPS = 25


def relax(cache: PwCache, atoms: Atoms, setting: PlaneWaves, *, normal_only: bool) -> tuple[dict, Atoms]:
    """Return the result and the structure at the least energy over all positions at fixed cell.

    With ``normal_only`` atoms move along z only, and so does the end of the third vector, which is then free: a stack
    may swell.  The symmetry of the start is kept.
    """
    atoms = atoms.copy()
    hessian = build_springs(atoms, normal_only)
    result = cache.solve(atoms, setting)
    slope = differentiate(atoms, result, normal_only)
    for _ in range(MOST_STEPS):
        step = -np.linalg.solve(hessian, slope)
        promise = -0.5 * slope @ step
        print(
            f"    {result['energy']:.5f} eV, slope {np.abs(slope).max():.4f} eV/Å, promise {promise:.5f} eV", flush=True
        )
        if promise < PROMISE:
            return result, atoms
        step *= min(1.0, LONGEST_STEP / np.abs(step).max())
        move(atoms, step, normal_only)
        result = cache.solve(atoms, setting)
        before, slope = slope, differentiate(atoms, result, normal_only)
        hessian = update(hessian, step, slope - before)
    raise RuntimeError(f"the structure did not relax in {MOST_STEPS} steps")


def build_springs(atoms: Atoms, normal_only: bool) -> np.ndarray:
    """Return the Hessian of springs between bonded atoms; the first three coordinates are the third vector's end."""
    first, second, bonds, images = neighbor_list("ijDS", atoms, REACH)
    hessian = PINNED * np.eye(3 * (1 + len(atoms)))
    for i, j, bond, image in zip(first, second, bonds, images, strict=True):
        along = np.outer(bond, bond) / (bond @ bond)
        spring = BEND * np.eye(3) + (STRETCH - BEND) * along
        weights = np.zeros(1 + len(atoms))
        weights[[1 + i, 1 + j]] += -1.0, 1.0
        weights[0] = image[2]
        hessian += 0.5 * np.kron(np.outer(weights, weights), spring)  # each bond is listed twice
    free = find_free(len(atoms), normal_only)
    return hessian[np.ix_(free, free)]


def find_free(n_atoms: int, normal_only: bool) -> np.ndarray:
    """Return which of the coordinates may change."""
    return np.arange(2, 3 * (1 + n_atoms), 3) if normal_only else np.arange(3, 3 * (1 + n_atoms))


def differentiate(atoms: Atoms, result: dict, normal_only: bool) -> np.ndarray:
    """Return the derivative of the energy (eV/Å).

    The stress is that of a uniform strain, ``V σ_zz = h ∂E/∂h + Σ z ∂E/∂z``.
    """
    forces = np.array(result["forces"])
    if not normal_only:
        return -forces.ravel()
    virial = atoms.get_volume() * result["stress"][2] + atoms.positions[:, 2] @ forces[:, 2]
    return np.array([virial / atoms.cell.array[2, 2], *-forces[:, 2]])


def move(atoms: Atoms, step: np.ndarray, normal_only: bool) -> None:
    """Displace the atoms and the end of the third vector."""
    if normal_only:
        cell = atoms.cell.array.copy()
        cell[2, 2] += step[0]
        atoms.set_cell(cell)
        atoms.positions[:, 2] += step[1:]
    else:
        atoms.positions += step.reshape(-1, 3)


def update(hessian: np.ndarray, step: np.ndarray, change: np.ndarray) -> np.ndarray:
    """Return the Hessian after a step that changed the slope (BFGS), as it was where the curvature is not positive."""
    if step @ change <= 0:
        return hessian
    bent = hessian @ step
    return hessian + np.outer(change, change) / (step @ change) - np.outer(bent, bent) / (step @ bent)
