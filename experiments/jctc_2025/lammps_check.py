"""Every property again, by LAMMPS from the exported file: roots, differences, minimisations; no derivative of ours."""

from pathlib import Path

import numpy as np
from ase import Atoms
from ase.build import bulk
from scipy.optimize import brentq, minimize_scalar

from diffsim import SurfaceEnergy, System, units
from diffsim.observables.faults import stacked
from diffsim.observables.pieces import area
from diffsim.potentials.base import AbstractPotential
from experiments.jctc_2025.evidence_targets import UNSEEN, VACANCY_REPEATS, beta_tin_edges, radius_for
from experiments.jctc_2025.lammps_run import AT_FIXED_CELL, Exported
from experiments.jctc_2025.references import primitive_cell
from experiments.lammps import Lammps

_STRAIN = 1e-4
_DISPLACEMENT = 0.002  # Å, both ways: what is left of the third order is below 1e-4 THz
_VOLUME = 1e-3  # relative, both ways
_SUPERCELL = [[-2, 2, 2], [2, -2, 2], [2, 2, -2]]
_POINTS = {"Γ": (0.0, 0.0, 0.0), "X": (0.5, 0.0, 0.5), "L": (0.5, 0.5, 0.5)}
_SHEAR = np.array([[0, 0, 0], [0, 0, 0.5], [0, 0.5, 0]])


def by_lammps(potential: AbstractPotential, folder: Path, wanted: set[str]) -> dict[str, np.ndarray]:
    """The properties by their names in the tables of `evidence`."""
    radius = radius_for(potential)
    with Lammps() as process:
        lammps = Exported(process, potential, folder)
        edge = lattice_constant(lammps)
        crystal = primitive_cell(edge)
        per_atom = lammps.ask(crystal).energy / 2
        found: dict[str, float | np.ndarray] = {"lattice_constant": edge, "cohesive_energy": -per_atom}
        found["elastic_constants"] = elastic(lammps, edge)
        phonons = frequencies(lammps, edge)
        found["phonons"] = np.array(list(phonons.values()))
        for name in sorted(wanted & {"gruneisen_X", "gruneisen_L"}):
            found[name] = gruneisen(lammps, edge, name[-1])
        if "beta_tin" in wanted:
            found["beta_tin"] = beta_tin_energy(lammps) - per_atom
        if "vacancy" in wanted:
            found["vacancy"] = vacancy(lammps, crystal, per_atom)
        for unseen in UNSEEN:
            if unseen.name in wanted and unseen.name.startswith("surface"):
                found[unseen.name] = surface(lammps, unseen.make(crystal, radius), crystal, per_atom)
            if unseen.name in wanted and unseen.name.startswith("fault"):
                found[unseen.name] = unstable_fault(lammps, unseen.make(crystal, radius), crystal, per_atom)
    return {name: np.asarray(value) for name, value in found.items()}


def lattice_constant(lammps: Exported) -> float:
    """Where the stress vanishes, Å."""
    return float(brentq(lambda a: lammps.ask(primitive_cell(a)).stress[0, 0], 5.2, 5.8, xtol=1e-11))


def elastic(lammps: Exported, edge: float) -> np.ndarray:
    """C11, C12, C44 in GPa by central differences of the stress, atoms at rest at each strain."""

    def slope(strain: np.ndarray) -> np.ndarray:
        ends = [lammps.ask(deformed(edge, sign * strain), AT_FIXED_CELL).stress for sign in (1, -1)]
        return (ends[0] - ends[1]) / (2 * _STRAIN) / units.GPa

    axial = slope(_STRAIN * np.diag([1.0, 0.0, 0.0]))
    return np.array([axial[0, 0], axial[1, 1], slope(_STRAIN * _SHEAR)[1, 2]])


def deformed(edge: float, strain: np.ndarray) -> System:
    """The primitive cell under a strain."""
    atoms = bulk("Si", a=edge)
    atoms.set_cell(atoms.cell.array @ (np.eye(3) + strain), scale_atoms=True)
    return System.from_ase(atoms)


def frequencies(lammps: Exported, edge: float) -> dict[str, np.ndarray]:
    """THz at Γ, X and L, by phonopy from forces of 64 atoms."""
    import phonopy
    from phonopy.structure.atoms import PhonopyAtoms

    atoms = bulk("Si", a=edge)
    cell = PhonopyAtoms(numbers=atoms.numbers, cell=atoms.cell.array, positions=atoms.positions)
    phonon = phonopy.Phonopy(cell, supercell_matrix=_SUPERCELL, primitive_matrix=np.eye(3))
    phonon.masses = atoms.get_masses()
    phonon.generate_displacements(distance=_DISPLACEMENT, is_plusminus=True)
    forces = []
    for one in phonon.supercells_with_displacements or []:
        displaced = Atoms(one.symbols, cell=one.cell, positions=one.positions, pbc=True)
        forces.append(lammps.ask(System.from_ase(displaced)).forces)
    phonon.forces = np.array(forces)
    phonon.produce_force_constants()
    phonon.symmetrize_force_constants()
    phonon.run_qpoints(list(_POINTS.values()))
    assert phonon.qpoints is not None  # run_qpoints has just set it
    found = np.sort(phonon.qpoints.frequencies, axis=1)
    return dict(zip(_POINTS, found, strict=True))


def gruneisen(lammps: Exported, edge: float, name: str) -> np.ndarray:
    """−∂ln ω/∂ln V by a central difference, in the order of frequency."""
    small, large = (frequencies(lammps, edge * (1 + sign * _VOLUME) ** (1 / 3))[name] for sign in (-1, 1))
    return -np.log(large / small)[None] / np.log((1 + _VOLUME) / (1 - _VOLUME))


def beta_tin_energy(lammps: Exported) -> float:
    """Per atom in eV, with a and c at rest."""
    edge, height = beta_tin_edges()
    places = [[0, 0, 0], [0, 0.5, 0.25], [0.5, 0.5, 0.5], [0.5, 0, 0.75]]
    system = System.from_ase(Atoms("Si4", scaled_positions=places, cell=[edge, edge, height], pbc=True))
    relax = "fix box all box/relax aniso 0.0 vmax 0.005"
    again = [relax, *AT_FIXED_CELL, "unfix box"]
    return lammps.ask(system, again * 4).energy / 4  # the box's reference is renewed each time


def vacancy(lammps: Exported, crystal: System, per_atom: float) -> float:
    """Of a supercell without its first atom, eV."""
    full = crystal.supercell(VACANCY_REPEATS).to_ase()
    del full[0]
    return lammps.ask(System.from_ase(full), AT_FIXED_CELL).energy - len(full) * per_atom


def surface(lammps: Exported, observable: object, crystal: System, per_atom: float) -> float:
    """Relaxed, J/m², of the same slab."""
    assert isinstance(observable, SurfaceEnergy)
    slab = observable.slab.piece.of(crystal)
    energy = lammps.ask(slab, AT_FIXED_CELL).energy
    return (energy - len(slab.numbers) * per_atom) / (2 * float(area(slab))) / units.J_per_m2


def unstable_fault(lammps: Exported, observable: object, crystal: System, per_atom: float) -> float:
    """The greatest energy on the way, J/m², atoms and the height of the cell relaxed along the normal."""
    landscape = observable.faulted  # type: ignore[attr-defined]
    cut = landscape.piece.of(crystal)
    still = np.zeros(1 + len(cut.numbers))
    hold = ["fix flat all setforce 0.0 0.0 NULL"]
    swell = ["fix box all box/relax z 0.0 vmax 0.002 scalexz no scaleyz no", *AT_FIXED_CELL, "unfix box"]

    def lowered(fraction: float) -> float:
        system = stacked(cut, fraction * (landscape.shift @ crystal.cell), still)
        return -lammps.ask(system, hold + 3 * swell).energy

    grid = np.linspace(0.1, 1.0, 10)
    values = [lowered(fraction) for fraction in grid]
    first = next((i for i in range(1, len(grid) - 1) if values[i] < values[i - 1] and values[i] <= values[i + 1]), 8)
    found = minimize_scalar(lowered, bounds=(grid[first - 1], grid[first + 1]), method="bounded")
    return (-found.fun - len(cut.numbers) * per_atom) / float(area(cut)) / units.J_per_m2
