"""MACE: the suite of learned potentials, features that turn, its equations edge by edge, how far messages go."""

import math

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from diffsim import MACE, Neighbors, System
from diffsim.graph import graph
from diffsim.potentials.powers import equivariants, products
from diffsim.potentials.spherical import paths
from tests.helpers import layered, rattled
from tests.potentials.learned import Learned

e3nn = pytest.importorskip("e3nn_jax")

MIXTURE = rattled(layered("Si", "C", 5.0), 0.1, strain=0.05)


def tiny(species, **changed) -> MACE:
    given = {"depth": 2, "features": 2, "degrees": (2, 1), "correlation": 2, "radial": (3, 3), "neighbors": 10.0}
    return MACE.init(species, jax.random.key(0), cutoff=4.0, **(given | changed))


class TestMACE(Learned):
    def make(self, species):
        return tiny(species)


def irreps(*degrees: int):
    return e3nn.Irreps([e3nn.Irrep(l, (-1) ** l) for l in degrees])


@pytest.mark.parametrize("sign", [1, -1], ids=["rotation", "rotation and reflection"])
def test_features_of_every_layer_turn_by_wigner_matrices(sign):
    turn = np.linalg.qr(np.random.default_rng(0).standard_normal((3, 3)))[0]
    turn *= sign * np.linalg.det(turn)
    turned = MIXTURE.replace(positions=MIXTURE.positions @ turn.T, cell=MIXTURE.cell @ turn.T)
    potential = tiny(("Si", "C"), degrees=(3, 2), correlation=3, depth=3)
    features = jax.jit(lambda system, neighbors: potential.features(graph(system, neighbors)))
    first, second = (features(system, Neighbors.allocate(system, 4.2)) for system in (MIXTURE, turned))
    assert [len(layer) for layer in first] == [3, 3, 1]
    for before, after in zip(first, second, strict=True):
        for l, (one, other) in enumerate(zip(before, after, strict=True)):
            scale = np.abs(one).max()
            assert scale > 1e-3
            wigner = e3nn.Irrep(l, (-1) ** l).D_from_matrix(jnp.asarray(turn))
            expected = np.einsum("mn,kna->kma", wigner, one)
            np.testing.assert_allclose(other, expected, rtol=0, atol=1e-11 * scale)  # rounding of sums of polynomials


def silu(x: np.ndarray) -> np.ndarray:
    return x / (1 + np.exp(-x))


def network(perceptron, x: np.ndarray) -> np.ndarray:
    for number, layer in enumerate(perceptron.layers):
        x = np.asarray(layer.weight) @ (silu(x) if number else x)
        x = x if layer.bias is None else x + np.asarray(layer.bias)
    return x


def edge_by_edge(potential: MACE, system: System) -> float:
    """The published equations in numpy, with e3nn's harmonics and coefficients."""
    x, cell = np.asarray(system.positions), np.asarray(system.cell)
    kinds = [potential.species.index(z) for z in np.asarray(system.numbers)]
    cutoff, images = float(potential.cutoff), np.indices((7, 7, 7)).reshape(3, -1).T - 3
    offsets = [[x[j] - x[i] + images @ cell for j in range(len(x))] for i in range(len(x))]
    edges = [
        (i, j, d) for i, row in enumerate(offsets) for j, ds in enumerate(row) for d in ds if 0 < d @ d < cutoff**2
    ]
    h = [[np.asarray(potential.embedding)[kind][:, None]] for kind in kinds]
    energy = sum(float(potential.reference[kind]) for kind in kinds)
    for layer, readout in zip(potential.layers, potential.readouts, strict=True):
        l_max, k = layer.l_max, len(layer.outward[0])
        ways = paths(l_max, len(layer.inward) - 1, l_max)
        A = [[np.zeros((k, 2 * l + 1)) for l in range(l_max + 1)] for _ in x]
        for i, j, d in edges:
            r = np.linalg.norm(d)
            u = 1 - 28 * (r / cutoff) ** 6 + 48 * (r / cutoff) ** 7 - 21 * (r / cutoff) ** 8
            basis = math.sqrt(2) * cutoff / r * np.sin(np.asarray(potential.frequencies) * r / cutoff) * u
            R = network(layer.radial, basis).reshape(len(ways), k)
            Y = e3nn.spherical_harmonics(irreps(*range(l_max + 1)), jnp.asarray(d), True, normalization="component")
            for (l1, l2, l), W, radial in zip(ways, np.asarray(layer.mixing), R, strict=True):
                C = math.sqrt(2 * l + 1) * np.asarray(e3nn.clebsch_gordan(l1, l2, l))
                sent = np.asarray(layer.inward)[l2] @ h[j][l2]
                turned = np.einsum("abc,a,kb->kc", C, np.asarray(Y.array)[l1**2 : (l1 + 1) ** 2], sent)
                A[i][l] += W @ (radial[:, None] * turned) / math.sqrt(layer.neighbors)
        new = []
        for i, kind in enumerate(kinds):
            components, first, found = np.concatenate(A[i], axis=1), 0, []
            monomials = np.asarray(products(jnp.asarray(components)[..., None], layer.correlation))[..., 0]
            for l, V in enumerate(np.asarray(layer.outward)):
                U = equivariants(l_max, layer.correlation, l)
                w = np.asarray(layer.weights)[kind, first : first + len(U)]
                first += len(U)
                found.append(V @ np.einsum("bk,bmq,kq->km", w, U, monomials))
                if l < len(h[i]):
                    found[l] += np.asarray(layer.residual)[l, kind] @ h[i][l]
            new.append(found)
        h = new
        energy += sum(
            float(potential.scale[kind]) * network(readout, f[0][:, 0])[0] for kind, f in zip(kinds, h, strict=True)
        )
    return energy


def test_energies_are_those_of_the_published_equations():
    potential = tiny(("Si", "C"), correlation=3)
    rng = np.random.default_rng(0)  # weights that are zero at first count too
    moved = lambda w: w + 0.02 * jnp.asarray(rng.standard_normal(w.shape))  # noqa: E731
    potential = jax.tree.map(moved, potential)
    seen = graph(MIXTURE, Neighbors.allocate(MIXTURE, 4.5))
    found = jax.jit(lambda seen: jnp.sum(potential.atomic_energies(seen)[:4]))(seen)
    # cubes of sums of some 100 terms
    np.testing.assert_allclose(found, edge_by_edge(potential, MIXTURE), rtol=1e-11)


def test_an_atom_feels_others_as_far_as_messages_go():
    """A chain with 3 Å between atoms, a cutoff of 4: what the last does reaches so many atoms as there are layers."""
    chain = System([[3.0 * n, 0, 0] for n in range(5)], 60 * np.eye(3), [14] * 5, [28.0] * 5)
    moved = chain.replace(positions=chain.positions.at[-1, 1].add(0.3))
    neighbors = Neighbors.allocate(chain, 4.2)
    for depth in (1, 2, 3):
        potential = tiny(("Si",), depth=depth)
        assert potential.reach == depth * potential.cutoff
        energies = jax.jit(lambda system: potential.atomic_energies(graph(system, neighbors)))  # noqa: B023
        change = np.abs(energies(moved) - energies(chain))[:5][::-1]
        assert (change[: depth + 1] > 1e-9).all()  # rounding is 1e-16
        assert not change[depth + 1 :].any()


def test_blocks_of_atoms_that_are_told_once_have_the_energies_of_the_whole():
    """A block knows the elements of all atoms, and that is what they tell each other in the first place."""
    potential = tiny(("Si", "C"), depth=1)
    seen = graph(MIXTURE, Neighbors.allocate(MIXTURE, 4.2))
    own = lambda g: (g.vectors, g.index, g.mask, g.numbers, g.weights)  # noqa: E731
    columns = jax.tree.map(lambda leaf: leaf[..., 1:3], own(seen))
    block = eqx.tree_at(lambda g: (*own(g), g.reverse), seen, (*columns, None))
    energies = eqx.filter_jit(lambda g: potential.atomic_energies(g))
    # the same sums, in another order
    np.testing.assert_allclose(energies(block), energies(seen)[1:3], rtol=1e-13)


def test_bad_networks_are_refused():
    with pytest.raises(ValueError, match="MACE needs a depth of at least 1, got 0"):
        tiny(("Si",), depth=0)
    with pytest.raises(ValueError, match="MACE needs a correlation of at least 1, got 0"):
        tiny(("Si",), correlation=0)
    with pytest.raises(ValueError, match="networks are made for elements"):
        MACE.init((), 0)
    with pytest.raises(ValueError, match=r"cutoff must be positive, got -1\.0 Å"):
        MACE.init(("Si",), 0, cutoff=-1.0)
