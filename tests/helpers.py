"""The table of potentials that general tests run over, and the structures that show mistakes."""

from collections.abc import Callable

import numpy as np
from ase import Atoms
from ase.build import bulk, make_supercell

import diffsim
from diffsim import Neighbors, StillingerWeber, System
from diffsim.potentials import EDIP, AbstractPotential, Buckingham, Gupta, LennardJones, Morse, Tersoff
from tests.potentials.mixtures import cadmium_telluride, silicon_carbide_edip, silicon_carbide_tersoff


def rattled(atoms, amplitude: float, seed: int = 0, strain: float = 0.0) -> System:
    """A copy displaced at random by `amplitude` Å (standard deviation), in a cell under a random triclinic strain."""
    rng = np.random.default_rng(seed)
    atoms = atoms.copy()
    atoms.set_cell(atoms.cell @ (np.eye(3) + strain * rng.uniform(-1, 1, (3, 3))), scale_atoms=True)
    atoms.positions += amplitude * rng.standard_normal(atoms.positions.shape)
    return System.from_ase(atoms)


def assert_agrees(potential: AbstractPotential, system: System, energy: float, forces, stress) -> None:
    """Energy to 1e-8 and stress to 1e-6 relative, forces to 1e-6 eV/Å: the bars for another code's numbers."""
    neighbors = Neighbors.allocate(system, potential.cutoff)
    neighbors = neighbors.widened(64 * (len(neighbors.index) // 64 + 1))  # one shape, compiled once, for many rattles
    np.testing.assert_allclose(diffsim.energy(potential, system, neighbors), energy, rtol=1e-8)
    np.testing.assert_allclose(diffsim.forces(potential, system, neighbors), forces, rtol=0, atol=1e-6)
    atol = 1e-6 * np.abs(stress).max()
    np.testing.assert_allclose(diffsim.stress(potential, system, neighbors), stress, rtol=0, atol=atol)


def assert_repeats(potential: AbstractPotential, system: System) -> None:
    """A cell smaller than the cutoff gives each atom the forces that it has in the 3×3×3 copy of that cell."""
    repeated = diffsim.forces(potential, system.supercell((3, 3, 3)))
    expected = np.repeat(diffsim.forces(potential, system), 27, axis=0)
    # rounding of positions up to three cells away, times force constants of some 10 eV/Å²
    np.testing.assert_allclose(repeated, expected, rtol=0, atol=1e-10)


def differences(function: Callable, at, h: float = 1e-4) -> np.ndarray:
    """Derivatives by fourth-order central differences, one for each number in `at`, along a new last axis."""
    slopes = []
    for step in h * np.eye(len(at)):
        near, far = (function(at + n * step) - function(at - n * step) for n in (1, 2))
        slopes.append((8 * near - far) / (12 * h))
    return np.stack(slopes, axis=-1)


def _silicon(potential: AbstractPotential) -> tuple[AbstractPotential, System]:
    return potential, rattled(bulk("Si", a=5.431), 0.1, strain=0.05)


def layered(first: str, second: str, a: float) -> Atoms:
    """Two species on diamond's lattice, two layers of each: every atom has two neighbours of both."""
    atoms = make_supercell(bulk("Si", a=a), [[1, 1, 0], [1, -1, 0], [0, 0, 1]])
    atoms.symbols = [first, first, second, second]
    return atoms


def _argon_krypton() -> tuple[AbstractPotential, System]:
    lj = LennardJones(
        epsilon=[[0.0104, 0.0120], [0.0120, 0.0141]],
        sigma=[[3.40, 3.52], [3.52, 3.65]],
        cutoff=5.5,
        onset=4.5,
        species=("Ar", "Kr"),
    )
    return lj, rattled(bulk("ArKr", "cesiumchloride", a=4.3), 0.1, strain=0.05)


def copper_gold(cutoff: float, onset: float) -> Gupta:
    """Tables of two species, of the size of Cleri and Rosato's."""
    return Gupta(
        A=[[0.0855, 0.1539], [0.1539, 0.2061]],
        xi=[[1.224, 1.5605], [1.5605, 1.790]],
        p=[[10.960, 11.05], [11.05, 10.229]],
        q=[[2.278, 3.0475], [3.0475, 4.036]],
        r0=[[2.556, 2.720], [2.720, 2.884]],
        cutoff=cutoff,
        onset=onset,
        species=("Cu", "Au"),
    )


def _copper_gold(potential: AbstractPotential) -> tuple[AbstractPotential, System]:
    return potential, rattled(bulk("CuAu", "cesiumchloride", a=3.15), 0.1, strain=0.05)


def _silica() -> tuple[AbstractPotential, System]:
    molecule = Atoms("SiO2", positions=[[0, 0, 0], [1.6, 0.2, 0], [-0.4, 1.5, 0.3]], cell=[3.6, 3.4, 3.2], pbc=True)
    return Buckingham.bks(short_cutoff=4.0, coulomb_cutoff=4.5), rattled(molecule, 0.05, strain=0.05)


# name → (potential, a tiny rattled, strained system smaller than the cutoff)
POTENTIALS: dict[str, Callable[[], tuple[AbstractPotential, System]]] = {
    "stillinger_weber": lambda: _silicon(StillingerWeber.silicon()),
    "lennard_jones": _argon_krypton,
    "morse": lambda: _silicon(Morse(D=1.8, alpha=1.6, r0=2.35, cutoff=4.0, shift=True)),
    "buckingham": _silica,
    "gupta": lambda: _copper_gold(copper_gold(cutoff=4.5, onset=3.5)),
    "edip": lambda: _silicon(EDIP.silicon()),
    "tersoff": lambda: _silicon(Tersoff.silicon()),
    "stillinger_weber_mixture": lambda: (cadmium_telluride(), rattled(layered("Cd", "Te", 6.2), 0.1, strain=0.05)),
    "edip_mixture": lambda: (silicon_carbide_edip(), rattled(layered("Si", "C", 4.5), 0.1, strain=0.05)),
    # 4.35: no edge within 0.03 Å of R ± D, where the second derivative jumps
    "tersoff_mixture": lambda: (silicon_carbide_tersoff(), rattled(layered("Si", "C", 4.35), 0.1, strain=0.05)),
    "eam": lambda: _copper_gold(copper_gold(cutoff=4.5, onset=3.5).tabulated(knots=16, max_density=60.0)),
}
