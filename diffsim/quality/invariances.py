"""What must not change the energy, and what forces do with it."""

from collections.abc import Callable

import numpy as np
from jaxtyping import Float, Int

from diffsim.quality.subject import Subject
from diffsim.quality.verdict import Verdict, at_most
from diffsim.system import System

_BAR = 1e-8  # eV per atom, eV/Å: rounding of 64-bit floats, with room for networks that amplify it

Moved = tuple[System, Int[np.ndarray, " atoms"], Float[np.ndarray, "3 3"]]  # its order of atoms, how it was turned


def translation(system: System) -> Moved:
    """All atoms moved, each by a whole number of cells more."""
    rng = np.random.default_rng(0)
    cells = rng.integers(-2, 3, system.positions.shape) @ np.asarray(system.cell)
    return system.replace(positions=system.positions + cells + rng.standard_normal(3)), _same(system), np.eye(3)


def permutation(system: System) -> Moved:
    """Atoms in another order."""
    order = np.random.default_rng(1).permutation(len(system.numbers))
    parts = (system.positions[order], system.cell, system.numbers[order], system.masses[order], system.pbc)
    return System(*parts), order, np.eye(3)


def rotation(system: System) -> Moved:
    """Turned about a random axis."""
    turn = np.linalg.qr(np.random.default_rng(2).standard_normal((3, 3)))[0]
    turn = turn * np.linalg.det(turn)
    return _turned(system, turn), _same(system), turn


def reflection(system: System) -> Moved:
    """Seen in a mirror, z → −z."""
    mirror = np.diag([1.0, 1.0, -1.0])
    return _turned(system, mirror), _same(system), mirror


def invariance(subject: Subject, move: Callable[[System], Moved]) -> Verdict:
    """Whether the energy stays, and forces turn with the structure."""
    moved, order, turn = move(subject.probe)
    found = subject.evaluated([subject.probe, moved])
    by_energy = abs(found.energy[1] - found.energy[0]) / len(order)
    by_force = np.abs(found.forces[1] - found.forces[0][order] @ turn.T).max()
    return _told(float(by_energy), float(by_force), f"After a {move.__name__}")


def supercell(subject: Subject) -> Verdict:
    """Whether a repeated cell has the same energy per atom, and the same forces on every image."""
    repeated = subject.probe.supercell((2, 1, 1))
    one, two = subject.evaluated([subject.probe]), subject.evaluated([repeated])
    by_energy = abs(two.energy[0] - 2 * one.energy[0]) / len(repeated.numbers)
    by_force = np.abs(two.forces[0] - np.repeat(one.forces[0], 2, axis=0)).max()
    return _told(float(by_energy), float(by_force), "In a cell twice as long")


def _told(by_energy: float, by_force: float, what: str) -> Verdict:
    sentence = f"{what}, the energy differs by {by_energy:.1e} eV/atom and the forces by {by_force:.1e} eV/Å."
    return at_most(_BAR, float(np.max([by_energy, by_force])), "eV/atom, eV/Å", sentence)


def _turned(system: System, turn: Float[np.ndarray, "3 3"]) -> System:
    return system.replace(positions=system.positions @ turn.T, cell=system.cell @ turn.T)


def _same(system: System) -> Int[np.ndarray, " atoms"]:
    return np.arange(len(system.numbers))
