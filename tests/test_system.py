"""Systems: what goes in comes out again, and what makes no sense is refused where it is made."""

import ase
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from ase.build import bulk, molecule
from ase.constraints import FixAtoms
from random_cells import KINDS, random_structure

from diffsim import System


def decorated(pbc) -> ase.Atoms:
    """A left-handed cell, masses by hand, an atom outside, and all that a `System` does not hold."""
    atoms = ase.Atoms(
        "SiCSi",
        positions=[[0.1, 0.2, 0.3], [2.0, -7.0, 1 / 3], [1.0, 2.0, 30.0]],
        cell=[[0, 4.1, 0.1], [4.2, 0.3, 0], [0, 0.1, 4.3]],
        pbc=pbc,
        masses=[28.085, 13.00335, 29.97377],
        tags=[1, 2, 3],
        momenta=np.arange(9.0).reshape(3, 3),
        info={"name": "x"},
        constraint=FixAtoms([0]),
    )
    assert atoms.cell.handedness == -1
    return atoms


@pytest.mark.parametrize("pbc", [True, False, (True, False, True)])
def test_ase_and_back_loses_no_bit_of_the_structure(pbc):
    atoms = decorated(pbc)
    back = System.from_ase(atoms).to_ase()
    np.testing.assert_array_equal(back.positions, atoms.positions)
    np.testing.assert_array_equal(back.cell, atoms.cell)
    np.testing.assert_array_equal(back.pbc, atoms.pbc)
    np.testing.assert_array_equal(back.numbers, atoms.numbers)
    np.testing.assert_array_equal(back.get_masses(), atoms.get_masses())


@pytest.mark.parametrize(
    ("field", "dtype"), [("positions", float), ("cell", float), ("masses", float), ("numbers", "i4")]
)
def test_a_system_does_not_change_with_the_arrays_it_was_made_of(field, dtype):
    structure = bulk("Si").repeat((2, 2, 2))
    values = {
        "positions": structure.positions,
        "cell": structure.cell.array,
        "masses": structure.get_masses(),
        "numbers": structure.numbers,
    }
    for offset in range(8):  # jax looks at memory that happens to be aligned to 64 bytes instead of copying it
        memory = np.zeros(values[field].size + 64, dtype)
        mine = memory[offset * 8 // memory.itemsize :][: values[field].size].reshape(values[field].shape)
        mine[:] = values[field]
        system = System(**(values | {field: mine}))
        mine *= 2
        np.testing.assert_array_equal(getattr(system, field), values[field])


def test_what_a_system_does_not_hold_comes_from_the_template():
    atoms = decorated(True)
    system = System.from_ase(atoms)
    moved = system.replace(positions=system.positions + 0.1)
    back = moved.to_ase(atoms)
    np.testing.assert_array_equal(back.positions, moved.positions)  # the constraint holds nothing back
    np.testing.assert_array_equal(back.get_tags(), [1, 2, 3])
    np.testing.assert_array_equal(back.get_momenta(), atoms.get_momenta())
    assert back.info == {"name": "x"}
    assert back.constraints[0].index.tolist() == [0]
    np.testing.assert_array_equal(atoms.positions, system.positions)  # the template itself stays as it was


def test_a_template_of_another_size_is_refused():
    with pytest.raises(ValueError, match="the template has 3 atoms, the system 2"):
        System.from_ase(bulk("Si")).to_ase(decorated(True))


def test_a_molecule_needs_no_cell():
    system = System.from_ase(molecule("H2O"))
    assert system.pbc == (False, False, False)
    assert not np.asarray(system.cell).any()


def test_masses_are_ases():
    np.testing.assert_array_equal(System.from_ase(bulk("Si")).masses, [28.085, 28.085])


def test_dummy_atoms_are_refused_and_padding_is_left_out():
    with pytest.raises(ValueError, match="atom 1 is a dummy of atomic number 0"):
        System.from_ase(ase.Atoms("SiX", positions=[[0, 0, 0], [1, 0, 0]]))
    padded = System(np.eye(3), 9 * np.eye(3), [14, 0, 6], [28.085, 1.0, 12.011])
    assert padded.to_ase().get_chemical_symbols() == ["Si", "C"]


@pytest.mark.parametrize("seed", range(len(KINDS)))
def test_the_volume_is_positive_in_any_cell(seed):
    system = random_structure(seed)
    assert system.volume == pytest.approx(abs(np.linalg.det(np.asarray(system.cell))), rel=1e-12)


def test_a_strain_deforms_cell_and_positions_alike():
    system = random_structure(0)
    strain = jnp.array([[0.01, 0.02, 0], [0, -0.03, 0], [0.005, 0, 0]])
    strained = system.strained(strain)
    fractional = lambda s: np.asarray(s.positions) @ np.linalg.inv(np.asarray(s.cell))  # noqa: E731
    np.testing.assert_allclose(fractional(strained), fractional(system), rtol=0, atol=1e-11)  # rounding, skew cell
    np.testing.assert_allclose(strained.cell[0], (np.eye(3) + strain) @ system.cell[0], rtol=1e-13)


def test_a_supercell_repeats_atom_by_atom_fastest_along_a():
    system = System.from_ase(bulk("SiC", "zincblende", a=4.36))
    repeated = system.supercell((2, 1, 2))
    np.testing.assert_array_equal(repeated.numbers, [14] * 4 + [6] * 4)
    a, c = np.asarray(system.cell)[[0, 2]]
    np.testing.assert_allclose(repeated.positions[:4], [0 * a, a, c, a + c], rtol=0, atol=1e-14)
    np.testing.assert_allclose(repeated.cell, np.diag([2, 1, 2]) @ system.cell, rtol=1e-15)


def test_a_supercell_along_a_direction_that_is_not_periodic_is_refused():
    slab = System(np.zeros((1, 3)), np.eye(3), [14], [28.085], pbc=(True, True, False))
    with pytest.raises(ValueError, match=r"cannot be repeated \(1, 1, 2\) times"):
        slab.supercell((1, 1, 2))


def test_a_system_is_made_and_replaced_inside_jit():
    system = random_structure(0, n=3)
    moved = jax.jit(lambda s, x: s.replace(positions=x))(system, system.positions + 1)
    np.testing.assert_array_equal(moved.positions, system.positions + 1)
    made = jax.jit(lambda x: System(x, system.cell, system.numbers, system.masses))(system.positions)
    np.testing.assert_array_equal(made.positions, system.positions)


@pytest.mark.parametrize("field", ["positions", "cell", "masses"])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_numbers_that_are_not_finite_are_refused(field, value):
    fields = {"positions": np.eye(3), "cell": 3 * np.eye(3), "masses": np.ones(3)}
    fields[field].reshape(-1)[-1] = value
    with pytest.raises(ValueError, match=f"{field} must be finite, got {value} at index"):
        System(**fields, numbers=[14, 14, 14])


@pytest.mark.parametrize(
    "cell", [np.zeros((3, 3)), [[1, 0, 0], [0, 1, 0], [1, 1, 0]], [[1, 2, 3], [2, 4, 6], [0, 0, 1]]]
)
def test_a_singular_cell_is_refused(cell):
    with pytest.raises(ValueError, match="is singular along its periodic directions"):
        System(np.zeros((1, 3)), cell, [14], [28.085])


def test_a_wrong_number_of_masses_is_refused():
    with pytest.raises(ValueError, match=r"masses of 2 atoms must have shape \(2,\), got \(3,\)"):
        System(np.zeros((2, 3)), np.eye(3), [14, 14], [1.0, 1.0, 1.0])


def test_a_structure_can_be_repeated_as_it_is_read():
    atoms = bulk("Si", a=5.431)
    repeated, expected = System.from_ase(atoms, (1, 2, 3)), System.from_ase(atoms).supercell((1, 2, 3))
    np.testing.assert_array_equal(repeated.positions, expected.positions)
    np.testing.assert_array_equal(repeated.cell, expected.cell)
