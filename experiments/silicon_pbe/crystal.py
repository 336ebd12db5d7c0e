"""Equation of state and elastic constants of diamond-structure silicon."""

import numpy as np
from ase import Atoms
from ase.build import bulk
from ase.units import GPa
from scipy.optimize import curve_fit

from experiments.silicon_pbe.espresso import PlaneWaves, PwCache

VOLUME_RATIOS = np.linspace(0.94, 1.06, 9)
GUESSED_VOLUME = 20.4  # Å³/atom, centre of the equation of state
STRAIN = 0.005
SHEAR_STEP = 0.01  # Å, second point of the secant that relaxes the sublattices


def compute_energy_bm(volume, e0, v0, b0, b0_prime):
    """Birch–Murnaghan energy (eV/atom) of a volume (Å³/atom); F. Birch, Phys. Rev. 71, 809 (1947)."""
    x = (v0 / volume) ** (2 / 3) - 1
    return e0 + 9 / 16 * v0 * b0 * (x**3 * b0_prime + x**2 * (2 - 4 * x))


def compute_pressure_bm(volume, v0, b0, b0_prime):
    """Birch–Murnaghan pressure (eV/Å³) of a volume (Å³/atom)."""
    ratio = (v0 / volume) ** (1 / 3)
    return 1.5 * b0 * (ratio**7 - ratio**5) * (1 + 0.75 * (b0_prime - 4) * (ratio**2 - 1))


def describe_bm(v0: float, b0: float, b0_prime: float) -> dict:
    """Return the lattice constant (Å), bulk modulus (GPa) and its pressure derivative."""
    return {
        "lattice_constant_A": float((8 * v0) ** (1 / 3)),
        "volume_A3_per_atom": float(v0),
        "bulk_modulus_GPa": float(b0 / GPa),
        "bulk_modulus_derivative": float(b0_prime),
    }


def compute_equation_of_state(cache: PwCache, setting: PlaneWaves) -> dict:
    """Return energies and pressures against volume with Birch–Murnaghan fits to each.

    The two fits agree where the cutoff is converged: the energies of a basis with fixed cutoff differ from those
    of a fixed number of plane waves by the Pulay term, the stress being that of the latter.
    """
    volumes = GUESSED_VOLUME * VOLUME_RATIOS
    results = [cache.solve(bulk("Si", a=(8 * volume) ** (1 / 3)), setting) for volume in volumes]
    energies = np.array([result["energy"] / 2 for result in results])
    pressures = np.array([-np.mean(result["stress"][:3]) for result in results])
    guess = (GUESSED_VOLUME, 0.55, 4.0)
    fit, _ = curve_fit(compute_energy_bm, volumes, energies, (energies.min(), *guess), xtol=1e-14, ftol=1e-14)
    pressure_fit, _ = curve_fit(compute_pressure_bm, volumes, pressures, guess, xtol=1e-14, ftol=1e-14)
    residual = np.abs(energies - compute_energy_bm(volumes, *fit)).max()
    pulay = pressures - compute_pressure_bm(volumes, *fit[1:])
    return {
        "volume": volumes.tolist(),
        "energy": energies.tolist(),
        "pressure": (pressures / GPa).tolist(),
        "units": {"volume": "Å³/atom", "energy": "eV/atom", "pressure": "GPa"},
        "minimum_energy_eV_per_atom": float(fit[0]),
        "energy_fit": describe_bm(*fit[1:]),
        "pressure_fit": describe_bm(*pressure_fit),
        "largest_fit_residual_meV_per_atom": 1e3 * float(residual),
        "largest_pulay_pressure_GPa": float(np.abs(pulay).max() / GPa),
    }


def strain_crystal(lattice_constant: float, voigt: int, strain: float) -> Atoms:
    """Return the primitive cell under an engineering strain along one Voigt direction (0 to 5)."""
    tensor = np.zeros((3, 3))
    row, column = ((0, 0), (1, 1), (2, 2), (1, 2), (0, 2), (0, 1))[voigt]
    tensor[row, column] += strain / 2
    tensor[column, row] += strain / 2
    atoms = bulk("Si", a=lattice_constant)
    atoms.set_cell(atoms.cell.array @ (np.eye(3) + tensor), scale_atoms=True)
    return atoms


def relax_sublattice(cache: PwCache, setting: PlaneWaves, atoms: Atoms) -> tuple[dict, float]:
    """Move the second atom along x, the only free direction under a yz shear, until its force is below 0.1 meV/Å.

    Returns the relaxed result and the displacement (Å), found by secants.
    """
    shifts, forces = [0.0], [cache.solve(atoms, setting)["forces"][1][0]]
    shift = float(np.copysign(SHEAR_STEP, forces[0]))
    for _ in range(8):
        moved = atoms.copy()
        moved.positions[1, 0] += shift
        result = cache.solve(moved, setting)
        shifts.append(shift)
        forces.append(result["forces"][1][0])
        if abs(forces[-1]) < 1e-4:
            return result, shift
        slope = (forces[-1] - forces[-2]) / (shifts[-1] - shifts[-2])
        shift -= forces[-1] / slope
    raise RuntimeError("the internal coordinate of the sheared cell did not relax in 8 steps")


def compute_elastic_constants(cache: PwCache, setting: PlaneWaves, lattice_constant: float) -> dict:
    """Return C11, C12, relaxed and clamped C44 (GPa) and Kleinman's internal strain parameter.

    The internal strain of [100] strain vanishes by symmetry.  ζ = 1 keeps the bond lengths, ζ = 0 is clamped:
    L. Kleinman, Phys. Rev. 128, 2614 (1962).
    """
    signs = (1, -1)
    axial = [cache.solve(strain_crystal(lattice_constant, 0, sign * STRAIN), setting)["stress"] for sign in signs]
    sheared = [strain_crystal(lattice_constant, 3, sign * STRAIN) for sign in signs]
    clamped = [cache.solve(atoms, setting)["stress"] for atoms in sheared]
    relaxed, shifts = zip(*(relax_sublattice(cache, setting, atoms) for atoms in sheared), strict=True)
    perfect = cache.solve(bulk("Si", a=lattice_constant), setting)["stress"]

    def differentiate(stresses: list, component: int) -> float:
        return (stresses[0][component] - stresses[1][component]) / (2 * STRAIN) / GPa

    return {
        "C11": differentiate(axial, 0),
        "C12": (differentiate(axial, 1) + differentiate(axial, 2)) / 2,
        "C44": differentiate([result["stress"] for result in relaxed], 3),
        "C44_clamped": differentiate(clamped, 3),
        "unit": "GPa",
        "kleinman_parameter": -(shifts[0] - shifts[1]) / (2 * STRAIN * lattice_constant / 4),
        "strain": STRAIN,
        "lattice_constant_A": lattice_constant,
        "residual_stress_GPa": perfect[0] / GPa,
    }
