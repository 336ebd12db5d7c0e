"""MACE: the suite of learned potentials, features that turn, its equations term by term, how far messages go."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from diffsim import MACE, Neighbors, System
from diffsim.graph import graph
from diffsim.potentials.powers import equivariants, products
from diffsim.potentials.spherical import harmonics, paths
from tests.helpers import layered, rattled
from tests.potentials.learned import Learned

e3nn = pytest.importorskip("e3nn_jax")

MIXTURE = rattled(layered("Si", "C", 5.0), 0.1, strain=0.05)


def tiny(species, depth=2, correlation=2, degrees=(2, 1)) -> MACE:
    return MACE.init(
        species,
        jax.random.key(0),
        cutoff=4.0,
        depth=depth,
        features=2,
        correlation=correlation,
        degrees=degrees,
        radial=(3, 3),
    )


class TestMACE(Learned):
    def make(self, species):
        return tiny(species)


def irreps(degrees) -> e3nn.Irreps:
    return e3nn.Irreps([e3nn.Irrep(l, (-1) ** l) for l in degrees])


def turn(seed: int = 0) -> np.ndarray:
    """A random rotation and a reflection."""
    q = np.linalg.qr(np.random.default_rng(seed).standard_normal((3, 3)))[0]
    return -np.linalg.det(q) * q


def test_harmonics_are_those_of_e3nn():
    units = np.random.default_rng(0).standard_normal((3, 4, 5))
    units /= np.linalg.norm(units, axis=0)
    expected = e3nn.spherical_harmonics(irreps(range(5)), np.moveaxis(units, 0, -1), True, normalization="component").array
    found = jnp.concatenate(harmonics(tuple(jnp.asarray(units)), 4))
    np.testing.assert_allclose(np.moveaxis(found, 0, -1), expected, rtol=0, atol=1e-14)


@pytest.mark.parametrize(("l_max", "degree"), [(2, 3), (3, 2)])
def test_polynomials_are_all_that_turn_like_l(l_max, degree):
    """As many as e3nn finds, and the same space: its projector takes them to themselves."""
    basis = (l_max + 1) ** 2
    for l in range(3):
        found = equivariants(l_max, degree, l)
        expected = []
        for n in range(1, degree + 1):
            tensors = e3nn.reduced_symmetric_tensor_product_basis(irreps(range(l_max + 1)), n, keep_ir=irreps([l]))
            tensors = np.asarray(tensors.array).reshape(*(basis,) * n, -1, 2 * l + 1)
            x = np.random.default_rng(n).standard_normal((40, basis))
            expected.append(functools.reduce(lambda t, _: np.einsum("za,za...->z...", x, t), range(n - 1), np.tensordot(x, tensors, 1)))
    assert found is not None
