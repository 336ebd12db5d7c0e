"""Forces and their adjoint, taken a block of atoms at a time, against derivatives of the whole energy."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from ase.build import bulk
from helpers import rattled

from diffsim import AbstractPotential, LennardJones, Neighbors, SchNet, System
from diffsim.fields import constant, parameter
from diffsim.graph import Graph, species_of
from diffsim.mechanics import forces_and_virial, total_energy, total_forces, work
from diffsim.neighbors.columns import blocks_of
from tests.potentials.mixtures import cadmium_telluride

PAIRS = LennardJones(
    epsilon=[[0.1, 0.2], [0.2, 0.35]], sigma=[[2.6, 2.5], [2.5, 2.4]], cutoff=4.4, onset=3.6, species=("Cd", "Te")
)


def scattered() -> System:
    """256 atoms of two kinds in no order, rattled and strained, some of them cells away from home."""
    crystal = bulk("CdTe", "zincblende", a=6.48, cubic=True).repeat((4, 4, 2))
    rng = np.random.default_rng(0)
    crystal.numbers = rng.permutation(crystal.numbers)
    system = rattled(crystal, 0.08, strain=0.02)
    return system.replace(positions=system.positions + rng.integers(-2, 3, (256, 3)) @ system.cell)


class Charges(AbstractPotential):
    """E_i = ½ Σ_j q_i q_j (1 − r_ij²/r_c²)³ with a charge for each species, looked up for everyone."""

    charges: jax.Array = parameter("")
    cutoff: jax.Array = parameter("Å")
    species: tuple[int, ...] = constant(default=(48, 52))

    def atomic_energies(self, graph: Graph) -> jax.Array:
        own, _ = graph.kinds(self.species)
        far = graph.of_neighbors(self.charges[species_of(graph.everyone, self.species)])
        near = jnp.where(graph.mask, jnp.maximum(1 - graph.squares / self.cutoff**2, 0.0) ** 3, 0.0)
        return 0.5 * jnp.sum(self.charges[own] * far * near, axis=0)


def messages(depth: int) -> SchNet:
    return SchNet.init(("Cd", "Te"), 0, cutoff=4.4, depth=depth, features=3, radial=4)


@pytest.mark.parametrize(
    "potential",
    [PAIRS, cadmium_telluride(), Charges([1.0, -0.7], 4.4), messages(1), messages(2)],
    ids=["pairs", "three-body", "features of neighbours", "messages", "messages of messages"],
)
def test_blocks_of_a_mixture_give_the_derivatives_of_the_whole(potential):
    system = scattered()
    neighbors = Neighbors.allocate(system, potential.cutoff + 0.2, spare=1.1)
    assert blocks_of(len(system.numbers), len(neighbors.index))[0] > 1
    w = jnp.asarray(np.random.default_rng(1).standard_normal(system.positions.shape))
    theta, rest = eqx.partition(potential, eqx.is_inexact_array)

    @eqx.filter_jit
    def expected(theta, system):
        energy = lambda theta, x: total_energy(eqx.combine(theta, rest), system.replace(positions=x), neighbors)  # noqa: E731
        forces = lambda theta, x: -jax.grad(energy, 1)(theta, x)  # noqa: E731
        by_strain = jax.grad(lambda e: total_energy(potential, system.strained(e), neighbors))(jnp.zeros((3, 3)))
        pull = jax.grad(lambda theta, x: jnp.vdot(w, forces(theta, x)), (1, 0))(theta, system.positions)
        return forces(theta, system.positions), -0.5 * (by_strain + by_strain.T), *pull

    forces, virial, by_positions, by_theta = expected(theta, system)
    close = lambda found, wanted: np.testing.assert_allclose(  # noqa: E731
        found, wanted, rtol=0, atol=1e-11 * max(1.0, np.abs(wanted).max())
    )
    close(total_forces(potential, system, neighbors), forces)
    jax.tree.map(close, eqx.filter_jit(forces_and_virial)(potential, system, neighbors), (forces, virial))
    jax.tree.map(close, eqx.filter_jit(work)(potential, system, neighbors, w), (forces, by_positions, by_theta))


def test_forces_in_blocks_have_the_derivatives_of_the_whole():
    """Forwards and backwards, though blocks are not what is differentiated."""
    system = scattered()
    neighbors = Neighbors.allocate(system, PAIRS.cutoff + 0.2, spare=1.1)
    w = jnp.asarray(np.random.default_rng(1).standard_normal(system.positions.shape))
    along = lambda f: jax.jvp(f, (system.positions,), (w,))[1]  # noqa: E731
    forces = lambda x: total_forces(PAIRS, system.replace(positions=x), neighbors)  # noqa: E731
    whole = lambda x: -jax.grad(lambda y: total_energy(PAIRS, system.replace(positions=y), neighbors))(x)  # noqa: E731
    expected = jax.jit(lambda: along(whole))()
    np.testing.assert_allclose(jax.jit(lambda: along(forces))(), expected, rtol=0, atol=1e-11)
    backwards = jax.jit(lambda: jax.vjp(forces, system.positions)[1](w)[0])()  # the Hessian is symmetric
    np.testing.assert_allclose(backwards, expected, rtol=0, atol=1e-11)
