"""Force constants by finite displacements with phonopy, frequencies, bands and mode Grüneisen parameters.

Reciprocal coordinates are fractions of the reciprocal vectors of ``ase.build.bulk("Si")``, whose cell vectors are
``(0, a/2, a/2)``, ``(a/2, 0, a/2)`` and ``(a/2, a/2, 0)``.
"""

from pathlib import Path

import jax.numpy as jnp
import numpy as np
import seekpath
from ase import Atoms
from ase.build import bulk
from ase.io import write
from phonopy import Phonopy
from phonopy.file_IO import parse_FORCE_CONSTANTS, write_FORCE_CONSTANTS
from phonopy.harmonic.dynmat_to_fc import get_commensurate_points
from phonopy.phonon.mesh import Mesh
from phonopy.structure.atoms import PhonopyAtoms

from diffsim import units
from diffsim.observables.harmonic_vibrations import windowed_density
from experiments.silicon_pbe.espresso import PlaneWaves, PwCache

MASS = 28.085  # amu, the standard atomic weight; phonopy's own default differs
DISPLACEMENT = 0.01  # Å
QPOINTS = {"Γ": (0.0, 0.0, 0.0), "X": (0.5, 0.0, 0.5), "L": (0.5, 0.5, 0.5)}
BAND_POINTS = 40
DOS_MESH = (16, 16, 16)
DOS_WIDTH = 0.3  # THz
VDOS_SPACING, VDOS_LAGS = 10.0, 50  # fs and frames: a resolution of 2 THz

# Both hold Γ, X and L: twice the primitive cell (16 atoms), twice the conventional cell (64 atoms).
PRIMITIVE_SUPERCELL = ((2, 0, 0), (0, 2, 0), (0, 0, 2))
CONVENTIONAL_SUPERCELL = ((-2, 2, 2), (2, -2, 2), (2, 2, -2))
# The smallest that holds Γ and X: four atoms, tetragonal, for comparing pseudopotentials.  Columns are the vectors.
ZONE_BOUNDARY_SUPERCELL = ((0, -1, 1), (1, 0, -1), (0, 1, 1))


def build_phonopy(lattice_constant: float, supercell: tuple) -> Phonopy:
    """Return phonopy's object for the primitive cell and a supercell matrix."""
    atoms = bulk("Si", a=lattice_constant)
    unitcell = PhonopyAtoms(
        symbols=["Si", "Si"], cell=atoms.cell.array, scaled_positions=atoms.get_scaled_positions(), masses=[MASS, MASS]
    )
    return Phonopy(unitcell, supercell_matrix=supercell, primitive_matrix=np.eye(3))


def compute_force_constants(
    cache: PwCache, setting: PlaneWaves, lattice_constant: float, *, supercell: tuple
) -> Phonopy:
    """Return a phonopy object holding compact force constants with the sum rule and permutation symmetry imposed.

    The tetrahedral site maps a displacement on its negative, so that ±displacements are both there when phonopy
    generates one: its fit applies the site symmetry, and the error is of second order in the displacement.
    """
    phonon = build_phonopy(lattice_constant, supercell)
    phonon.generate_displacements(distance=DISPLACEMENT, is_plusminus="auto", is_diagonal=False)
    phonon.forces = [
        np.array(
            cache.solve(Atoms(cell.symbols, cell=cell.cell, scaled_positions=cell.scaled_positions, pbc=True), setting)[
                "forces"
            ]
        )
        for cell in phonon.supercells_with_displacements or ()
    ]
    phonon.produce_force_constants(calculate_full_force_constants=False)
    phonon.symmetrize_force_constants()
    return phonon


def save_force_constants(phonon: Phonopy, directory: Path) -> None:
    """Write POSCAR and FORCE_CONSTANTS, the compact block of the unit cell's atoms with the supercell's."""
    cell = phonon.unitcell
    atoms = Atoms(cell.symbols, cell=cell.cell, scaled_positions=cell.scaled_positions, pbc=True)
    write(directory / "POSCAR", atoms, format="vasp", direct=True)
    write_FORCE_CONSTANTS(
        np.asarray(phonon.force_constants), filename=directory / "FORCE_CONSTANTS", p2s_map=phonon.primitive.p2s_map
    )


def load_force_constants(directory: Path, lattice_constant: float, supercell: tuple) -> Phonopy:
    """Return the phonopy object of a saved FORCE_CONSTANTS file."""
    phonon = build_phonopy(lattice_constant, supercell)
    phonon.force_constants = parse_FORCE_CONSTANTS(
        filename=directory / "FORCE_CONSTANTS", p2s_map=phonon.primitive.p2s_map
    )
    return phonon


def solve_qpoints(phonon: Phonopy, qpoints: np.ndarray) -> np.ndarray:
    """Return the frequencies (THz, ascending, one row a point) at reciprocal coordinates."""
    phonon.run_qpoints(qpoints)
    assert phonon.qpoints is not None  # run_qpoints has just set it
    return np.sort(phonon.qpoints.frequencies, axis=1)


def compute_frequencies(phonon: Phonopy) -> dict[str, list[float]]:
    """Return the frequencies (THz, ascending) at Γ, X and L."""
    frequencies = solve_qpoints(phonon, np.array(list(QPOINTS.values())))
    return dict(zip(QPOINTS, frequencies.tolist(), strict=True))


def compute_bands(phonon: Phonopy) -> dict:
    """Return frequencies (THz) along seekpath's path, ``BAND_POINTS`` intervals a segment."""
    cell = phonon.unitcell
    path = seekpath.get_path((cell.cell, cell.scaled_positions, cell.numbers))
    if not np.allclose(path["primitive_lattice"], cell.cell, atol=1e-6):
        raise RuntimeError("seekpath chose other primitive vectors than the unit cell's")
    reciprocal = 2 * np.pi * np.linalg.inv(cell.cell).T
    segments = []
    for start, end in path["path"]:
        first, last = (np.array(path["point_coords"][label]) for label in (start, end))
        qpoints = first + np.linspace(0, 1, BAND_POINTS + 1)[:, None] * (last - first)
        segments.append(
            {
                "labels": [label.replace("GAMMA", "Γ") for label in (start, end)],
                "length": float(np.linalg.norm((last - first) @ reciprocal)),
                "qpoints": qpoints.round(10).tolist(),
                "frequencies": solve_qpoints(phonon, qpoints).round(6).tolist(),
            }
        )
    return {"units": {"frequencies": "THz", "length": "1/Å", "qpoints": "reciprocal cell"}, "segments": segments}


def compute_dos(phonon: Phonopy) -> dict:
    """Return the density of states (states per THz and cell), each mode of the mesh a Gaussian."""
    phonon.run_mesh(DOS_MESH, is_gamma_center=True)
    assert isinstance(phonon.mesh, Mesh)  # run_mesh has just set it
    frequencies, weights = phonon.mesh.frequencies, phonon.mesh.weights / phonon.mesh.weights.sum()
    grid = np.linspace(0.0, 20.0, 201)
    gaussians = np.exp(-0.5 * ((grid - frequencies[..., None]) / DOS_WIDTH) ** 2) / (DOS_WIDTH * np.sqrt(2 * np.pi))
    density = np.einsum("q,qsg->g", weights, gaussians)
    return {
        "units": {"frequencies": "THz", "density": "states per THz and cell"},
        "mesh": list(DOS_MESH),
        "width": DOS_WIDTH,
        "frequencies": grid.round(6).tolist(),
        "density": density.round(6).tolist(),
    }


def compute_vibrations(phonon: Phonopy) -> dict:
    """Return the density of states of the supercell's own modes, behind the window of a trajectory's estimate."""
    points = np.asarray(get_commensurate_points(phonon.supercell_matrix))
    modes = jnp.asarray(solve_qpoints(phonon, points))
    frequencies = np.arange(1.0, 18.5)
    density = windowed_density(modes, jnp.ones(len(points)), frequencies, VDOS_SPACING * units.fs, VDOS_LAGS)
    return {
        "value": np.asarray(density).round(5).tolist(),
        "unit": "1/THz",
        "frequencies": frequencies.tolist(),
        "atoms": len(phonon.supercell),
        "frames_apart_fs": VDOS_SPACING,
        "lags": VDOS_LAGS,
        "definition": "diffsim.HarmonicDensityOfStates; its integral is 3N − 3",
    }


def compute_gruneisen(compressed: Phonopy, expanded: Phonopy) -> dict[str, list[float | None]]:
    """Return ``-d ln ω / d ln V`` by central differences; None for the acoustic modes at Γ."""
    step = np.log(expanded.unitcell.volume / compressed.unitcell.volume)
    low, high = compute_frequencies(compressed), compute_frequencies(expanded)
    return {
        name: [
            None if name == "Γ" and mode < 3 else float(-np.log(high[name][mode] / low[name][mode]) / step)
            for mode in range(6)
        ]
        for name in QPOINTS
    }
