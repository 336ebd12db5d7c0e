"""The crystal: at rest near where it was given, stable against strain and against waves, and in motion."""

import jax.numpy as jnp
import numpy as np

from diffsim.mechanics import force_constants
from diffsim.observables import elastic_constants, phonon_dos
from diffsim.observables.supercell import frequencies_of, of_first_cell, supercell_dynamical_matrix
from diffsim.quality.structures import rearrangement, repeats, strain_between
from diffsim.quality.subject import Subject
from diffsim.quality.verdict import Verdict, at_least, at_most
from diffsim.system import lattice_points

_STRAIN = 0.1
_SOFT = 1e-3  # GPa: below is rounding
_IMAGINARY = -0.05  # THz: above is rounding of modes that cost nothing
_DRIFT = 0.1  # meV/atom/ps: one kelvin in a picosecond
_CELL = 64  # atoms of the supercell for phonons, at least
_POINTS, _WIDTH = 200, 0.02  # of the density of states; relative to the highest frequency


def at_rest(subject: Subject) -> Verdict:
    """Whether the nearest minimum is the crystal that was given, and not another one.

    Neither is the cell strained by more than a tenth, nor have atoms moved within it by more than a tenth of the cube
    root of their volume.
    """
    crystal = subject.crystal
    assert subject.structure is not None
    largest = float(np.abs(np.linalg.eigvalsh(strain_between(subject.structure, crystal))).max())
    volume = float(crystal.volume) / len(crystal.numbers)
    moved = rearrangement(subject.structure, crystal)
    sentence = (
        f"At rest its cell is strained by {100 * largest:.2g} % and has {volume:.4g} Å³ an atom; within it atoms have "
        f"moved by {moved:.2g} Å (root mean square)."
    )
    return at_most(100 * _STRAIN, 100 * max(largest, moved / volume ** (1 / 3)), "%", sentence)


def born(subject: Subject) -> Verdict:
    """Whether every homogeneous strain costs energy: all eigenvalues of C positive (doi:10.1103/PhysRevB.90.224104)."""
    found = np.asarray(elastic_constants(subject.potential, subject.crystal))
    lowest = float(np.linalg.eigvalsh(0.5 * (found + found.T)).min())
    c = {name: found[int(name[1]) - 1, int(name[2]) - 1] for name in ("C11", "C12", "C44")}
    sentence = ", ".join(f"{name} {value:.4g}" for name, value in c.items())
    return at_least(_SOFT, lowest, "GPa", f"The softest strain has {lowest:.3g} GPa; {sentence} GPa.")


def phonons(subject: Subject) -> Verdict:
    """Whether all waves that fit into a supercell have real frequencies."""
    size = repeats(subject.crystal, _CELL, even=True)
    constants = of_first_cell(np.asarray(force_constants(subject.potential, subject.crystal, size)), size)
    waves = lattice_points(size) / np.array(size)
    found = frequencies_of(supercell_dynamical_matrix(constants, subject.crystal, size, waves))
    lowest, highest = float(found.min()), float(found.max())
    imaginary = int(np.sum(found < _IMAGINARY))
    grid = np.linspace(min(0.0, 1.2 * lowest), 1.1 * highest, _POINTS)
    weights = np.full(len(found), 1 / len(found))
    density = np.asarray(phonon_dos(jnp.asarray(found), weights, grid, max(_WIDTH * highest, 1e-3)))
    sentence = (
        f"Of {found.size} modes at {len(found)} wave vectors {imaginary or 'none'} "
        f"{'is' if imaginary < 2 else 'are'} imaginary; frequencies reach {highest:.4g} THz."
    )
    columns = {"frequency (THz)": grid.tolist(), "density of states (1/THz)": density.tolist()}
    return at_least(_IMAGINARY, lowest, "THz", sentence, columns)


def conservation(subject: Subject) -> Verdict:
    """Whether the energy stays what it is along a trajectory at constant energy: the slope of a line through it."""
    motion = subject.motion
    slope = float(np.polyfit(motion.times, motion.energies, 1)[0])
    sentence = (
        f"In {motion.times[-1]:.2g} ps from {subject.temperature:g} K the energy drifts by {slope:+.1e} meV/atom/ps "
        f"and fluctuates by {np.std(motion.energies):.1e} meV/atom; the time step is {motion.step:.2g} fs."
    )
    columns = {"time (ps)": motion.times.tolist(), "energy (meV/atom)": motion.energies.tolist()}
    return at_most(_DRIFT, abs(slope), "meV/atom/ps", sentence, columns)
