"""Phonons of a potential and of first-principles force constants: bands, density of states, heat capacity, entropy."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from ase.units import J, mol

import diffsim
from diffsim.io.band_path import BandPath, band_path
from diffsim.potentials.base import AbstractPotential
from experiments.jctc_2025.observables import holding
from experiments.jctc_2025.problems import Problem
from experiments.jctc_2025.references import SUPERCELL, Reference, conventional_cell, primitive_cell

MASS = 28.085  # amu
WIDTH = 0.15  # THz, of the Gaussians of the density of states
TEMPERATURES = np.linspace(10.0, 1000.0, 100)  # K
_PRIMITIVE = [[0.0, 0.5, 0.5], [0.5, 0.0, 0.5], [0.5, 0.5, 0.0]]
_SPECIAL = {"Γ": (0.0, 0.0, 0.0), "X": (0.5, 0.0, 0.5), "L": (0.5, 0.5, 0.5)}


class Phonons(NamedTuple):
    """Of one crystal."""

    bands: np.ndarray  # [q 6] THz
    special: dict[str, np.ndarray]  # [6] THz at Γ, X, L
    dos: np.ndarray  # [points] states per THz and atom
    heat_capacity: np.ndarray  # [temperatures] J/(K mol) per atom
    entropy: np.ndarray


def wave_vectors(mesh: int) -> tuple[BandPath, np.ndarray, np.ndarray]:
    """The path, the mesh and its weights; none of them depends on the edge of the crystal."""
    path = band_path(primitive_cell(5.43), 30)
    return path, *diffsim.reciprocal_mesh((mesh, mesh, mesh))


def phonons_of(potential: AbstractPotential, edge: float, mesh: int) -> Phonons:
    """Of a potential at a lattice constant, exactly."""
    path, qpoints, weights = wave_vectors(mesh)
    everything = np.concatenate([path.qpoints, list(_SPECIAL.values()), qpoints])
    found = np.asarray(diffsim.phonon_frequencies(potential, primitive_cell(edge), everything))
    return _split(found, len(path.qpoints), weights)


def phonons_of_reference(reference: Reference, mesh: int) -> Phonons:
    """Of the force constants, by phonopy."""
    import phonopy
    from phonopy.structure.atoms import PhonopyAtoms

    system = conventional_cell(reference.edge)
    cell = PhonopyAtoms(numbers=np.asarray(system.numbers), cell=system.cell, positions=system.positions)
    phonon = phonopy.Phonopy(cell, supercell_matrix=np.diag(SUPERCELL), primitive_matrix=_PRIMITIVE)
    phonon.masses = [MASS] * 2
    phonon.force_constants = reference.force_constants
    path, qpoints, weights = wave_vectors(mesh)
    phonon.run_qpoints(np.concatenate([path.qpoints, list(_SPECIAL.values()), qpoints]))
    assert phonon.qpoints is not None  # run_qpoints has just set it
    return _split(np.sort(phonon.qpoints.frequencies, axis=1), len(path.qpoints), weights)


def _split(frequencies: np.ndarray, on_path: int, weights: np.ndarray) -> Phonons:
    bands, special, mesh = np.split(frequencies, [on_path, on_path + len(_SPECIAL)])
    dos = diffsim.phonon_dos(jnp.asarray(mesh), weights, dos_axis(), WIDTH) / 2
    at = jax.vmap(lambda T: diffsim.harmonic_thermodynamics(jnp.asarray(mesh), weights, T))(jnp.asarray(TEMPERATURES))
    joules = 0.5 / (J / mol)  # of two atoms in eV/K
    return Phonons(
        bands,
        dict(zip(_SPECIAL, special, strict=True)),
        np.asarray(dos),
        np.asarray(at.heat_capacity) * joules,
        np.asarray(at.entropy) * joules,
    )


def dos_axis() -> np.ndarray:
    """Frequencies in THz at which densities of states are given."""
    return np.linspace(0.0, 21.0, 211)


def before_and_after(
    problem: Problem, best: tuple[float, float], reference: Reference, mesh: int
) -> dict[str, Phonons]:
    """The potential at the first start and at the minimum, and the first-principles crystal."""
    found = {}
    for name, x in (("before", problem.starts[0]), ("after", best)):
        found[name] = phonons_of(holding(problem.at(x), problem.held), problem.edge, mesh)
    return found | {reference.name: phonons_of_reference(reference, mesh)}
