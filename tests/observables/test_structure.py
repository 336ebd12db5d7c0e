"""S(q) of crystals and gases, against the Fourier transform of g(r), and differences."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from helpers import rattled

from diffsim import RadialDistribution, StructureFactor, System
from tests.helpers import differences

ROCK = rattled(bulk("NaCl", "rocksalt", a=5.6, cubic=True), 0.1, strain=0.05)


def test_a_crystal_has_its_bragg_peaks():
    """fcc in its cubic cell: N where h, k, l are all even or all odd, zero elsewhere."""
    system = System.from_ase(bulk("Ar", a=5.3, cubic=True))
    s = StructureFactor.of(system, 4.0, 1e-6)
    parity = np.asarray(s.indices) % 2
    allowed = (parity == parity[:, :1]).all(axis=1)
    expected = np.zeros(len(s.q))
    expected[np.asarray(s.shells)[allowed]] = 4.0
    np.testing.assert_allclose(s(system)[0], expected, atol=1e-12)


def test_every_wave_vector_is_there_once():
    """Half as many as lattice points in a sphere, of triclinic reciprocal cells too."""
    big = ROCK.supercell((2, 2, 2))
    s = StructureFactor.of(big, 5.0, 0.5)
    reciprocal = 2 * np.pi * np.linalg.inv(big.cell).T
    grid = np.indices((41,) * 3).reshape(3, -1).T - 20
    length = np.linalg.norm(grid @ reciprocal, axis=1)
    assert len(s.indices) == ((length <= 5.0).sum() - 1) / 2
    np.testing.assert_allclose(s.q, np.sort(s.q))


def test_partials_add_up_to_the_total():
    """N S = Σ_ab √(N_a N_b) S_ab."""
    s = StructureFactor.of(ROCK, 6.0, 0.3, ["total", "Na-Na", "Cl-Cl", "Na-Cl"])(ROCK)
    np.testing.assert_allclose(8 * s[0], 4 * s[1] + 4 * s[2] + 2 * 4 * s[3], rtol=1e-10, atol=1e-12)


def test_an_ideal_gas_scatters_by_one():
    cell = 12.0 * jnp.eye(3)
    gas = System.from_ase(Atoms("Ar" * 40, np.zeros((40, 3)), cell=cell, pbc=True))
    s = StructureFactor.of(gas, 4.0, 0.5)
    keys = jax.random.split(jax.random.key(0), 500)
    frames = jax.jit(jax.vmap(lambda k: s(gas.replace(positions=jax.random.uniform(k, (40, 3)) @ cell))[0]))(keys)
    error = frames.std(0, ddof=1) / np.sqrt(500)
    assert np.all(np.abs(frames.mean(0) - 1) < 4 * error)
    assert np.all(error[-3:] < 0.01)


def test_the_transform_of_g_gives_the_same():
    """S(q) − 1 = 4πρ/q ∫ r (g − g_far) sin qr dr, from pairs of molecules: two atoms at a fixed distance.

    A gas of dimers has S = 1 + sin(qd)/(qd) and g's peak at d; both are compared on the same frames.
    """
    edge, n, d = 16.0, 20, 1.5
    system = System.from_ase(Atoms("Ar" * 2 * n, np.zeros((2 * n, 3)), cell=[edge] * 3, pbc=True))

    def positions(key):
        where, direction = jax.random.split(key)
        first = jax.random.uniform(where, (n, 3)) * edge
        u = jax.random.normal(direction, (n, 3))
        return jnp.concatenate([first, first + d * u / jnp.linalg.norm(u, axis=1)[:, None]])

    s = StructureFactor.of(system, 5.0, 0.4)
    centers = jnp.arange(0.025, edge / 2 - 0.5, 0.05)
    g = RadialDistribution(centers, 0.05)
    keys = jax.random.split(jax.random.key(1), 400)
    both = lambda key: (s(system.replace(positions=positions(key)))[0], g(system.replace(positions=positions(key)))[0])  # noqa: E731
    waves, pairs = jax.jit(lambda keys: jax.lax.map(both, keys))(keys)
    waves, pairs = np.mean(np.asarray(waves), axis=0), np.mean(np.asarray(pairs), axis=0)
    q = np.asarray(s.q)
    rest = pairs - np.mean(pairs[60:])
    rest[60:] = 0.0  # beyond the molecule only noise
    damped = np.exp(-0.5 * (q * 0.05) ** 2)  # by g's Gaussian
    r = np.asarray(centers)
    transformed = 1 + 4 * np.pi * (2 * n / edge**3) * np.sum(r * rest * np.sin(np.outer(q, r)), axis=1) * 0.05 / q
    # noise of S: 1/√(frames × waves), 1 % where shells are largest; shells are 0.4 wide: their mean q stands for all
    assert np.abs(waves - (1 + np.sin(q * d) / (q * d)))[3:].max() < 0.03
    assert np.abs(transformed - (1 + damped * np.sin(q * d) / (q * d)))[3:].max() < 0.03
    assert np.abs(transformed - waves)[3:].max() < 0.04


def test_derivatives_are_differences_in_both_modes():
    s = StructureFactor.of(ROCK, 4.0, 0.3, ["total", "Na-Cl"])
    loads = jnp.asarray(np.random.default_rng(0).standard_normal((2, len(s.q))))

    def loss(z):
        moved = ROCK.replace(positions=z[:24].reshape(8, 3), cell=z[24:].reshape(3, 3))
        return jnp.sum(loads * s(moved))

    at = jnp.concatenate([ROCK.positions.reshape(-1), ROCK.cell.reshape(-1)])
    reverse, forward = jax.jit(jax.grad(loss))(at), jax.jit(jax.jacfwd(loss))(at)
    np.testing.assert_allclose(reverse, forward, rtol=1e-9, atol=1e-10)
    np.testing.assert_allclose(reverse, differences(jax.jit(loss), at, 1e-3), rtol=1e-7, atol=1e-6)


def test_a_cell_without_such_short_waves_is_refused():
    with pytest.raises(ValueError, match=r"no wave vector of the cell is shorter than 0\.5 1/Å"):
        StructureFactor.of(ROCK, 0.5, 0.1)
