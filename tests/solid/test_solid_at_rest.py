"""A crystal at rest: lattice dynamics of any potential, waves that fit, the vacancy and the ways out of it."""

from typing import cast

import jax
import numpy as np
import pytest
from ase.build import bulk

import diffsim
from diffsim import FunctionOfPositions, LennardJones, StillingerWeber, System, VibrationalDensityOfStates
from diffsim.io.band_path import band_path
from diffsim.observables import reciprocal_mesh
from diffsim.observables.supercell import (
    frequencies_of,
    of_first_cell,
    supercell_constants,
    supercell_dynamical_matrix,
)
from diffsim.quality.structures import rattled
from diffsim.solid import PARTS, Lattice, Settings, Study, bands, density_at_rest, examined, vacancy, waves_of
from diffsim.solid.density import mesh_modes
from diffsim.solid.migration import migration, ways_out
from tests.quality.potentials import SWIRL

LJ = LennardJones(epsilon=0.01042, sigma=3.405, cutoff=5.0, onset=4.4)
FCC = System.from_ase(bulk("Ar", a=5.4))
SW, SILICON = StillingerWeber.silicon(), System.from_ase(bulk("Si", a=5.431))
TRICLINIC = System(
    [[0.0, 0.0, 0.0], [1.9, 1.7, 2.1]], [[4.1, 0.2, 0.1], [0.3, 4.3, -0.2], [0.1, 0.4, 4.6]], [18, 18], [40.0, 36.0]
)


class Positions(Lattice):
    """Taken for a function of positions."""

    exact = False


@pytest.mark.parametrize(("potential", "crystal"), [(SW, SILICON), (LJ, TRICLINIC)])
def test_a_supercell_has_the_same_dynamics(potential, crystal):
    """At its own waves exactly, also in cells smaller than the reach; between them if the cell is large."""
    near = Positions(potential, crystal, (2, 3, 2))
    q = np.array([[0, 0, 0], [0.5, 0, 0.5], [0.5, 1 / 3, 0], [0, 2 / 3, 0.5]])
    exact = Lattice(potential, crystal, (2, 3, 2))
    # THz near Γ are the square roots of rounding
    np.testing.assert_allclose(near.frequencies(q), exact.frequencies(q), atol=1e-6)
    assert near.asymmetry < 1e-12
    far = Positions(potential, crystal, (5, 5, 5))
    between = np.array([[0.13, 0.41, -0.27]])
    np.testing.assert_allclose(far.matrices(between), exact.matrices(between), atol=1e-10)


@pytest.mark.parametrize(("potential", "crystal"), [(SW, SILICON), (LJ, TRICLINIC)])
def test_positions_may_be_many_cells_away(potential, crystal):
    """An atom moved by five lattice vectors changes nothing."""
    away = crystal.replace(positions=crystal.positions.at[1].add(5 * crystal.cell[0] - 3 * crystal.cell[2]))
    size, q = (2, 3, 2), np.array([[0.13, 0.41, -0.27], [0.5, 0, 0.5]])
    found = [Positions(potential, one, size).matrices(q) for one in (crystal, away)]
    np.testing.assert_allclose(found[1], found[0], rtol=0, atol=1e-9)


@pytest.mark.parametrize(("potential", "crystal"), [(SW, SILICON), (LJ, TRICLINIC)])
def test_force_constants_come_back_from_the_waves_that_fit(potential, crystal):
    """Of cells smaller than the reach; then they give any other wave as far as forces reach no further than half."""
    size = (3, 2, 4)
    constants = of_first_cell(np.asarray(diffsim.force_constants(potential, crystal, size)), size)
    points, weights = reciprocal_mesh(size)
    matrices = np.asarray(diffsim.dynamical_matrix(potential, crystal, points))
    found = supercell_constants(matrices, crystal, size, points, weights)
    np.testing.assert_allclose(found, constants, rtol=0, atol=1e-10)


def test_frequencies_in_a_supercell_are_those_of_its_wave_vectors():
    """Of a rattled triclinic cell with two species of masses, against the exact dynamical matrix."""
    base = FCC.supercell((2, 1, 1))
    system = rattled(System(base.positions, base.cell, base.numbers, [40.0, 84.0]), 0.1, strain=0.05)
    size, points = (2, 1, 3), np.array([[i / 2, 0.0, k / 3] for k in range(3) for i in range(2)])
    constants = of_first_cell(np.asarray(diffsim.force_constants(LJ, system, size)), size)
    found = frequencies_of(supercell_dynamical_matrix(constants, system, size, points))
    np.testing.assert_allclose(found, diffsim.phonon_frequencies(LJ, system, points), rtol=0, atol=1e-7)


class Costly(Lattice):
    """Taken for a potential whose wave vectors are costly."""

    costly = True


def test_a_mesh_that_is_interpolated_is_the_fine_mesh():
    fine, weights = mesh_modes(Lattice(SW, SILICON, (2, 2, 2)))
    interpolated, same = mesh_modes(Costly(SW, SILICON, (2, 2, 2)))
    np.testing.assert_array_equal(same, weights)
    np.testing.assert_allclose(interpolated, fine, rtol=0, atol=1e-5)  # THz near Γ are roots of rounding


def test_forces_of_no_energy_are_asymmetric():
    assert Lattice(SWIRL, FCC, (2, 2, 2)).asymmetry > 1e-3


def test_the_waves_of_a_path_that_fit():
    """fcc twice: X and L alone; four times: also those between; each once, wherever the path meets it again."""
    path = band_path(FCC, 8)
    assert {wave.name for wave in waves_of(path, (2, 2, 2))} == {"X", "L"}
    four = waves_of(path, (4, 4, 4))
    assert len(four) == 6
    x = next(wave for wave in four if wave.name == "X")
    assert len(x.places) == 2
    frequencies = Lattice(LJ, FCC, (4, 4, 4)).frequencies(path.qpoints)
    for wave in four:
        own = Lattice(LJ, FCC, (4, 4, 4)).frequencies(np.array([wave.q]))[0]
        for place in wave.places:
            nearest = np.argmin(np.abs(path.distances - place))
            assert np.abs(np.array(wave.q) * 4 - np.rint(np.array(wave.q) * 4)).max() < 1e-9
            if abs(path.distances[nearest] - place) < 1e-9:  # the path has a point just there
                np.testing.assert_allclose(own, frequencies[nearest], atol=1e-9)


def test_bands_end_in_the_special_points():
    found = bands(Lattice(LJ, FCC, (2, 2, 2)))
    places = {name: place for place, name in found.path.labels}
    special = diffsim.phonon_frequencies(LJ, FCC, np.array([[0.5, 0, 0.5], [0.5, 0.5, 0.5]]))
    np.testing.assert_allclose(found.frequencies[[places["X"], places["L"]]], special, atol=1e-9)


@pytest.mark.parametrize(("potential", "crystal"), [(LJ, FCC), (SW, SILICON)])
def test_there_are_three_states_an_atom(potential, crystal):
    modes, weights = mesh_modes(Lattice(potential, crystal, (2, 2, 2)))
    top = 1.3 * modes.max()
    grid = np.linspace(0, top, 2000)
    density = density_at_rest(modes, weights, VibrationalDensityOfStates(grid, 100), 1 / (4 * modes.max()))
    # three modes of each wave vector but those at Γ, one of 24³
    assert np.trapezoid(density, grid) == pytest.approx(3, abs=0.005)


def test_the_fine_mesh_has_the_few_waves_within():
    """The highest mode is that of the mesh, not lower than any of a coarser one."""
    lattice = Lattice(LJ, FCC, (2, 2, 2))
    modes, _ = mesh_modes(lattice)
    few = lattice.frequencies(reciprocal_mesh((4, 4, 4))[0])
    assert few.max() <= modes.max() + 1e-9


@pytest.mark.parametrize(
    ("crystal", "count"),
    [
        (FCC, 12),
        (SILICON, 4),
        (System.from_ase(bulk("Fe", a=2.87)), 8),
        (System.from_ase(bulk("NaCl", "rocksalt", a=5.6)), 12),  # of its own element
    ],
)
def test_ways_out_of_a_vacancy(crystal, count):
    assert ways_out(crystal, (3, 3, 3)) == count


@pytest.mark.slow
def test_the_vacancy_costs_what_it_costs_by_hand():
    """Of any atom; and what the others gain by moving is less than it would cost without."""
    longer = LennardJones(epsilon=0.01042, sigma=3.405, cutoff=6.5, onset=6.0)
    crystal = diffsim.relax(longer, FCC, cell=True)
    found = vacancy(longer, crystal, (3, 3, 3))
    whole = crystal.supercell((3, 3, 3)).to_ase()
    del whole[5]
    whole, rest = System.from_ase(whole), 26 * float(diffsim.energy(longer, crystal))
    relaxed = float(diffsim.energy(longer, diffsim.relax(longer, whole))) - rest
    assert found.relaxed == pytest.approx(relaxed, abs=1e-10)
    assert found.rigid == pytest.approx(float(diffsim.energy(longer, whole)) - rest, abs=1e-10)
    assert found.relaxed < found.rigid - 1e-4
    assert found.atoms == 27


@pytest.mark.slow
def test_the_hop_of_a_vacancy_has_one_pass():
    crystal = diffsim.relax(LJ, FCC, cell=True)
    found = migration(LJ, crystal, (3, 3, 3))
    assert found.exits == 12
    assert found.barrier == pytest.approx(found.by_work, rel=5e-3)  # the path is converged to 1 meV/Å
    assert found.prefactor > 0


def test_a_lone_atom_has_no_vacancy():
    with pytest.raises(ValueError, match=r"at least two atoms: raise repeats, got \(1, 1, 1\)"):
        vacancy(LJ, FCC, (1, 1, 1))


def test_a_function_of_positions_needs_no_edges():
    """½ Σ k (x − x₀)² between images, as a function of positions alone: the same bands as a chain's by hand."""

    def energy(weights, x, numbers, cell):
        away = (x[:, None] - x[None]) @ jax.numpy.linalg.inv(cell)
        away = (away - jax.numpy.rint(away)) @ cell
        square = jax.numpy.sum(away**2, axis=-1)
        near = (square > 1) & (square < 20)
        return 0.25 * weights["k"] * jax.numpy.sum(jax.numpy.where(near, square, 0.0))

    springs = FunctionOfPositions({"k": jax.numpy.asarray(0.1)}, energy)
    lattice = Lattice(springs, FCC, (3, 3, 3))
    cell = np.asarray(FCC.cell)
    ways = [cell[0], cell[1], cell[2], cell[0] - cell[1], cell[1] - cell[2], cell[2] - cell[0]]
    q = np.array([[1 / 3, 0.0, 1 / 3]])
    turns = [float(q[0] @ (way @ np.linalg.inv(cell))) for way in ways]
    mass = float(FCC.masses[0])
    expected = sum(2 * 0.1 * (1 - np.cos(2 * np.pi * turn)) for turn in turns) / mass
    np.testing.assert_allclose(lattice.matrices(q)[0], expected * np.eye(3), atol=1e-9)


def test_a_compound_has_no_vacancy_energy_of_its_own(monkeypatch):
    monkeypatch.setattr("diffsim.solid.parts.PARTS", {"vacancy": PARTS["vacancy"]})
    salt = System.from_ase(bulk("NaCl", "rocksalt", a=5.6))
    found = dict(examined(Study.of({"it": LJ}, salt, Settings(repeats=(2, 2, 2)))))
    assert "a vacancy in a compound of 2 elements" in cast(str, found["vacancy"]["it"])
