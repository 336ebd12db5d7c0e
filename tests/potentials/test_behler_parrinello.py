"""Behler–Parrinello networks: the suite of learned potentials, symmetry functions pair by pair, and standardisation."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from ase.build import bulk

from diffsim import BehlerParrinello, Neighbors
from diffsim.data.batching import batch
from diffsim.graph import graph
from diffsim.potentials.radial import envelope
from tests.helpers import layered, rattled
from tests.potentials.learned import Learned

MIXTURE = rattled(layered("Si", "C", 5.0), 0.1, strain=0.05)


def tiny(species) -> BehlerParrinello:
    return BehlerParrinello.init(
        species, jax.random.key(0), cutoff=4.0, radial=3, angular_eta=[0.05], zeta=[1, 4], hidden=[4]
    )


class TestBehlerParrinello(Learned):
    def make(self, species):
        potential = tiny(species)
        mean, deviation = 0.3 + 0.0 * potential.mean, 0.5 + jnp.arange(potential.deviation.size).reshape(2, -1) % 3
        return eqx.tree_at(lambda p: (p.mean, p.deviation), potential, (mean, deviation))


def by_pairs(potential: BehlerParrinello, graph) -> np.ndarray:
    """Behler's sums as they are written, one atom and one pair of neighbours after the other."""
    _, end = (np.asarray(kinds) for kinds in graph.kinds(potential.species))
    r, vectors, mask = (np.asarray(x) for x in (graph.distances, graph.vectors, graph.mask))
    f = np.where(mask, envelope(graph.distances, potential.cutoff), 0.0)
    species, columns = range(len(potential.species)), []
    for i in range(r.shape[1]):
        inputs = []
        near = np.flatnonzero(f[:, i])
        for s in species:
            for eta, center in zip(potential.radial_eta, potential.radial_center, strict=True):
                inputs.append(sum(np.exp(-eta * (r[j, i] - center) ** 2) * f[j, i] for j in near if end[j, i] == s))
        for s in species:
            for t in range(s, len(potential.species)):
                pairs = [(j, k) for j in near for k in near if j < k and {end[j, i], end[k, i]} == {s, t}]
                for lam in (1, -1):
                    for zeta in potential.zeta:
                        for eta in potential.angular_eta:
                            total = 0.0
                            for j, k in pairs:
                                cosine = vectors[:, j, i] @ vectors[:, k, i] / (r[j, i] * r[k, i])
                                width = np.exp(-eta * (r[j, i] ** 2 + r[k, i] ** 2))
                                total += (1 + lam * cosine) ** zeta * width * f[j, i] * f[k, i]
                            inputs.append(2 ** (1 - zeta) * total)
        columns.append(inputs)
    return np.array(columns, float).T


@pytest.mark.parametrize("zeta", [(1, 2, 4), (3, 8)])
def test_symmetry_functions_are_sums_over_neighbours_and_their_pairs(zeta):
    potential = BehlerParrinello.init(("Si", "C"), 0, cutoff=4.0, radial=3, zeta=zeta)
    seen = graph(MIXTURE, Neighbors.allocate(MIXTURE, 4.2))
    found = jax.jit(lambda seen: potential.symmetry_functions(seen))(seen)
    expected = by_pairs(potential, seen)
    assert (np.abs(expected).max(1) > 1e-3).all()
    # (1 + λ cosθ)^ζ is summed by powers, which cancel where λ cosθ = −1: 2^ζ roundings of some 100 pairs
    np.testing.assert_allclose(found, expected, rtol=0, atol=2e-13)


def test_inputs_of_a_data_set_are_standardised_element_by_element():
    crystals = [rattled(layered("Si", "C", a), 0.1, seed) for seed, a in enumerate((4.8, 5.0, 5.2))]
    systems, neighbors = batch([*crystals, rattled(bulk("Si"), 0.1)], 4.0)
    potential = tiny(("Si", "C")).standardised(systems, neighbors)
    functions = jax.jit(jax.vmap(lambda s, n: potential.symmetry_functions(graph(s, n))))
    inputs = np.asarray(functions(systems, neighbors))
    for kind, number in enumerate((14, 6)):
        chosen = np.moveaxis(inputs, 1, 2)[np.asarray(systems.numbers) == number]
        standard = (chosen - potential.mean[kind]) / potential.deviation[kind]
        np.testing.assert_allclose(standard.mean(0), 0.0, atol=1e-12)
        np.testing.assert_allclose(standard.std(0), 1.0, rtol=1e-12)


def test_inputs_that_do_not_vary_are_left_as_they_are():
    """One atom has one environment, and carbon is not there."""
    potential = tiny(("Si", "C")).standardised(*batch([rattled(bulk("Si"), 0.0)], 4.0))
    np.testing.assert_array_equal(potential.mean, 0.0)
    np.testing.assert_array_equal(potential.deviation, 1.0)


def test_bad_networks_are_refused():
    with pytest.raises(ValueError, match=r"zeta must be integers from 1 to 8, got \(0, 2\)"):
        BehlerParrinello.init(("Si",), 0, zeta=(0, 2))
    with pytest.raises(ValueError, match="networks are made for elements"):
        BehlerParrinello.init((), 0)
    for cutoff in (-1.0, 1.0):
        with pytest.raises(ValueError, match=rf"the cutoff, which must be above that, got {cutoff} Å"):
            BehlerParrinello.init(("Si",), 0, cutoff=cutoff)
    with pytest.raises(ValueError, match="radial must be at least 1 Gaussian, got 0"):
        BehlerParrinello.init(("Si",), 0, radial=0)
