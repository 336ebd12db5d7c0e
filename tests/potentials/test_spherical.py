"""Spherical harmonics and polynomials that turn like them, against e3nn's own."""

import sys

import jax.numpy as jnp
import numpy as np
import pytest

from diffsim.potentials.powers import equivariants, products
from diffsim.potentials.spherical import coupling, harmonics


def test_without_e3nn_it_is_said_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "e3nn_jax", None)
    with pytest.raises(ImportError, match=r"need e3nn-jax: pip install e3nn-jax"):
        coupling.__wrapped__(1, 1, 2)


def irreps(*degrees: int):
    e3nn = pytest.importorskip("e3nn_jax")
    return e3nn.Irreps([e3nn.Irrep(l, (-1) ** l) for l in degrees])


def test_harmonics_are_those_of_e3nn():
    e3nn = pytest.importorskip("e3nn_jax")
    units = np.random.default_rng(0).standard_normal((3, 4, 5))
    units /= np.linalg.norm(units, axis=0)
    edges = jnp.asarray(np.moveaxis(units, 0, -1))
    expected = e3nn.spherical_harmonics(irreps(0, 1, 2, 3, 4), edges, True, normalization="component").array
    found = jnp.concatenate(harmonics(tuple(jnp.asarray(units)), 4))
    np.testing.assert_allclose(np.moveaxis(found, 0, -1), expected, rtol=0, atol=1e-13)  # rounding of numbers below 3


@pytest.mark.parametrize(("l_max", "degree"), [(2, 3), (3, 2)])
def test_polynomials_are_all_that_turn_like_l(l_max, degree):
    """As many as e3nn finds, and the same space of functions of 200 random points."""
    e3nn = pytest.importorskip("e3nn_jax")
    size = (l_max + 1) ** 2
    x = np.random.default_rng(0).standard_normal((size, 200))
    monomials = np.asarray(products(jnp.asarray(x)[None], degree))[0]
    for l in range(3):
        found = np.einsum("bmq,qz->bmz", equivariants(l_max, degree, l), monomials)
        expected = []
        for n in range(1, degree + 1):
            basis = e3nn.reduced_symmetric_tensor_product_basis(irreps(*range(l_max + 1)), n, keep_ir=irreps(l))
            tensors = np.asarray(basis.array)[..., None]
            for _ in range(n):
                tensors = np.einsum("a...z,az->...z", tensors, x)
            expected.append(tensors.reshape(-1, 2 * l + 1, x.shape[1]))
        expected = np.concatenate(expected)
        assert len(found) == len(expected)
        both = [part.reshape(len(part), -1) for part in (found, expected)]
        assert [np.linalg.matrix_rank(part) for part in (*both, np.concatenate(both))] == 3 * [len(found)]
