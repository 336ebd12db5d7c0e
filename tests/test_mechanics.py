"""Forces, stress, Hessian and force constants against differences, against copies of the cell, and against phonopy."""

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from ase.build import bulk
from helpers import rattled

import diffsim
from diffsim import Neighbors, StillingerWeber, System
from diffsim.io.phonopy import to_phonopy

SW = StillingerWeber.silicon()
CRYSTAL = rattled(bulk("Si", a=5.431), 0.1, strain=0.05)  # two atoms in a cell smaller than the cutoff
WITH_SKIN = Neighbors.allocate(CRYSTAL, float(SW.cutoff) + 0.2, capacity=30)
TRIMER = System(
    positions=[[0, 0, 0], [2.3, 0.2, 0], [-0.4, 2.4, 0.3]],
    cell=np.zeros((3, 3)),
    numbers=[14] * 3,
    masses=[28.085] * 3,
    pbc=False,
)


def central_differences(f, h: float) -> np.ndarray:
    return (np.asarray(f(h)) - np.asarray(f(-h))) / (2 * h)


def displaced(atom: int, axis: int, h: float) -> System:
    return CRYSTAL.replace(positions=CRYSTAL.positions.at[atom, axis].add(h))


def strained(i: int, j: int, h: float) -> System:
    return CRYSTAL.strained(jnp.zeros((3, 3)).at[i, j].set(h))


def test_forces_are_minus_differences_of_the_energy():
    """h = 1e-4 Å: the differences' own error is h² E''' / 6 ≈ 1e-7 eV/Å."""
    forces = diffsim.forces(SW, CRYSTAL, WITH_SKIN)
    for atom, axis in np.ndindex(2, 3):
        difference = central_differences(lambda h: diffsim.energy(SW, displaced(atom, axis, h), WITH_SKIN), 1e-4)  # noqa: B023
        assert forces[atom, axis] == pytest.approx(-difference, abs=1e-6)
    assert abs(forces).max() > 0.1


def test_stress_is_the_difference_in_strain_per_volume():
    """As above, in strain; a rotation is no strain, so the antisymmetric part is zero."""
    stress = diffsim.stress(SW, CRYSTAL, WITH_SKIN)
    for i, j in np.ndindex(3, 3):
        difference = central_differences(lambda h: diffsim.energy(SW, strained(i, j, h), WITH_SKIN), 1e-5)  # noqa: B023
        assert stress[i, j] == pytest.approx(difference / float(CRYSTAL.volume), abs=1e-8)
    np.testing.assert_array_equal(stress, stress.T)


def test_the_hessian_is_minus_differences_of_the_forces():
    hessian = np.asarray(diffsim.hessian(SW, CRYSTAL, WITH_SKIN))
    for atom, axis in np.ndindex(2, 3):
        difference = central_differences(lambda h: diffsim.forces(SW, displaced(atom, axis, h), WITH_SKIN), 1e-4)  # noqa: B023
        np.testing.assert_allclose(hessian[:, :, atom, axis], -difference, rtol=0, atol=1e-6)
    np.testing.assert_allclose(hessian, hessian.transpose(2, 3, 0, 1), rtol=0, atol=1e-12)  # rounding


def test_a_cell_smaller_than_the_cutoff_gives_what_its_copies_give():
    """The bar is 1e-10 eV/Å; sums in another order cost some 1e-14."""
    copies = CRYSTAL.supercell((3, 3, 3))
    assert float(diffsim.energy(SW, copies)) == pytest.approx(27 * float(diffsim.energy(SW, CRYSTAL)), rel=1e-13)
    expected = np.repeat(diffsim.forces(SW, CRYSTAL), 27, axis=0)
    np.testing.assert_allclose(diffsim.forces(SW, copies), expected, rtol=0, atol=1e-12)
    np.testing.assert_allclose(diffsim.stress(SW, copies), diffsim.stress(SW, CRYSTAL), rtol=0, atol=1e-14)


def test_force_constants_are_the_hessian_of_the_supercell():
    full = diffsim.hessian(SW, CRYSTAL.supercell((1, 2, 1)))
    constants = diffsim.force_constants(SW, CRYSTAL, (1, 2, 1))
    np.testing.assert_allclose(constants, np.swapaxes(full, 1, 2), rtol=0, atol=1e-12)


def test_force_constants_are_phonopys_finite_displacements():
    """Layout and order of atoms: a triclinic cell of three atoms, where no index can be mistaken for another.

    ±1e-3 Å leave h² Φ'''' / 6 ≈ 1e-4 eV/Å² in phonopy's.
    """
    pytest.importorskip("phonopy")
    cell = [[3.4, 0.3, -0.2], [0.5, 3.7, 0.4], [-0.6, 0.8, 4.1]]
    positions = np.array([[0.02, 0.05, 0.0], [0.45, 0.1, 0.52], [0.3, 0.6, 0.2]]) @ cell
    system, repeats = System(positions, cell, [14] * 3, [28.085] * 3), (2, 3, 1)
    phonon = to_phonopy(system, repeats)
    phonon.generate_displacements(distance=1e-3, is_plusminus=True, is_diagonal=False)
    repeated = system.supercell(repeats)
    neighbors = Neighbors.allocate(repeated, float(SW.cutoff) + 0.01)
    images = np.rint((phonon.supercell.positions - np.asarray(repeated.positions)) @ np.linalg.inv(repeated.cell))
    wrapped = images @ np.asarray(repeated.cell)  # phonopy wraps atoms into the cell
    forces = [
        np.asarray(diffsim.forces(SW, repeated.replace(positions=jnp.asarray(moved.positions - wrapped)), neighbors))
        for moved in phonon.supercells_with_displacements
    ]
    assert len(forces) == 18
    phonon.forces = forces
    phonon.produce_force_constants(show_drift=False)
    ours = np.asarray(diffsim.force_constants(SW, system, repeats))
    np.testing.assert_allclose(ours, phonon.force_constants, rtol=0, atol=3e-4)
    assert abs(ours).max() > 10


def test_an_isolated_atom_feels_nothing():
    atom = System(np.zeros((1, 3)), 20 * np.eye(3), [14], [28.085])
    assert diffsim.energy(SW, atom) == 0
    assert not np.asarray(diffsim.forces(SW, atom)).any()
    assert not np.asarray(diffsim.stress(SW, atom)).any()
    assert not np.asarray(diffsim.hessian(SW, atom)).any()


def test_a_molecule_without_a_cell_is_the_molecule_in_a_large_box():
    boxed = dataclasses.replace(TRIMER, cell=20 * np.eye(3), pbc=True)
    assert diffsim.energy(SW, TRIMER) == pytest.approx(float(diffsim.energy(SW, boxed)), rel=1e-14)
    np.testing.assert_allclose(diffsim.forces(SW, TRIMER), diffsim.forces(SW, boxed), rtol=0, atol=1e-13)
    assert abs(diffsim.forces(SW, TRIMER)).max() > 0.1


@pytest.mark.parametrize("pbc", [(False,) * 3, (True, True, False)])
def test_stress_without_a_volume_is_refused(pbc):
    system = dataclasses.replace(CRYSTAL, pbc=pbc)
    with pytest.raises(ValueError, match="stress needs a cell that is periodic in all three directions, got pbc = "):
        diffsim.stress(SW, system)


@pytest.mark.parametrize("quantity", [diffsim.energy, diffsim.forces, diffsim.stress, diffsim.hessian])
def test_lists_are_not_made_inside_jit(quantity):
    with pytest.raises(ValueError, match="neighbours cannot be found inside jit or vmap"):
        eqx.filter_jit(quantity)(SW, CRYSTAL)


def test_a_list_that_is_too_short_is_refused():
    short = Neighbors.allocate(CRYSTAL, 3.5)
    with pytest.raises(ValueError, match=r"the neighbour list of radius 3.5 Å no longer holds .* cutoff of 3.77118 Å"):
        diffsim.energy(SW, CRYSTAL, short)


def test_a_list_from_before_the_atoms_moved_is_refused():
    with pytest.raises(ValueError, match="no longer holds every edge"):
        diffsim.forces(SW, displaced(0, 0, 1.0), WITH_SKIN)


def test_the_energy_differentiates_in_potential_and_system_without_a_list():
    """∂E/∂x = −F, ∂E/∂cell at fixed fractional positions = V h⁻¹ σ, and E is proportional to ε."""
    gradient = eqx.filter_grad(lambda p: diffsim.energy(p, CRYSTAL))(SW)
    assert gradient.epsilon == pytest.approx(float(diffsim.energy(SW, CRYSTAL) / SW.epsilon), rel=1e-13)
    by_positions = jax.grad(lambda x: diffsim.energy(SW, CRYSTAL.replace(positions=x)))(CRYSTAL.positions)
    np.testing.assert_allclose(by_positions, -diffsim.forces(SW, CRYSTAL), rtol=0, atol=1e-12)
    fractional = CRYSTAL.positions @ jnp.linalg.inv(CRYSTAL.cell)
    at_cell = lambda h: diffsim.energy(SW, CRYSTAL.replace(cell=h, positions=fractional @ h))  # noqa: E731
    expected = CRYSTAL.volume * jnp.linalg.inv(CRYSTAL.cell).T @ diffsim.stress(SW, CRYSTAL)
    np.testing.assert_allclose(jax.grad(at_cell)(CRYSTAL.cell), expected, rtol=0, atol=1e-11)


def test_forces_differentiate_in_the_potential_without_a_list():
    push = eqx.filter_grad(lambda p: jnp.sum(diffsim.forces(p, CRYSTAL) ** 2))(SW)
    squares = float(jnp.sum(diffsim.forces(SW, CRYSTAL) ** 2))
    assert push.epsilon == pytest.approx(2 * squares / float(SW.epsilon), rel=1e-12)


def test_single_precision_gives_energy_forces_and_stress_but_no_second_derivatives():
    """Seven digits: 1e-5 of forces that are differences of terms of some 10 eV/Å."""
    sw, crystal = jax.tree.map(
        lambda x: x.astype(jnp.float32) if jnp.issubdtype(x.dtype, jnp.floating) else x, (SW, CRYSTAL)
    )
    assert diffsim.energy(sw, crystal).dtype == jnp.float32
    assert float(diffsim.energy(sw, crystal)) == pytest.approx(float(diffsim.energy(SW, CRYSTAL)), rel=1e-5)
    np.testing.assert_allclose(diffsim.forces(sw, crystal), diffsim.forces(SW, CRYSTAL), rtol=0, atol=1e-4)
    np.testing.assert_allclose(diffsim.stress(sw, crystal), diffsim.stress(SW, CRYSTAL), rtol=0, atol=1e-5)
    diffsim.energy(sw, crystal, Neighbors.allocate(crystal, sw.cutoff))  # no skin: not an overflow by rounding
    for second in (diffsim.hessian, diffsim.force_constants):
        with pytest.raises(ValueError, match=r"needs 64-bit floats, got float32: call jax.config.update"):
            second(sw, crystal)
