"""SchNet: the suite of learned potentials, its equations atom by atom, and how far messages go."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from diffsim import Neighbors, SchNet, System
from diffsim.graph import graph
from tests.helpers import layered, rattled
from tests.potentials.learned import Learned

MIXTURE = rattled(layered("Si", "C", 5.0), 0.1, strain=0.05)


def tiny(species, depth=2) -> SchNet:
    return SchNet.init(species, jax.random.key(0), cutoff=4.0, depth=depth, features=4, radial=5)


class TestSchNet(Learned):
    def make(self, species):
        return tiny(species)


def softplus(x: np.ndarray) -> np.ndarray:
    return np.log(0.5 * np.exp(x) + 0.5)


def network(perceptron, x: np.ndarray, step: int | None = None, activation=softplus) -> np.ndarray:
    for number, layer in enumerate(perceptron.layers):
        weight, bias = (
            np.asarray(part) if step is None else np.asarray(part)[step] for part in (layer.weight, layer.bias)
        )
        x = weight @ (x if number == 0 else activation(x)) + bias
    return x


def atom_by_atom(potential: SchNet, system: System) -> np.ndarray:
    """The published equations, one atom and one image of a neighbour after the other."""
    x, cell = np.asarray(system.positions), np.asarray(system.cell)
    kinds = [potential.species.index(z) for z in np.asarray(system.numbers)]
    cutoff, images = float(potential.cutoff), np.indices((7, 7, 7)).reshape(3, -1).T - 3
    h = [np.asarray(potential.embedding)[kind] for kind in kinds]
    for step in range(potential.depth):
        sums = [np.zeros_like(h[0]) for _ in x]
        for i in range(len(x)):
            for j in range(len(x)):
                for r in np.linalg.norm(x[j] - x[i] + images @ cell, axis=1):
                    if 0 < r < cutoff:
                        basis = np.exp(-float(potential.eta) * (r - np.asarray(potential.centers)) ** 2)
                        u = 1 - 28 * (r / cutoff) ** 6 + 48 * (r / cutoff) ** 7 - 21 * (r / cutoff) ** 8
                        sums[i] += (
                            np.asarray(potential.inward)[step] @ h[j] * network(potential.filters, basis, step) * u
                        )
        h = [old + network(potential.outward, new, step) for old, new in zip(h, sums, strict=True)]
    scale, reference = np.asarray(potential.scale), np.asarray(potential.reference)
    return np.array([reference[k] + scale[k] * network(potential.readout, f)[0] for k, f in zip(kinds, h, strict=True)])


@pytest.mark.parametrize("depth", [1, 3])
def test_energies_are_those_of_the_published_equations(depth):
    potential = tiny(("Si", "C"), depth)
    rng = np.random.default_rng(0)  # weights that are zero at first count too
    potential = jax.tree.map(lambda w: w + 0.05 * jnp.asarray(rng.standard_normal(w.shape)), potential)
    seen = graph(MIXTURE, Neighbors.allocate(MIXTURE, 4.5))
    found = jax.jit(lambda seen: potential.atomic_energies(seen))(seen)[:4]
    # sums of some 100 terms that grow by a factor of ten a step
    np.testing.assert_allclose(found, atom_by_atom(potential, MIXTURE), rtol=1e-12)


def test_an_atom_feels_others_as_far_as_messages_go():
    """A chain with 3 Å between atoms, a cutoff of 4: what the last does reaches so many atoms as there are steps."""
    chain = System([[3.0 * n, 0, 0] for n in range(5)], 60 * np.eye(3), [14] * 5, [28.0] * 5)
    moved = chain.replace(positions=chain.positions.at[-1, 1].add(0.3))
    neighbors = Neighbors.allocate(chain, 4.2)
    for depth in (1, 2, 3):
        potential = tiny(("Si",), depth)
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
    with pytest.raises(ValueError, match="SchNet needs a depth of at least 1, got 0"):
        SchNet.init(("Si",), 0, depth=0)
    with pytest.raises(ValueError, match="networks are made for elements"):
        SchNet.init((), 0)
    with pytest.raises(ValueError, match=r"SchNet needs at least 2 Gaussians, at 0 and at the cutoff, got radial=1"):
        SchNet.init(("Si",), 0, radial=1)
    with pytest.raises(ValueError, match=r"cutoff must be positive, got -1\.0 Å"):
        SchNet.init(("Si",), 0, cutoff=-1.0)
