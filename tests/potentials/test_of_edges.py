"""Functions of edges as potentials: the suite of learned potentials, and Lennard-Jones as a graph network has it."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk

import diffsim
from diffsim import Ensemble, FunctionOfEdges, LennardJones, System
from diffsim.fields import parameters
from diffsim.io.potential import save_potential
from diffsim.neighbors.columns import blocks_of
from tests.helpers import layered, rattled
from tests.potentials.learned import Learned

SYSTEM = rattled(layered("Si", "C", 5.0), 0.1, strain=0.05)
TABLE, SIGMA = np.array([[0.2, 0.3], [0.3, 0.1]]), 1.7


def summed(values, receivers, nodes: int):
    return jax.ops.segment_sum(values, receivers, nodes)


def messages(weights, vectors, senders, receivers, numbers):
    """E_i = tanh Σ_j w_Zj f(r_ij) (h_i + h_j + b_i·r_ij), h and b sums over neighbours: even where b points."""
    kinds = jnp.where(numbers == 14, 0, 1)
    r = jnp.linalg.norm(vectors, axis=1)
    near = jnp.maximum(1 - (r / 4.0) ** 2, 0.0) ** 3
    h = summed(weights["table"][kinds[receivers], kinds[senders]] * near, receivers, len(numbers))
    b = summed(near[:, None] * vectors, receivers, len(numbers))
    inner = h[receivers] * h[senders] + jnp.sum(b[receivers] * vectors, 1)
    return jnp.tanh(summed(weights["own"][kinds[senders]] * near * inner, receivers, len(numbers)))


def pairs(weights, vectors, senders, receivers, numbers):
    """½ Σ_j 4ε [(σ/r)¹² − (σ/r)⁶], not even ended."""
    kinds = jnp.where(numbers == 14, 0, 1)
    s6 = (weights["sigma"] ** 2 / jnp.sum(vectors**2, axis=1)) ** 3
    pair = 4 * weights["epsilon"][kinds[receivers], kinds[senders]] * (s6**2 - s6)
    return 0.5 * summed(pair, receivers, len(numbers))


OURS = LennardJones(epsilon=TABLE, sigma=SIGMA, cutoff=4.0, species=("Si", "C"))
THEIRS = FunctionOfEdges({"epsilon": TABLE, "sigma": SIGMA}, 4.0, pairs, messages=1, species=("Si", "C"))


class TestFunctionOfEdges(Learned):
    def make(self, species):
        weights = {"table": np.array([[0.3, -0.2], [0.5, 0.1]]), "own": np.array([0.2, -0.3])}
        return FunctionOfEdges(weights, 4.0, messages, messages=2, species=species)

    def test_it_is_stored_to_the_last_digit(self, tmp_path):
        """A file holds no code."""
        with pytest.raises(ValueError, match="a file cannot hold the function 'messages': keep its weights"):
            save_potential(tmp_path / "potential.json", self.make(("Si", "C")))
        assert not (tmp_path / "potential.json").exists()


def close(found, expected) -> None:
    """The two sum in another order: rounding, times the largest number."""
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-10 * max(1.0, np.abs(expected).max()))


@pytest.mark.parametrize("quantity", ["energy", "forces", "stress", "hessian", "elastic_constants"])
def test_lennard_jones_of_edges_is_ours(quantity):
    function = getattr(diffsim, quantity)
    close(function(THEIRS, SYSTEM), function(OURS, SYSTEM))


def test_edges_beyond_the_cutoff_do_not_count_whatever_the_list_holds():
    """The function itself has no end, and no list of a simulation ends at the cutoff."""
    neighbors = diffsim.Neighbors.allocate(SYSTEM, 5.5)
    close(diffsim.forces(THEIRS, SYSTEM, neighbors), diffsim.forces(OURS, SYSTEM))


def test_phonons_of_a_function_that_passes_no_message_on_are_ours():
    points = [[0.0, 0.0, 0.0], [0.5, 0.1, 0.2]]
    found, expected = (diffsim.phonon_frequencies(p, SYSTEM, points) for p in (THEIRS, OURS))
    # ν = √λ: the rounding of λ over 2ν; acoustic modes at Γ, where ν is 0, are left out
    close(np.asarray(found)[1], np.asarray(expected)[1])
    assert TestFunctionOfEdges().make(("Si", "C")).depth == 2


def test_cohesive_energy_is_that_of_nodes_without_edges():
    state = diffsim.VelocityVerlet(1.0).init(OURS, SYSTEM, jax.random.key(0), 0.0)
    found, expected = (diffsim.CohesiveEnergy().record(p, state) for p in (THEIRS, OURS))
    close(found, expected)


def test_systems_of_many_blocks_are_seen_as_a_whole():
    system = rattled(bulk("SiC", "zincblende", a=4.8, cubic=True).repeat((4, 4, 2)), 0.08)
    neighbors = diffsim.Neighbors.allocate(system, 4.0)
    assert blocks_of(len(system.numbers), len(neighbors.index))[0] > 1
    close(diffsim.forces(THEIRS, system, neighbors), diffsim.forces(OURS, system, neighbors))
    both = Ensemble([OURS, THEIRS])
    close(diffsim.forces(both, system, neighbors), diffsim.forces(OURS, system, neighbors))


def test_weights_are_parameters_with_the_names_of_their_places():
    assert list(parameters(THEIRS)) == ["weights.epsilon", "weights.sigma"]


def test_results_that_are_not_energies_of_nodes_are_refused():
    total = FunctionOfEdges(1.0, 4.0, lambda w, vectors, *_: w * jnp.sum(vectors), messages=1)
    with pytest.raises(ValueError, match=r"an energy for each of 5 nodes, got an array of shape \(\)"):
        diffsim.energy(total, SYSTEM)


def test_bad_arguments_are_refused():
    with pytest.raises(ValueError, match="messages must be passed at least once, got 0"):
        FunctionOfEdges(1.0, 4.0, pairs, messages=0)
    with pytest.raises(ValueError, match=r"cutoff must be positive, got -4\.0 Å"):
        FunctionOfEdges(1.0, -4.0, pairs, messages=1)
    gold = System.from_ase(Atoms("Au", cell=[4.0] * 3, pbc=True))
    with pytest.raises(ValueError, match="has parameters for Si, C, but the system contains Au"):
        diffsim.energy(THEIRS, gold)
