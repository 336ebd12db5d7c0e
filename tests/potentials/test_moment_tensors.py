"""Moment tensors: the suite of learned potentials, and every function as a sum over neighbours, pairs and triples."""

import dataclasses
from itertools import combinations_with_replacement, product

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from diffsim import MomentTensors, Neighbors
from diffsim.graph import graph
from tests.helpers import layered, rattled
from tests.potentials.learned import Learned

MIXTURE = rattled(layered("Si", "C", 5.0), 0.1, strain=0.05)


def mixed(potential: MomentTensors) -> MomentTensors:
    """With radial functions that are all different, also for each species of the central atom."""
    waves = jnp.cos(jnp.arange(potential.radial.size)).reshape(potential.radial.shape)
    return eqx.tree_at(lambda p: p.radial, potential, potential.radial + 0.1 * waves)


class TestMomentTensors(Learned):
    def make(self, species):
        potential = mixed(MomentTensors.init(species, jax.random.key(0), cutoff=4.0, level=12, basis=3))
        strong = 10 * potential.coefficients, jnp.array([-1.0, 0.5])
        return eqx.tree_at(lambda p: (p.coefficients, p.reference), potential, strong)


def by_neighbors(potential: MomentTensors, graph) -> list[dict]:
    """B of each atom under the names that they have on paper: by cosines, one atom after the other."""
    _, end = (np.asarray(kinds) for kinds in graph.kinds(potential.species))
    own, _ = (np.asarray(kinds) for kinds in graph.kinds(potential.species))
    blocks, functions, basis = potential.radial.shape[2:]
    first, last, found = float(potential.nearest), float(potential.cutoff), []
    for i in range(graph.index.shape[1]):
        r = np.asarray(graph.distances)[:, i]
        near = np.asarray(graph.mask)[:, i] & (r < last)
        r, kinds = r[near], end[near, i]
        units = np.asarray(graph.vectors)[:, near, i] / r
        cosines = units.T @ units
        ending = (1 - r / last) ** 3 * (1 + 3 * r / last)
        x = (2 * r - first - last) / (last - first)
        phi = [ending * np.polynomial.Chebyshev.basis(n)(x) for n in range(basis)]
        f = np.einsum("jsub,bj->suj", np.asarray(potential.radial)[own[i]][kinds], phi)
        values = {(s, b): phi[b][kinds == s].sum() for s in range(len(potential.species)) for b in range(basis)}
        tensors = list(product(range(potential.level), range(functions), range(blocks)))  # ν, μ, block
        for order in (2, 3):
            for these in combinations_with_replacement(tensors, order):
                ranks = [nu for nu, _, _ in these]
                if sum(2 + 4 * mu + nu for nu, mu, _ in these) > potential.level:
                    continue
                if sum(ranks) % 2 or 2 * max(ranks) > sum(ranks):
                    continue
                weights = [f[s, mu] for _, mu, s in these]
                if order == 2:
                    values[these] = np.einsum("j,k,jk", *weights, cosines ** ranks[0])
                else:
                    shared = [cosines ** (sum(ranks) // 2 - rank) for rank in ranks]  # by the two others
                    values[these] = np.einsum("j,k,l,kl,jl,jk", *weights, *shared)
        found.append(values)
    return found


@pytest.mark.parametrize("level", [4, 8, 16])
def test_functions_are_sums_over_neighbours_and_their_pairs_and_triples(level):
    """All that the level allows, each once; as a set, since the order is nobody's business."""
    species = ("Si", "C") if level < 16 else ("Si",)
    system = MIXTURE if level < 16 else MIXTURE.replace(numbers=jnp.full(4, 14))
    potential = mixed(MomentTensors.init(species, 0, cutoff=3.6, level=level, basis=4))
    seen = graph(system, Neighbors.allocate(system, 3.8))
    found = np.asarray(eqx.filter_jit(lambda p, g: p.functions(g))(potential, seen))
    expected = np.array([[*values.values()] for values in by_neighbors(potential, seen)]).T
    assert found.shape == expected.shape
    size = np.abs(expected).max()
    for i in range(found.shape[1]):
        # 15 neighbours: sums of 3375 terms, from tensors whose components cancel
        np.testing.assert_allclose(np.sort(found[:, i]), np.sort(expected[:, i]), rtol=0, atol=1e-13 * size)


@pytest.mark.parametrize(("species", "level"), [(("Si",), 20), (("Si", "C"), 12)])
def test_functions_are_linearly_independent(species, level):
    """As many singular values as functions in random surroundings, each function scaled to the same length."""
    potential = MomentTensors.init(species, 0, cutoff=5.0, level=level)
    functions = eqx.filter_jit(lambda p, s, n: p.functions(graph(s, n)))
    columns = []
    for seed in range(40):
        system = rattled(layered(species[0], species[-1], 4.5), 0.5, seed, strain=0.2)
        neighbors = Neighbors.allocate(system, 5.0, capacity=160)
        columns.append(np.asarray(functions(potential, system, neighbors)))
    matrix = np.concatenate(columns, axis=1)
    matrix /= np.linalg.norm(matrix, axis=1, keepdims=True)
    values = np.linalg.svd(matrix, compute_uv=False)
    assert len(matrix) < matrix.shape[1]
    assert values[-1] > 1e-7 * values[0]  # 1e-6 and 4e-5 are measured, and 1e-15 is rounding


def test_bad_moment_tensors_are_refused():
    with pytest.raises(ValueError, match="level must be an even number from 4 on, got 7"):
        MomentTensors.init(("Si",), 0, level=7, basis=8)
    with pytest.raises(ValueError, match="level 16 has 4 radial functions, made of as many at least: basis is 3"):
        MomentTensors.init(("Si",), 0, level=16, basis=3)
    with pytest.raises(ValueError, match=r"cutoff − nearest must be positive, got -0\.5 Å"):
        MomentTensors.init(("Si",), 0, cutoff=1.0)
    with pytest.raises(ValueError, match="moment tensors are made for elements"):
        MomentTensors.init((), 0)
    short = MomentTensors.init(("Si",), 0, level=8)
    with pytest.raises(ValueError, match=r"coefficients of level 8 must be \(1, 14\), got \(1, 13\)"):
        dataclasses.replace(short, coefficients=short.coefficients[:, 1:])
