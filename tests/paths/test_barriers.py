"""Barriers and rates have the derivatives of their refits; a rate is the one that is known."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from ase.build import bulk

import diffsim
from diffsim import (
    LennardJones,
    MigrationBarrier,
    Neighbors,
    System,
    harmonic_rate,
    minimum_energy_path,
    relax,
    saddle_point,
    units,
    vacancy_hop,
)
from diffsim.simulators.state import State
from tests.helpers import differences
from tests.paths.wells import HEIGHT, MASSES, WIDTH, double_well, pair

LJ = LennardJones(epsilon=0.0104, sigma=3.40, cutoff=6.0, onset=5.0)
SHEAR = jnp.array([[0.02, 0.01, 0.0], [0.015, -0.01, 0.02], [0.0, 0.01, 0.0]])
CRYSTAL = System.from_ase(bulk("Ar", a=5.25)).strained(SHEAR)
LISTS = Neighbors.allocate(CRYSTAL, 6.5)
BARRIER = MigrationBarrier(CRYSTAL, (3, 2, 2), 7.0)

FIRST, NEAR_TOP = pair(-0.8, 0.1, 0.0), pair(0.1, 0.3, 0.05)  # of the wells


def moved(x) -> tuple[LennardJones, System]:
    """Relative changes of ε and σ, and a strain along x."""
    potential = eqx.tree_at(lambda p: (p.epsilon, p.sigma), LJ, (LJ.epsilon * (1 + x[0]), LJ.sigma * (1 + x[1])))
    return potential, CRYSTAL.strained(x[2] * jnp.diag(jnp.array([1.0, 0.0, 0.0])))


def barrier(x):
    potential, crystal = moved(x)
    return BARRIER.record(potential, State(crystal, LISTS))


def from_scratch(x) -> float:
    """Relaxed ends, a path, its saddle: nothing that the observable knows."""
    potential, crystal = moved(x)
    path = minimum_energy_path(potential, *vacancy_hop(crystal, (3, 2, 2)), images=7)
    saddle = saddle_point(potential, path.image(path.highest), path.tangent)
    return float(diffsim.energy(potential, saddle) - diffsim.energy(potential, relax(potential, path.image(0))))


def test_derivatives_are_those_of_paths_found_again():
    x = jnp.zeros(3)
    assert float(barrier(x)) == pytest.approx(from_scratch(x), abs=1e-12)
    slope = jax.jit(jax.grad(barrier))(x)
    np.testing.assert_allclose(slope, differences(from_scratch, np.zeros(3), h=1e-3), rtol=1e-6)
    assert float(slope[0]) == pytest.approx(float(barrier(x)), rel=1e-12)  # everything is proportional to ε


def test_second_derivatives_know_that_minimum_and_saddle_move():
    """Low symmetry; in ε, σ and strain. Differences of values alone: the first derivative has no part in it."""
    x = jnp.zeros(3)
    second = np.asarray(jax.jit(jax.hessian(barrier))(x))
    np.testing.assert_allclose(second, second.T, rtol=1e-9, atol=1e-10)
    compiled = jax.jit(barrier)
    h = 2e-4  # so that no edge passes onset or cutoff, where the second derivative jumps
    for i, j in ((1, 1), (1, 2), (2, 2)):
        a, b = (h * np.eye(3)[k] for k in (i, j))
        value = sum(s * t * compiled(s * a + t * b) for s in (1, -1) for t in (1, -1)) / (4 * h * h)
        wide = sum(s * t * compiled(2 * s * a + 2 * t * b) for s in (1, -1) for t in (1, -1)) / (16 * h * h)
        assert second[i, j] == pytest.approx(float(4 * value - wide) / 3, rel=1e-5)


def test_a_guess_leads_to_the_same_pass():
    path = minimum_energy_path(LJ, *vacancy_hop(CRYSTAL, (3, 2, 2)), images=5)
    guided = MigrationBarrier(CRYSTAL, (3, 2, 2), 7.0, guess=path.image(path.highest).positions)
    state = State(CRYSTAL, LISTS)
    assert float(guided.record(LJ, state)) == pytest.approx(float(barrier(jnp.zeros(3))), abs=1e-11)
    with pytest.raises(ValueError, match=r"positions of the supercell's 11 atoms, got shape \(3,\)"):
        MigrationBarrier(CRYSTAL, (3, 2, 2), 7.0, guess=jnp.zeros(3))


def test_where_there_is_no_pass_there_is_no_number():
    start, _ = vacancy_hop(CRYSTAL, (3, 2, 2))
    nowhere = MigrationBarrier(CRYSTAL, (3, 2, 2), 7.0, guess=start.positions)
    assert jnp.isnan(nowhere.record(LJ, State(CRYSTAL, LISTS)))


def rate(height):
    """Vineyard's, of two wells whose frequencies are known; from structures that are found."""
    well = double_well()
    well = eqx.tree_at(lambda p: p.weights["height"], well, height)
    direction = jnp.array([[-1.0, 0, 0], [1.0, 0, 0]])
    minimum = relax(well, FIRST, neighbors=Neighbors.allocate(FIRST, 2.0))
    saddle = saddle_point(well, NEAR_TOP, direction, neighbors=Neighbors.allocate(NEAR_TOP, 2.0))
    return harmonic_rate(well, minimum, saddle, 300.0, exits=2)


def test_the_rate_over_a_known_pass_is_vineyards():
    """Stiffness and bend cancel: ν* = √(8 h / w² μ) / 2π, μ the reduced mass."""
    found = rate(jnp.asarray(HEIGHT))
    reduced = MASSES[0] * MASSES[1] / sum(MASSES)
    prefactor = np.sqrt(8 * HEIGHT / (WIDTH**2 * reduced)) / (2 * np.pi * units.THz)
    assert float(found.prefactor) == pytest.approx(prefactor, rel=1e-9)
    assert float(found.barrier) == pytest.approx(HEIGHT, rel=1e-12)
    expected = 2e12 * prefactor * np.exp(-HEIGHT / (units.kB * 300))
    assert float(found.rate) == pytest.approx(expected, rel=1e-9)


def test_the_rate_has_its_derivative_by_the_potential():
    """d ln k / d ln h = ½ − h / k_B T."""
    slope = jax.grad(lambda h: jnp.log(rate(h).rate))(jnp.asarray(HEIGHT))
    assert float(slope) * HEIGHT == pytest.approx(0.5 - HEIGHT / (units.kB * 300), rel=1e-8)


def test_a_rate_refuses_what_is_no_minimum_or_no_saddle():
    well, top, bottom = double_well(), pair(0.0, 0.4, 0.0), pair(0.9, 0.0, 0.0)
    with pytest.raises(ValueError, match="the minimum has 1 modes of negative curvature, where it must have 0"):
        harmonic_rate(well, top, top, 300.0)
    with pytest.raises(ValueError, match="the saddle has 0 modes of negative curvature, where it must have 1"):
        harmonic_rate(well, bottom, bottom, 300.0)
    with pytest.raises(ValueError, match=r"the temperature must be positive, got 0\.0 K"):
        harmonic_rate(well, bottom, top, 0.0)
