"""Liquid silicon of Stillinger and Weber's potential, each structure from a melt of its own.

By Metropolis' Monte Carlo and not by dynamics: positions come from the random numbers by additions alone, so every
machine finds the same liquid, where a trajectory would forget its start within a picosecond of rounding.
"""

import numpy as np
from ase import Atoms, units
from jaxtyping import Float

from experiments.silicon_configurations.crystals import cube, two_cubes

DENSITIES = (2.2, 2.9)  # g/cm³; silicon's melt has 2.57 at the melting point
TEMPERATURES = (1700.0, 4000.0)  # K
LARGE = 0.1  # so many of the cells have sixteen atoms
_AMU_PER_A3 = 1.66053906660  # in g/cm³
_HOT = 8000.0  # K, where the crystal melts
_MELTING, _REST = 200, 600  # sweeps, in each of which every atom is tried
_STEP = 0.45  # Å, largest component of a move
_IMAGES = np.array(list(np.ndindex(3, 3, 3))) - 1  # enough where planes of the cell are farther apart than the cutoff


def liquid(rng: np.random.Generator) -> tuple[Atoms, dict]:
    """A structure of the liquid at some density and temperature."""
    density, temperature = rng.uniform(*DENSITIES), rng.uniform(*TEMPERATURES)
    atoms = two_cubes() if rng.uniform() < LARGE else cube()
    volume = atoms.get_masses().sum() * _AMU_PER_A3 / density
    atoms.set_cell(atoms.cell.array * np.cbrt(volume / atoms.get_volume()), scale_atoms=True)
    cell = atoms.cell.array
    melted = walk(atoms.positions, cell, _HOT, _MELTING, rng)
    atoms.positions = walk(melted, cell, temperature, _REST, rng)
    return atoms, {"density": round(density, 3), "temperature": round(temperature)}


def walk(
    positions: Float[np.ndarray, "atoms 3"],
    cell: Float[np.ndarray, "3 3"],
    temperature: float,
    sweeps: int,
    rng: np.random.Generator,
) -> Float[np.ndarray, "atoms 3"]:
    """Where so many sweeps end: a move is taken with probability min(1, exp(−ΔE/kT)), doi:10.1063/1.1699114."""
    energy = stillinger_weber(positions, cell)
    for atom in np.tile(np.arange(len(positions)), sweeps):
        moved = positions.copy()
        moved[atom] += rng.uniform(-_STEP, _STEP, 3)
        found = stillinger_weber(moved, cell)
        if rng.uniform() < np.exp(min(0.0, (energy - found) / (units.kB * temperature))):
            positions, energy = moved, found
    return positions


def stillinger_weber(positions: Float[np.ndarray, "atoms 3"], cell: Float[np.ndarray, "3 3"]) -> float:
    """The energy of silicon in eV (doi:10.1103/PhysRevB.31.5262), its angles by moments of the bonds.

    `diffsim.StillingerWeber` needs a list and a compilation, which one atom's move in a cell of eight is not worth.
    """
    epsilon, sigma, a, lam, gamma, A, B = 2.16826, 2.0951, 1.8, 21.0, 1.2, 7.049556277, 0.6022245584
    apart = positions[None] - positions[:, None]
    nearest = apart - np.rint(apart @ np.linalg.inv(cell)) @ cell
    vectors = nearest[:, :, None] + _IMAGES @ cell
    distances = np.sqrt(np.einsum("ijsx,ijsx->ijs", vectors, vectors))
    inside = (distances < a * sigma - 1e-9) & (distances > 1e-9)
    centre = np.nonzero(inside)[0]
    r, unit = distances[inside] / sigma, vectors[inside] / distances[inside][:, None]
    pair = A * np.sum((B / r**4 - 1) * np.exp(1 / (r - a)))
    bond = np.exp(gamma / (r - a))
    moments = np.concatenate([np.ones((len(r), 1)), unit, np.einsum("bx,by->bxy", unit, unit).reshape(-1, 9)], axis=1)
    sums = np.zeros((len(positions), 13))
    np.add.at(sums, centre, bond[:, None] * moments)
    weights = np.array([1 / 9] + [2 / 3] * 3 + [1.0] * 9)  # (cos θ + 1/3)² as moments
    angles = np.sum(weights * sums**2) - 16 / 9 * np.sum(bond**2)  # without an atom's angle with itself
    return float(epsilon * (pair + lam * angles) / 2)
