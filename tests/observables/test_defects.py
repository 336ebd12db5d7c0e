"""Energies of vacancies, barriers, surfaces and faults have the derivatives of their refits, and second ones too."""

from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from ase.build import bulk
from jax.flatten_util import ravel_pytree

import diffsim
from diffsim import (
    Experiment,
    Gupta,
    Implicit,
    LennardJones,
    MigrationBarrier,
    Neighbors,
    StackingFaultEnergy,
    StillingerWeber,
    SurfaceEnergy,
    System,
    Target,
    VacancyFormationEnergy,
)
from diffsim.relax import strain_matrix
from diffsim.simulators.state import State
from tests.helpers import differences

ARGON = System.from_ase(bulk("Ar", a=5.25))
SILICON = System.from_ase(bulk("Si", a=5.431))
COPPER = System.from_ase(bulk("Cu", a=3.63))
LJ = LennardJones(epsilon=0.0104, sigma=3.40, cutoff=6.0, onset=5.0)
SW = StillingerWeber.silicon()
CRYSTALS = {LennardJones: ARGON, StillingerWeber: SILICON, Gupta: COPPER}
# no edge of these structures comes near onset or cutoff, where the second derivative jumps
GUPTA = Gupta(A=0.0855, xi=1.224, p=10.960, q=2.278, r0=2.556, cutoff=4.8, onset=3.8)
FAULT = {"miller": (1, 1, 1), "direction": (1, 1, -2), "fraction": 1 / 6, "layers": 3, "radius": 5.2}
SHUFFLE = {"miller": (1, 1, 1), "direction": (1, -1, 0), "fraction": 0.5, "layers": 2, "radius": 4.4}
SLOW = pytest.mark.slow
CASES = [
    pytest.param(LJ, lambda: VacancyFormationEnergy(ARGON, (2, 2, 2), 6.5), id="argon_vacancy"),  # 7 atoms
    pytest.param(LJ, lambda: MigrationBarrier(ARGON, (3, 2, 2), 7.0), id="argon_barrier"),
    pytest.param(GUPTA, lambda: MigrationBarrier(COPPER, (3, 2, 2), 5.6), id="copper_barrier", marks=SLOW),
    pytest.param(LJ, lambda: SurfaceEnergy(ARGON, (1, 0, 0), 3, radius=6.5), id="argon_surface", marks=SLOW),  # 3
    pytest.param(SW, lambda: VacancyFormationEnergy(SILICON, (2, 2, 1), 4.4), id="silicon_vacancy", marks=SLOW),
    pytest.param(SW, lambda: SurfaceEnergy(SILICON, (1, 0, 0), 4, radius=4.4), id="silicon_surface", marks=SLOW),  # 8
    pytest.param(
        SW, lambda: StackingFaultEnergy(SILICON, **SHUFFLE, unstable=True), id="silicon_unstable", marks=SLOW
    ),  # 4
    pytest.param(GUPTA, lambda: SurfaceEnergy(COPPER, (1, 0, 0), 3, radius=5.2), id="copper_surface", marks=SLOW),
    pytest.param(GUPTA, lambda: StackingFaultEnergy(COPPER, **FAULT), id="copper_fault", marks=SLOW),
    pytest.param(GUPTA, lambda: StackingFaultEnergy(COPPER, **FAULT, unstable=True), id="copper_unstable"),
]


def parameters_of(potential) -> tuple[jax.Array, Callable]:
    """All parameters as one vector of relative changes, and the way back."""
    arrays, rest = eqx.partition(potential, eqx.is_inexact_array)
    start, rebuild = ravel_pytree(arrays)
    scale = jnp.where(start == 0, 1.0, start)
    return jnp.zeros_like(start), lambda x: eqx.combine(rebuild(start + x * scale), rest)


@pytest.mark.parametrize(("potential", "make"), CASES)
def test_derivatives_are_those_of_refits(potential, make):
    """In every parameter and in the crystal's strain; each difference relaxes the defect again."""
    crystal, observable = CRYSTALS[type(potential)], make()
    x, at = parameters_of(potential)
    neighbors = Neighbors.allocate(crystal, float(potential.cutoff) + 0.1)

    def value(x):
        return observable.record(at(x[:-6]), State(crystal.strained(strain_matrix(x[-6:])), neighbors))

    x = jnp.concatenate([x, jnp.zeros(6)])
    forward, reverse = jax.jit(jax.jacfwd(value))(x), jax.jit(jax.grad(value))(x)
    size = np.abs(forward).max()
    np.testing.assert_allclose(reverse, forward, rtol=1e-9, atol=1e-12 * size)
    # atol: some eV rounded at 1e-15 and minima found to 1e-11 eV/Å, over h
    np.testing.assert_allclose(forward, differences(jax.jit(value), x, h=1e-4), rtol=1e-6, atol=1e-9 * size)


def test_second_derivatives_know_of_the_relaxation():
    """The envelope theorem is about first ones: a rule that held the atoms where they are would be wrong here."""
    observable = SurfaceEnergy(ARGON, (1, 0, 0), 3, radius=6.5)
    x, at = parameters_of(LJ)
    neighbors = Neighbors.allocate(ARGON, 6.1)
    gradient = jax.grad(lambda x: observable.record(at(x), State(ARGON, neighbors)))
    second = jax.jit(jax.jacfwd(gradient))(x)
    expected = differences(jax.jit(gradient), x, h=1e-4)
    np.testing.assert_allclose(second, expected, rtol=1e-6, atol=1e-9 * np.abs(expected).max())
    rigid = SurfaceEnergy(ARGON, (1, 0, 0), 3, radius=6.5, relaxed=False)
    held = jax.jit(jax.hessian(lambda x: rigid.record(at(x), State(ARGON, neighbors))))(x)
    assert np.abs(second / held - 1).max() > 0.01  # so atoms held in place would have been noticed


def test_the_gradient_of_a_target_goes_through_the_bulks_own_cell():
    """dE/dcell · dcell/dθ: parameters change the crystal that the vacancy is in."""
    target = Target(VacancyFormationEnergy(ARGON, (2, 2, 2), 6.8), 0.08, 0.01)
    experiment = Experiment(ARGON, {"vacancy": target}, Implicit(cell=True))
    state = experiment.start(LJ)

    @jax.jit
    def value(sigma):
        potential = eqx.tree_at(lambda p: p.sigma, LJ, sigma[0])
        return experiment.predict(potential, state)[0]["vacancy"]

    sigma = jnp.array([3.40])
    np.testing.assert_allclose(jax.jacfwd(value)(sigma), differences(value, sigma, h=1e-3), rtol=1e-6)


def test_the_vacancy_is_that_of_a_supercell_made_by_hand():
    crystal = diffsim.relax(LJ, ARGON, cell=True)
    whole = crystal.supercell((3, 3, 3)).to_ase()
    del whole[13]  # any one
    left = diffsim.relax(LJ, System.from_ase(whole))
    expected = float(diffsim.energy(LJ, left)) - 26 * float(diffsim.energy(LJ, crystal))
    found = VacancyFormationEnergy(ARGON, (3, 3, 3), 6.8).record(LJ, State(crystal, Neighbors.allocate(crystal, 6.1)))
    assert float(found) == pytest.approx(expected, abs=1e-11)


def test_an_outgrown_list_gives_no_number():
    observable = VacancyFormationEnergy(ARGON, (2, 2, 2), 6.0)
    state = State(ARGON.strained(-0.02 * jnp.eye(3)), Neighbors.allocate(ARGON, 6.5))
    assert jnp.isnan(jax.jit(lambda: observable.record(LJ, state))())
    with pytest.raises(ValueError, match=r"list of radius 6 Å no longer holds"):
        observable.record(LJ, state)


def test_a_lone_atom_has_no_vacancy():
    with pytest.raises(ValueError, match=r"at least two atoms: raise repeats, got \(1, 1, 1\)"):
        VacancyFormationEnergy(ARGON, (1, 1, 1), 6.0)
