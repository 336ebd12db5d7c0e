"""The ASE calculator: ASE's conventions, its optimisers, and lists that follow the atoms without recompiling."""

import ase
import numpy as np
import pytest
from ase.build import bulk, molecule
from ase.calculators.calculator import PropertyNotImplementedError
from ase.calculators.fd import calculate_numerical_forces, calculate_numerical_stress
from ase.eos import EquationOfState
from ase.filters import FrechetCellFilter
from ase.optimize import BFGS
from helpers import POTENTIALS, rattled

import diffsim
from diffsim import StillingerWeber, System
from diffsim.io import ase as calculator_module
from diffsim.io.ase import Calculator

SW = StillingerWeber.silicon()


def silicon(amplitude: float = 0.1, strain: float = 0.05) -> ase.Atoms:
    return rattled(bulk("Si", a=5.431), amplitude, strain=strain).to_ase()


@pytest.fixture
def compilations(monkeypatch):
    """How often the calculator's function was traced: each time is a compilation."""
    traced = []
    original = calculator_module.graph
    monkeypatch.setattr(calculator_module, "graph", lambda *a: traced.append(1) or original(*a))
    return traced


def test_results_are_those_of_the_library():
    atoms = silicon()
    atoms.calc = Calculator(SW)
    system = System.from_ase(atoms)
    stress = np.asarray(diffsim.stress(SW, system))
    assert atoms.get_potential_energy() == pytest.approx(float(diffsim.energy(SW, system)), rel=1e-14)
    assert atoms.get_potential_energy(force_consistent=True) == atoms.get_potential_energy()
    assert atoms.get_potential_energies().sum() == pytest.approx(atoms.get_potential_energy(), rel=1e-14)
    np.testing.assert_allclose(atoms.get_forces(), diffsim.forces(SW, system), rtol=0, atol=1e-13)
    voigt = stress[[0, 1, 2, 1, 0, 0], [0, 1, 2, 2, 2, 1]]
    np.testing.assert_allclose(atoms.get_stress(), voigt, rtol=0, atol=1e-14)  # rounding
    np.testing.assert_allclose(atoms.get_stress(voigt=False), stress, rtol=0, atol=1e-14)


def test_stretched_silicon_is_under_tension():
    atoms = bulk("Si", a=5.6)
    atoms.calc = Calculator(SW)
    assert (atoms.get_stress()[:3] > 0).all()


def test_forces_and_stress_pass_ases_numerical_checks():
    """Central differences with 1e-4 Å and 1e-5: their own error is below 1e-6 eV/Å and 1e-7 eV/Å³."""
    atoms = silicon()
    atoms.calc = Calculator(SW)
    np.testing.assert_allclose(atoms.get_forces(), calculate_numerical_forces(atoms, eps=1e-4), rtol=0, atol=1e-6)
    numerical = calculate_numerical_stress(atoms, eps=1e-5)
    np.testing.assert_allclose(atoms.get_stress(), numerical, rtol=0, atol=1e-7)


def test_bfgs_with_a_cell_filter_finds_the_lattice_constant(compilations):
    """5.43094978 Å and −4.33652 eV an atom (LAMMPS); fmax bounds what is left."""
    atoms = silicon(amplitude=0.05, strain=0.03)
    atoms.calc = Calculator(SW)
    assert BFGS(FrechetCellFilter(atoms), logfile=None).run(fmax=1e-6, steps=60)
    assert (4 * atoms.get_volume()) ** (1 / 3) == pytest.approx(5.43094978, abs=1e-6)
    assert atoms.get_potential_energy() / 2 == pytest.approx(-4.33652, abs=5e-7)  # the digits given
    assert len(compilations) <= 2  # the table grew once at most


def test_equation_of_state_has_its_minimum_at_the_lattice_constant():
    """Bulk modulus (C11 + 2 C12)/3 = 101.42 GPa; the fit over ±2 % in volume is good to 0.5 %."""
    atoms = bulk("Si", a=5.43094978)
    atoms.calc = Calculator(SW)
    cell, volumes, energies = atoms.cell.copy(), [], []
    for scale in np.linspace(0.98, 1.02, 7) ** (1 / 3):
        atoms.set_cell(cell * scale, scale_atoms=True)
        volumes.append(atoms.get_volume())
        energies.append(atoms.get_potential_energy())
    volume, _, bulk_modulus = EquationOfState(volumes, energies, eos="birchmurnaghan").fit()
    assert (4 * volume) ** (1 / 3) == pytest.approx(5.43094978, abs=1e-4)
    assert bulk_modulus / diffsim.units.GPa == pytest.approx(101.42, rel=5e-3)


def test_a_walk_far_beyond_the_skin_gives_the_energies_of_fresh_lists(compilations):
    atoms = silicon()
    calculator = Calculator(SW)
    rng = np.random.default_rng(0)
    for _ in range(8):
        atoms.positions += 0.15 * rng.standard_normal((2, 3))
        fresh = float(diffsim.energy(SW, System.from_ase(atoms)))
        assert calculator.get_potential_energy(atoms) == pytest.approx(fresh, rel=1e-12)
    assert len(compilations) <= 3


def test_changes_of_cell_numbers_size_and_periodicity_are_noticed():
    lj, system = POTENTIALS["lennard_jones"]()
    atoms = system.to_ase()
    calculator = Calculator(lj)
    before = calculator.get_potential_energy(atoms)

    def check() -> None:
        fresh = float(diffsim.energy(lj, System.from_ase(atoms)))
        assert calculator.get_potential_energy(atoms) == pytest.approx(fresh, rel=1e-12)
        assert fresh != before

    atoms.set_cell(atoms.cell * 0.9)
    check()
    atoms.numbers[0] = atoms.numbers[1]
    check()
    atoms.pbc = (True, True, False)
    check()
    atoms = atoms.repeat((2, 1, 1))
    check()


def test_without_three_periodic_directions_there_is_no_stress():
    atoms = molecule("Si2H6")[:2]
    atoms.calc = Calculator(SW)
    assert np.isfinite(atoms.get_forces()).all()
    with pytest.raises(PropertyNotImplementedError):
        atoms.get_stress()


def test_atoms_without_parameters_are_refused_also_when_they_come_later():
    atoms = silicon()
    atoms.calc = Calculator(SW)
    atoms.get_potential_energy()
    atoms.numbers[0] = 6
    with pytest.raises(ValueError, match="StillingerWeber has parameters for Si, but the system contains C"):
        atoms.get_potential_energy()


def test_a_negative_skin_is_refused():
    with pytest.raises(ValueError, match=r"the skin .* must not be negative, got -0.1 Å"):
        Calculator(SW, skin=-0.1)
