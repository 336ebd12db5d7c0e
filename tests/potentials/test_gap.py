"""GAP: the suite of learned potentials, its descriptor as an overlap of densities over all rotations, sparse points."""

import dataclasses

import equinox as eqx
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from diffsim import GAP, SOAP, Neighbors, System, relabelled, standardised, unlabelled
from diffsim.graph import graph
from diffsim.potentials.angular import monomials, traceless
from diffsim.potentials.sparse import pivots
from tests.helpers import layered, rattled
from tests.potentials.learned import Learned

TINY = GAP.init(("Si", "C"), cutoff=4.0, width=0.6, degree=3, radial=3, points=5, zeta=2, delta=0.7)


class TestGAP(Learned):
    def make(self, species):
        rng = np.random.default_rng(0)
        points = rng.random(TINY.points.shape)
        points /= np.linalg.norm(points, axis=-1, keepdims=True)
        new = jnp.asarray(points), jnp.asarray(5 * rng.standard_normal((2, 5))), jnp.array([-1.0, 0.5])
        return eqx.tree_at(lambda p: (p.points, p.coefficients, p.reference), TINY, new)


@pytest.mark.parametrize("degree", range(9))
def test_traceless_tensors_multiply_to_legendre_polynomials(degree):
    u = np.random.default_rng(0).standard_normal((3, 1, 2))
    u /= np.linalg.norm(u, axis=0)
    left, right = (traceless(degree) @ np.asarray(monomials(tuple(jnp.asarray(u)), degree)[degree])[:, 0]).T
    expected = np.polynomial.Legendre.basis(degree)(u[:, 0, 0] @ u[:, 0, 1])
    assert len(left) == 2 * degree + 1
    np.testing.assert_allclose(left @ right, expected, rtol=0, atol=1e-13)


def overlap(first: np.ndarray, second: np.ndarray, species, weights, width: float) -> float:
    """∫ dR |Σ_s ∫ ρ_s(r) ρ'_s(R r) d³r|² with densities of Gaussians, by quadrature over rotations."""
    cosines, shares = np.polynomial.legendre.leggauss(20)
    angles = 2 * np.pi * np.arange(40) / 40
    total = 0.0
    for cosine, share in zip(cosines, shares, strict=True):
        euler = [(a, np.arccos(cosine), c) for a in angles for c in angles]
        turned = np.einsum("rxy,jy->rjx", Rotation.from_euler("zyz", euler).as_matrix(), second)
        squares = np.sum((first[None, :, None] - turned[:, None]) ** 2, axis=-1)
        same = (species[0][:, None] == species[1]) * np.outer(*weights)
        overlaps = np.sum(same * np.exp(-squares / (4 * width**2)), axis=(1, 2))
        total += share * np.mean(overlaps**2) / 2
    return total


def test_the_kernel_is_the_overlap_of_smeared_densities_over_all_rotations():
    """Of atoms with one, two and four neighbours of two species; what is missing is that the basis is finite."""
    width, cutoff = 0.8, 5.0
    soap = SOAP.init(("Si", "C"), cutoff=cutoff, width=width, degree=10, radial=10)
    rng = np.random.default_rng(0)
    found, seen = [], []
    for count in (1, 2, 4):
        u = rng.standard_normal((count, 3))
        r = np.append(0.0, rng.uniform(1.2, 2.2, count))
        x = r[:, None] * np.concatenate([u[:1], u / np.linalg.norm(u, axis=1)[:, None]])
        numbers = np.array([14, *np.where(np.arange(count) % 2, 14, 6)])
        system = System(x, 60 * np.eye(3), numbers, np.full(len(x), 20.0))
        near = graph(system, Neighbors.allocate(system, cutoff))
        found.append(np.asarray(soap(near))[:, 0])
        seen.append((x, numbers, 1 - 28 * (r / cutoff) ** 6 + 48 * (r / cutoff) ** 7 - 21 * (r / cutoff) ** 8))

    def exact(a: int, b: int) -> float:
        (x, kinds, f), (y, others, g) = seen[a], seen[b]
        return overlap(x, y, (kinds, others), (f, g), width)

    for a, b in ((0, 1), (0, 2), (1, 2)):
        expected = exact(a, b) / np.sqrt(exact(a, a) * exact(b, b))
        assert expected < 0.98
        assert found[a] @ found[b] == pytest.approx(expected, abs=1e-5)


def test_points_are_those_that_the_others_tell_least_of():
    """Against the variance of a Gaussian process, worked out anew each time."""
    rows = np.random.default_rng(0).standard_normal((30, 6))
    kernel = lambda left, right: (left @ right.T) ** 2  # noqa: E731
    chosen = pivots(rows, kernel, 12)
    known: list[int] = []
    for pivot in chosen:
        near = kernel(rows, rows[known])
        told = near @ np.linalg.solve(kernel(rows[known], rows[known]), near.T) if known else np.zeros((30, 30))
        assert pivot == np.argmax(np.diag(kernel(rows, rows) - told))
        known.append(pivot)
    assert len(pivots(rows, kernel, 30)) == 6 * 7 // 2  # squares of six numbers have so many functions
    assert len(pivots(rows[:0], kernel, 3)) == 0


def test_a_data_set_gives_sparse_points_of_each_species():
    data = unlabelled([rattled(layered("Si", "C", 4.8), 0.1, seed) for seed in range(2)])
    found = standardised(TINY, data)
    lengths = np.linalg.norm(found.points, axis=-1)
    np.testing.assert_allclose(lengths[:, :4], 1.0, rtol=1e-12)  # as many as there are atoms
    np.testing.assert_array_equal(lengths[:, 4], 0.0)
    root = found.prior["coefficients"]
    kernels = np.asarray(found.kernel(found.points, found.points))
    for kind, rows in enumerate((slice(0, 5), slice(5, 10))):
        np.testing.assert_allclose((root.T @ root)[rows, rows], kernels[kind], rtol=0, atol=1e-12)
    np.testing.assert_array_equal((root.T @ root)[:5, 5:], 0.0)
    assert relabelled(found, data)[0].energy == 0.0


def test_bad_gaussian_processes_are_refused():
    with pytest.raises(ValueError, match=r"delta must be positive, got -1\.0 eV"):
        GAP.init(("Si",), delta=-1.0)
    with pytest.raises(ValueError, match="zeta must be at least 1, got 0"):
        GAP.init(("Si",), zeta=0)
    with pytest.raises(ValueError, match="at least one sparse point, got 0"):
        GAP.init(("Si",), points=0)
    with pytest.raises(ValueError, match=r"1 to 12 radial functions: got 0\.5 Å, 6 and 20"):
        GAP.init(("Si",), radial=20)
    with pytest.raises(ValueError, match="cutoff must be positive, got -1"):
        GAP.init(("Si",), cutoff=-1.0)
    with pytest.raises(ValueError, match=r"points of 2 species must be \(2, 5, 144\), got \(2, 4, 144\)"):
        dataclasses.replace(TINY, points=TINY.points[:, :4])
    with pytest.raises(ValueError, match="choose them from data by standardised"):
        _ = TINY.prior
