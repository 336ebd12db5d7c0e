"""The string method finds the pass that is known, that of another program, and what forces alone say of it."""

import jax.numpy as jnp
import numpy as np
import pytest
from ase.build import bulk
from ase.mep import NEB
from ase.optimize import FIRE

import diffsim
from diffsim import LennardJones, System, minimum_energy_path, saddle_point, vacancy_hop
from diffsim.io.ase import Calculator
from diffsim.paths import string
from diffsim.paths.spline import Spline
from tests.helpers import differences
from tests.paths.wells import BEND, HEIGHT, WIDTH, double_well, pair

LJ = LennardJones(epsilon=0.0104, sigma=3.40, cutoff=6.0, onset=5.0)
SHEAR = jnp.array([[0.02, 0.01, 0.0], [0.015, -0.01, 0.02], [0.0, 0.01, 0.0]])
CRYSTAL = System.from_ase(bulk("Ar", a=5.25)).strained(SHEAR)


@pytest.fixture(scope="module")
def path():
    """Of the nearest neighbour in a strained, triclinic crystal: 11 atoms in a cell smaller than the cutoff."""
    return minimum_energy_path(LJ, *vacancy_hop(CRYSTAL, (3, 2, 2)), images=15)


def test_a_spline_goes_through_its_points_with_the_slopes_it_says():
    points = jnp.asarray(np.random.default_rng(0).normal(size=(6, 4)))
    spline = Spline.through(points)
    np.testing.assert_allclose(spline.at(spline.knots)[0], points, atol=1e-14)
    places = np.array([0.05, 0.4, 0.99]) * float(spline.knots[-1])
    slopes = [
        differences(lambda x: np.asarray(spline.at(jnp.asarray(x))[0])[0], np.array([x]), h=1e-3)[:, 0] for x in places
    ]
    np.testing.assert_allclose(spline.at(jnp.asarray(places))[1], slopes, atol=1e-9)
    parabola = jnp.stack([jnp.linspace(0.0, 1.0, 5)] * 2, axis=1) ** jnp.array([1, 0])  # a line: nothing bends
    assert float(jnp.abs(Spline.through(parabola).curvatures).max()) < 1e-13


def test_the_path_through_a_bent_valley_is_the_one_that_is_known():
    found = minimum_energy_path(double_well(), pair(-0.8, 0.1, 0.0), pair(0.85, 0.0, 0.05), images=21, tolerance=1e-5)
    relative = found.positions[:, 1] - found.positions[:, 0]
    minima = relative[jnp.array([0, -1])]
    np.testing.assert_allclose(minima, [[-WIDTH, 0, 0], [WIDTH, 0, 0]], atol=1e-4)
    np.testing.assert_allclose(relative[10], [0, BEND, 0], atol=2e-3)
    assert found.highest == 10
    assert found.barrier == pytest.approx(HEIGHT, rel=1e-3)
    np.testing.assert_allclose(found.work, found.energies, atol=1e-6)
    exact = saddle_point(double_well(), found.image(found.highest), found.tangent)
    np.testing.assert_allclose(exact.positions[1] - exact.positions[0], [0, BEND, 0], atol=1e-9)


def test_work_of_the_forces_is_the_energy(path):
    assert (
        float(np.abs(path.work - path.energies).max()) < 1e-5
    )  # the force has a kink wherever an edge passes onset or cutoff
    assert float(path.across) < 2e-3  # of 0.06 eV/Å along it: what a spline through 15 images leaves
    direct = [diffsim.energy(LJ, path.image(k)) for k in (0, path.highest)]
    assert float(path.energies[path.highest]) == pytest.approx(float(direct[1] - direct[0]), abs=1e-12)


def test_images_keep_their_distances_and_their_centre(path):
    steps = np.linalg.norm(np.diff(path.positions, axis=0), axis=(1, 2))
    np.testing.assert_allclose(steps, steps.mean(), rtol=0.01)
    np.testing.assert_allclose(np.mean(path.positions - path.positions[0], axis=1), 0.0, atol=1e-12)


def test_the_barrier_is_that_of_the_saddle_point(path):
    saddle = saddle_point(LJ, path.image(path.highest), path.tangent)
    assert float(jnp.abs(diffsim.forces(LJ, saddle)).max()) < 1e-9
    curvatures = jnp.linalg.eigvalsh(diffsim.hessian(LJ, saddle).reshape(33, 33))
    assert int(jnp.sum(curvatures < -1e-9)) == 1
    minimum = diffsim.relax(LJ, path.image(0))
    barrier = float(diffsim.energy(LJ, saddle) - diffsim.energy(LJ, minimum))
    assert path.barrier == pytest.approx(barrier, abs=2e-5)  # interpolated between two images


def test_climbing_bands_of_ase_end_at_the_same_saddle(path):
    """Improved tangents and a climbing image (doi:10.1063/1.1329672), with our forces."""
    images = [path.image(k).to_ase() for k in (0, 3, 7, 11, 14)]
    rng = np.random.default_rng(1)
    for atoms in images[1:-1]:
        atoms.positions += 0.02 * rng.standard_normal(atoms.positions.shape)
    for atoms in images:
        atoms.calc = Calculator(LJ)
    band = NEB(images, k=0.02, climb=True, method="improvedtangent")
    assert FIRE(band, logfile=None).run(fmax=2e-4, steps=500)
    top = max(atoms.get_potential_energy() for atoms in images) - images[0].get_potential_energy()
    saddle = saddle_point(LJ, path.image(path.highest), path.tangent)
    expected = diffsim.energy(LJ, saddle) - diffsim.energy(LJ, path.image(0))
    assert top == pytest.approx(float(expected), abs=2e-6)


def test_atoms_may_cross_the_cell_and_lists_may_be_outgrown(path, monkeypatch):
    start, end = vacancy_hop(CRYSTAL, (3, 2, 2))
    whole = jnp.asarray(np.random.default_rng(2).integers(-1, 2, start.positions.shape)) @ start.cell
    monkeypatch.setattr(string, "_SKIN", 0.05)
    other = minimum_energy_path(LJ, start, end.replace(positions=end.positions + whole), images=15)
    np.testing.assert_allclose(other.positions, path.positions, atol=1e-3)
    np.testing.assert_allclose(other.energies, path.energies, atol=2e-5)  # it stops elsewhere within the tolerance


def test_a_hop_is_of_the_atom_that_was_asked_for():
    crystal = System.from_ase(bulk("NaCl", "rocksalt", a=5.64))
    start, end = vacancy_hop(crystal, (2, 2, 2), vacancy=1)
    moved = np.linalg.norm(end.positions - start.positions, axis=1)
    assert len(start.numbers) == 15
    assert int(start.numbers[np.argmax(moved)]) == 17  # not the nearer sodium
    assert np.sort(moved)[-2:] == pytest.approx([0.0, 5.64 / np.sqrt(2)])
    farther = vacancy_hop(crystal, (3, 3, 3), neighbor=12)
    assert float(jnp.linalg.norm(farther[1].positions - farther[0].positions)) == pytest.approx(5.64)


def replaced(system: System, **fields) -> System:
    return system.replace(**{name: jnp.asarray(value) for name, value in fields.items()})


START, END = pair(-0.8, 0.1, 0.0), pair(0.85, 0.0, 0.05)
BAD = [
    ({"images": 2}, START, END, "a path needs at least 3 images, its two ends and one between them, got 2"),
    ({}, START, START, "start and end are the same structure, 0 Å apart"),
    ({}, START, pair(-0.7, 0.1, 0.0), "start and end relax to the same structure"),
    ({}, START, replaced(END, numbers=[6, 2]), "must hold the same atoms in the same order"),
    ({}, START, replaced(END, cell=21 * np.eye(3)), "must have the same cell and periodicity"),
    ({"steps": 3}, START, END, r"no path found within 3 steps: [\d.]+ eV/Å still bend it, more than .* 0.0001"),
]


@pytest.mark.parametrize(("options", "start", "end", "sentence"), BAD)
def test_bad_input_gets_a_sentence(options, start, end, sentence):
    with pytest.raises(ValueError, match=sentence):
        minimum_energy_path(double_well(), start, end, **options)


def test_a_hop_that_is_not_there_gets_a_sentence():
    with pytest.raises(ValueError, match=r"has 0 neighbours of its own element in a supercell of \(1, 1, 1\)"):
        vacancy_hop(CRYSTAL, (1, 1, 1))
    with pytest.raises(ValueError, match="must be one of the 1 atoms of the cell, got 3"):
        vacancy_hop(CRYSTAL, (2, 2, 2), vacancy=3)


def test_where_there_is_no_saddle_nothing_is_found():
    with pytest.raises(ValueError, match="no saddle point found near the structure given"):
        saddle_point(LJ, CRYSTAL.supercell((2, 1, 1)), jnp.ones((2, 3)))


@pytest.mark.slow
@pytest.mark.parametrize(("repeats", "barrier", "formation"), [(3, 0.06513, 0.08442), (5, 0.06459, 0.08440)])
def test_argon_has_the_barrier_that_is_known(repeats, barrier, formation):
    """The published one is of 500 atoms at fixed cell; 0.08557 eV to take an atom out of the rigid lattice."""
    lj = LennardJones(epsilon=0.01042, sigma=3.405, cutoff=10.5, onset=9.0)
    crystal = System.from_ase(bulk("Ar", a=5.25532, cubic=True))
    start, end = vacancy_hop(crystal, (repeats,) * 3)
    bulk_energy = len(start.numbers) * float(diffsim.energy(lj, crystal)) / 4
    path = minimum_energy_path(lj, start, end, images=15)
    assert path.barrier == pytest.approx(barrier, abs=2e-5)
    assert float(diffsim.energy(lj, start)) - bulk_energy == pytest.approx(0.08557, abs=5e-6)
    assert float(diffsim.energy(lj, path.image(0))) - bulk_energy == pytest.approx(formation, abs=1e-5)
