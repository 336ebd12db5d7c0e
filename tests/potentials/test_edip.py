"""EDIP: silicon against its reference, pairs of neighbours, and refusals."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from ase.build import bulk

import diffsim
from diffsim import System, units
from diffsim.potentials import EDIP
from diffsim.potentials.edip import coordination, once, others
from tests.helpers import POTENTIALS
from tests.oracles.lammps import potential_file


def test_silicon_is_at_rest_where_the_reference_says():
    """a₀ = 5.43049777 Å and −4.6499538 eV/atom, known to their last digit (1e-8 Å is 1e-6 GPa)."""
    system = System.from_ase(bulk("Si", a=5.43049777))
    assert diffsim.energy(EDIP.silicon(), system) / 2 == pytest.approx(-4.6499538, abs=5e-8)
    np.testing.assert_allclose(diffsim.stress(EDIP.silicon(), system) / units.GPa, 0.0, atol=2e-6)


def test_silicon_is_what_lammps_ships():
    assert diffsim.energy(EDIP.silicon(), (system := POTENTIALS["edip"]()[1])) == diffsim.energy(
        EDIP.from_lammps(potential_file("Si.edip"), ["Si"]), system
    )


def test_coordination_goes_smoothly_from_one_to_zero():
    """Finite to third order, also where r − c rounds to a − c although r < a."""
    x = jnp.array([-0.5, 0.0, 1e-12, 0.5, 1 - 1e-9, 1 - 2**-53, 1.0])
    count = lambda x: coordination(jnp.array(True), x, jnp.array(3.1))  # noqa: E731
    np.testing.assert_allclose(jax.vmap(count)(x), [1, 1, 1, np.exp(-3.1 / 7), 0, 0, 0], rtol=1e-15, atol=1e-300)
    for derivative in (jax.grad(count), jax.grad(jax.grad(count)), jax.grad(jax.grad(jax.grad(count)))):
        assert np.isfinite(jax.vmap(derivative)(x)).all()


@pytest.mark.parametrize("neighbors", range(1, 8))
def test_each_pair_of_neighbors_counts_once(neighbors: int):
    labels = jnp.arange(neighbors)[:, None]
    counts = np.zeros((neighbors, neighbors))
    for weight, row in zip(once(neighbors), others(labels), strict=True):
        np.add.at(counts, (labels[:, 0], row[:, 0]), weight)
    np.testing.assert_array_equal(counts + counts.T, 1 - np.eye(neighbors))


def test_the_order_of_neighbors_does_not_matter():
    """Also where entries i j k and i k j differ: their mean counts."""
    potential, system = POTENTIALS["edip_mixture"]()
    skewed = dataclasses.replace(potential, lam=potential.lam.at[0, 0, 1].mul(1.3))
    mean = dataclasses.replace(potential, lam=0.5 * (skewed.lam + skewed.lam.swapaxes(1, 2)))
    atoms = system.to_ase()
    energy = float(diffsim.energy(skewed, system))
    assert abs(energy - float(diffsim.energy(potential, system))) > 1e-3
    assert diffsim.energy(mean, system) == pytest.approx(energy, rel=1e-13)
    assert diffsim.energy(skewed, System.from_ase(atoms[::-1])) == pytest.approx(energy, rel=1e-13)


def test_bad_parameters_are_refused():
    silicon = EDIP.silicon()
    with pytest.raises(ValueError, match=r"c must be below a = 3\.121382 Å, got c = 3\.5 Å"):
        dataclasses.replace(silicon, c=3.5)
    with pytest.raises(ValueError, match="cutoff a must be positive"):
        dataclasses.replace(silicon, a=-1.0)
    with pytest.raises(ValueError, match=r"lam of 1 species must be a scalar or have shape \(1, 1, 1\), got \(2,\)"):
        dataclasses.replace(silicon, lam=[1.0, 2.0])
