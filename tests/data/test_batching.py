"""Structures of different size in one batch: the same energies, forces and gradients as one by one."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import POTENTIALS
from random_cells import random_structure

import diffsim
from diffsim import Neighbors, System
from diffsim.data.batching import batch


def energy_of(potential, positions, system, neighbors):
    return diffsim.energy(potential, system.replace(positions=positions), neighbors)


@eqx.filter_jit
def evaluate(potential, systems, neighbors):
    """Energy, ∂E/∂θ and ∂E/∂x of each structure of a batch."""

    def one(system, neighbors):
        inputs = eqx.filter(potential, eqx.is_array), system.positions
        rest = eqx.filter(potential, eqx.is_array, inverse=True)
        value = lambda theta, x: energy_of(eqx.combine(theta, rest), x, system, neighbors)  # noqa: E731
        return jax.value_and_grad(value, argnums=(0, 1))(*inputs)

    return jax.vmap(one)(systems, neighbors)


@pytest.mark.parametrize("name", POTENTIALS)
def test_a_padded_cell_has_half_the_energy_of_its_double(name):
    """Energy and gradients of a padded structure against its own (2, 1, 1) supercell, which fills the batch."""
    potential, system = POTENTIALS[name]()
    n = len(system.numbers)
    energies, (gradient, minus_forces) = evaluate(
        potential, *batch([system, system.supercell((2, 1, 1))], potential.cutoff)
    )
    np.testing.assert_allclose(2 * energies[0], energies[1], rtol=1e-12)  # rounding
    assert not np.asarray(minus_forces[0, n:]).any()
    np.testing.assert_allclose(np.repeat(minus_forces[0, :n], 2, axis=0), minus_forces[1], rtol=0, atol=1e-10)
    for leaf in jax.tree.leaves(gradient):
        np.testing.assert_allclose(2 * leaf[0], leaf[1], rtol=1e-9, atol=1e-10)  # NaN and infinity fail


@pytest.mark.parametrize("name", ["lennard_jones"])
def test_a_batch_gives_what_its_structures_give_one_by_one(name):
    """To rounding: sums over columns of different length are added in another order."""
    potential, system = POTENTIALS[name]()
    single = System(system.positions[:1], 1.1 * system.cell, system.numbers[:1], system.masses[:1])
    systems, neighbors = batch([single, system], potential.cutoff)
    energies, (_, minus_forces) = evaluate(potential, systems, neighbors)
    total = lambda p: jnp.sum(jax.vmap(diffsim.energy, (None, 0, 0))(p, systems, neighbors))  # noqa: E731
    gradient = eqx.filter_jit(eqx.filter_grad(total))(potential)
    alone = [
        evaluate(potential, *jax.tree.map(lambda x: x[None], batch_of_one(potential, s))) for s in (single, system)
    ]
    for k, (energy, (_, gradient_x)) in enumerate(alone):
        np.testing.assert_allclose(energies[k], energy[0], rtol=1e-12)
        np.testing.assert_allclose(minus_forces[k, : gradient_x.shape[1]], gradient_x[0], rtol=0, atol=1e-11)
    summed = jax.tree.map(lambda left, right: left[0] + right[0], *(gradients[0] for _, gradients in alone))
    for together, apart in zip(jax.tree.leaves(gradient), jax.tree.leaves(summed), strict=True):
        np.testing.assert_allclose(together, apart, rtol=1e-11, atol=1e-11)


def batch_of_one(potential, system):
    return system, Neighbors.allocate(system, potential.cutoff)


def test_padding_has_no_number_unit_mass_and_no_edges():
    structures = [random_structure(0, n=1), random_structure(1, n=4)]
    systems, neighbors = batch(structures, 4.0)
    np.testing.assert_array_equal(systems.numbers[0], [14, 0, 0, 0])
    np.testing.assert_array_equal(systems.masses[0], [28.085, 1, 1, 1])
    assert not neighbors.mask[0, :, 1:].any()
    for k, one in enumerate(structures):
        assert neighbors.mask[k].sum() == Neighbors.allocate(one, 4.0).mask.sum()


def test_the_lists_of_a_batch_are_updated_under_vmap():
    systems, neighbors = batch([random_structure(0, n=1), random_structure(1, n=4)], 4.0)
    updated, flags = jax.jit(jax.vmap(lambda n, s: n.update(s)))(neighbors, systems)
    assert not flags.any()
    np.testing.assert_array_equal(updated.index, neighbors.index)
    np.testing.assert_array_equal(updated.reverse, neighbors.reverse)


def test_what_cannot_be_batched_is_refused():
    with pytest.raises(ValueError, match="a batch needs at least one structure"):
        batch([], 4.0)
    molecule = System(np.zeros((1, 3)), np.zeros((3, 3)), [14], [28.085], pbc=False)
    with pytest.raises(ValueError, match="must be periodic in the same directions"):
        batch([random_structure(0), molecule], 4.0)
