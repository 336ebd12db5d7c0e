"""Values of surface and stacking-fault energies, against bonds that can be counted and crystals built by hand."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from ase.build import bulk, fcc100, fcc111
from scipy.optimize import minimize_scalar

import diffsim
from diffsim import Gupta, Neighbors, StackingFaultEnergy, StillingerWeber, SurfaceEnergy, System, units
from diffsim.observables.pieces import Piece, axes, plane_basis
from diffsim.relax import minimize
from diffsim.simulators.state import State

A = 5.43094978  # Å, of Stillinger and Weber's silicon
SILICON = System.from_ase(bulk("Si", a=A))
SW = StillingerWeber.silicon()
GUPTA = Gupta(A=0.0855, xi=1.224, p=10.960, q=2.278, r0=2.556, cutoff=4.8, onset=3.8)


@pytest.fixture(scope="module")
def copper() -> State:
    crystal = diffsim.relax(GUPTA, System.from_ase(bulk("Cu", a=3.63)), cell=True)
    return State(crystal, Neighbors.allocate(crystal, 5.0))


@pytest.mark.parametrize(
    ("miller", "cut", "broken", "cell"),  # bonds broken in a cell of the plane, and its area in a²
    [
        ((1, 1, 1), 0, 1, np.sqrt(3) / 4),
        ((1, 1, 1), 1, 3, np.sqrt(3) / 4),
        ((1, 0, 0), 0, 2, 1 / 2),
        ((1, 1, 0), 0, 2, np.sqrt(2) / 2),
    ],
)
def test_surfaces_of_silicon_cost_the_bonds_they_break(miller, cut, broken, cell):
    """In Stillinger and Weber's crystal each bond holds ε and all angles are ideal: γ = n ε / 2A, relaxed or not."""
    state = State(SILICON, Neighbors.allocate(SILICON, 4.0))
    observable = SurfaceEnergy(SILICON, miller, 4, radius=4.4, cut=cut, relaxed=False)
    expected = broken * float(SW.epsilon) / (2 * cell * A**2) / units.J_per_m2
    assert float(observable.record(SW, state)) == pytest.approx(expected, rel=1e-8)  # bonds hold ε to 1e-9


@pytest.mark.parametrize(
    ("miller", "build"), [((1, 1, 1), fcc111), pytest.param((1, 0, 0), fcc100, marks=pytest.mark.slow)]
)
def test_surfaces_of_copper_are_those_of_slabs_made_by_hand(copper, miller, build):
    a = float(jnp.cbrt(4 * copper.system.volume))
    slab = System.from_ase(build("Cu", (1, 1, 4), a=a, periodic=True, vacuum=10.0))
    bulk_energy = float(diffsim.energy(GUPTA, copper.system))
    plane = np.linalg.norm(np.cross(slab.cell[0], slab.cell[1]))
    for relaxed, expected in (False, slab), (True, diffsim.relax(GUPTA, slab)):
        observable = SurfaceEnergy(copper.system, miller, 4, radius=5.2, relaxed=relaxed)
        found = float(observable.record(GUPTA, copper)) * units.J_per_m2
        excess = float(diffsim.energy(GUPTA, expected)) - 4 * bulk_energy
        assert found == pytest.approx(excess / (2 * plane), rel=1e-9)


def fault_of_a_slab(crystal: System, unstable: bool) -> float:
    """J/m²: the upper half of a slab shifted by a/6 [11̄2], or as far as costs most; each relaxed in its heights."""
    a = float(jnp.cbrt(4 * crystal.volume))
    slab = fcc111("Cu", (1, 1, 12), a=a, periodic=True, vacuum=10.0)
    step = slab.positions[1] - slab.positions[0]  # from a layer to the next one: its part in the plane is a/6 [11̄2]
    lists = Neighbors.allocate(System.from_ase(slab), 7.0)

    def energy(z, s):
        shift = jnp.where(jnp.arange(12)[:, None] >= 6, s * jnp.array([step[0], step[1], 0.0]), 0.0)
        flat = jnp.asarray(slab.positions).at[:, 2].set(z) + shift
        return diffsim.energy(GUPTA, System.from_ase(slab).replace(positions=flat), lists)

    @jax.jit
    def lowest(s):
        return energy(minimize(lambda z: energy(z, s), jnp.asarray(slab.positions[:, 2]))[0], s)

    plane = np.linalg.norm(np.cross(slab.cell[0], slab.cell[1])) * units.J_per_m2
    if not unstable:
        return float(lowest(1.0) - lowest(0.0)) / plane
    top = minimize_scalar(lambda s: -float(lowest(s)), bounds=(0.1, 0.9), method="bounded", options={"xatol": 1e-7})
    return float(-top.fun - lowest(0.0)) / plane


@pytest.mark.parametrize("unstable", [pytest.param(False, marks=pytest.mark.slow), True], ids=["intrinsic", "unstable"])
def test_faults_are_those_of_slabs_made_by_hand(copper, unstable):
    observable = StackingFaultEnergy(
        copper.system, (1, 1, 1), (1, 1, -2), fraction=1 / 6, layers=8, radius=5.2, unstable=unstable
    )
    expected = fault_of_a_slab(copper.system, unstable)
    # what is left of the faces six layers away
    assert float(observable.record(GUPTA, copper)) == pytest.approx(expected, abs=1e-5)


def test_a_shift_that_only_climbs_has_no_unstable_fault(copper):
    """A third of the way to the intrinsic fault is before the maximum."""
    observable = StackingFaultEnergy(
        copper.system, (1, 1, 1), (1, 1, -2), fraction=1 / 18, layers=8, radius=5.2, unstable=True
    )
    assert jnp.isnan(observable.record(GUPTA, copper))


@pytest.mark.parametrize("skew", [np.eye(3), np.array([[1, 0, 0], [2, 1, 0], [-1, 1, 1]])], ids=["short", "skewed"])
@pytest.mark.parametrize("miller", [(1, 1, 1), (1, 0, 0), (3, 1, 1), (-2, 1, 0)])
def test_planes_are_those_of_the_cube(miller, skew):
    """In any primitive cell: the normal along G, and no more than one lattice point in the plane's cell."""
    structure = SILICON.replace(cell=skew @ SILICON.cell)
    a, b, up = plane_basis(structure, miller) @ np.asarray(structure.cell)
    normal = np.array(miller) / np.linalg.norm(miller)
    np.testing.assert_allclose(np.cross(a, b) / np.linalg.norm(np.cross(a, b)), normal, atol=1e-12)
    assert np.dot(np.cross(a, b), up) == pytest.approx(float(structure.volume))


def test_axes_are_the_structures_own_where_the_lattice_is_no_cube():
    np.testing.assert_array_equal(axes(System.from_ase(bulk("Mg", a=3.2, c=5.2))), np.eye(3))
    np.testing.assert_allclose(axes(SILICON) @ np.asarray(SILICON.cell), A * np.eye(3), atol=1e-12)


def test_a_piece_is_the_crystal_again():
    """Lattice planes without vacuum are the bulk: every atom has its energy."""
    piece = Piece.planes(SILICON, (3, 1, 1), 2).of(SILICON)
    expected = float(diffsim.energy(SW, SILICON)) / 2 * len(piece.numbers)
    assert float(diffsim.energy(SW, piece)) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: SurfaceEnergy(SILICON, (0, 0, 0), 4, radius=4.4), r"not all zero, got \(0, 0, 0\)"),
        (lambda: SurfaceEnergy(SILICON, (1, 1, 1), 0, radius=4.4), "layers must be positive, got 0"),
        (lambda: SurfaceEnergy(SILICON, (1, 1, 1), 4, radius=4.4, cut=2), "one of the 2 gaps"),
        (
            lambda: StackingFaultEnergy(SILICON, (1, 1, 1), (1, 1, 2), fraction=1.0, layers=4, radius=4.4),
            r"direction \(1, 1, 2\) does not lie in the plane \(1, 1, 1\)",
        ),
    ],
)
def test_what_cannot_be_cut_is_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()
