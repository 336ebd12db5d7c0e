"""Densities of states and harmonic thermodynamics."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from ase.build import bulk

import diffsim
from diffsim import StillingerWeber, System, units

SW = StillingerWeber.silicon()
SILICON = System.from_ase(bulk("Si", a=5.43094978))


@pytest.fixture(scope="module")
def spectrum():
    points, weights = diffsim.reciprocal_mesh((6, 6, 6))
    return diffsim.phonon_frequencies(SW, SILICON, points), weights


def test_the_mesh_counts_each_pair_once():
    for mesh in [(4, 4, 4), (3, 2, 1), (1, 1, 1)]:
        points, weights = diffsim.reciprocal_mesh(mesh)
        assert weights.sum() == pytest.approx(1)
        whole = {tuple(np.round(p % 1, 9)) for p in np.concatenate([points, -points])}
        assert len(whole) == np.prod(mesh)


def test_the_density_of_states_holds_every_mode(spectrum):
    grid = jnp.linspace(-3, 22, 2001)
    density = diffsim.phonon_dos(*spectrum, grid, 0.2)
    assert float(jnp.trapezoid(density, grid)) == pytest.approx(6, abs=1e-6)


def test_thermodynamics_agrees_with_phonopy():
    from diffsim.io.phonopy import to_phonopy

    phonon = to_phonopy(SILICON, (4, 4, 4), diffsim.force_constants(SW, SILICON, (4, 4, 4)))
    phonon.run_mesh([4, 4, 4], is_gamma_center=True, is_mesh_symmetry=False)
    phonon.run_thermal_properties(temperatures=[100.0, 300.0], cutoff_frequency=1e-3)  # as ours
    theirs = phonon.thermal_properties
    points, weights = diffsim.reciprocal_mesh((4, 4, 4))
    frequencies = diffsim.phonon_frequencies(SW, SILICON, points)
    kJ_per_mol = 96.48533212331  # of 1 eV
    for row, temperature in enumerate([100.0, 300.0]):
        ours = diffsim.harmonic_thermodynamics(frequencies, weights, temperature)
        # the supercell is that of the mesh, so nothing is interpolated; its constants are of an older CODATA
        assert float(ours.free_energy) * kJ_per_mol == pytest.approx(theirs.free_energy[row], rel=1e-5)
        assert float(ours.entropy) * kJ_per_mol * 1000 == pytest.approx(theirs.entropy[row], rel=1e-5)
        assert float(ours.heat_capacity) * kJ_per_mol * 1000 == pytest.approx(theirs.heat_capacity[row], rel=1e-5)


def test_entropy_and_heat_capacity_are_derivatives_of_the_free_energy(spectrum):
    def free_energy(temperature):
        return diffsim.harmonic_thermodynamics(*spectrum, temperature).free_energy

    at = diffsim.harmonic_thermodynamics(*spectrum, 250.0)
    assert float(at.entropy) == pytest.approx(-float(jax.grad(free_energy)(250.0)), rel=1e-9)
    assert float(at.heat_capacity) == pytest.approx(-250.0 * float(jax.grad(jax.grad(free_energy))(250.0)), rel=1e-8)


def test_hot_crystals_obey_dulong_and_petit(spectrum):
    heat = float(diffsim.harmonic_thermodynamics(*spectrum, 20000.0).heat_capacity)
    moving = 6 - 3 / 216  # three modes of Γ stand still
    assert heat / units.kB == pytest.approx(moving, rel=1e-3)


@pytest.mark.parametrize("temperature", [0.0, -5.0, float("nan")])
def test_temperatures_must_be_positive(spectrum, temperature):
    with pytest.raises(ValueError, match="temperature must be positive"):
        diffsim.harmonic_thermodynamics(*spectrum, temperature)
