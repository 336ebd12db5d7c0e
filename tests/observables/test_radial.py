"""g(r) against histograms made by hand, ideal gases, larger cells and differences."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.neighborlist import neighbor_list
from helpers import rattled

from diffsim import RadialDistribution, System
from tests.helpers import differences

CENTERS = np.arange(0.05, 7.0, 0.1)
TRICLINIC = rattled(bulk("NaCl", "zincblende", a=5.4), 0.1, strain=0.1)  # 2 atoms: many images within 7 Å


def ideal_gas(atoms: int, edge: float, seed: int = 0) -> System:
    rng = np.random.default_rng(seed)
    cell = edge * (np.eye(3) + 0.2 * rng.uniform(-1, 1, (3, 3)))
    return System.from_ase(Atoms("Ar" * atoms, rng.uniform(-1, 2, (atoms, 3)) @ cell, cell=cell, pbc=True))


def histogram(system: System, first: str, second: str) -> np.ndarray:
    """With ASE's neighbours, hard bins and the volume of their shells."""
    atoms = system.to_ase()
    i, j, r = neighbor_list("ijd", atoms, CENTERS[-1] + 0.05)
    of = lambda symbol: np.array(atoms.symbols) == symbol  # noqa: E731
    chosen = of(first)[i] & of(second)[j]
    edges = np.append(CENTERS - 0.05, CENTERS[-1] + 0.05)
    shells = 4 * np.pi / 3 * np.diff(edges**3)
    return np.histogram(r[chosen], edges)[0] * atoms.get_volume() / (of(first).sum() * of(second).sum() * shells)


@pytest.mark.parametrize("system", [TRICLINIC, ideal_gas(30, 16.0)], ids=["tiny", "gas"])
def test_a_narrow_gaussian_gives_the_histogram(system):
    symbols = sorted(set(system.to_ase().symbols))
    g = RadialDistribution.of(system, CENTERS, 1e-7, [f"{a}-{b}" for a in symbols for b in symbols])
    expected = [histogram(system, a, b) for a in symbols for b in symbols]
    np.testing.assert_allclose(g(system), expected, rtol=0, atol=1e-9 * np.max(expected))


def test_the_nearest_image_is_enough_for_half_the_cell():
    gas = ideal_gas(30, 20.0)
    near = RadialDistribution(CENTERS[:40])
    far = RadialDistribution(CENTERS[:40], images=(1, 1, 1))
    np.testing.assert_allclose(near(gas), far(gas), rtol=1e-12)
    with pytest.raises(ValueError, match=r"g\(r\) up to 7\.6 Å needs images further than the \d\.\d+ Å"):
        RadialDistribution(CENTERS)(TRICLINIC)
    assert np.isnan(eqx.filter_jit(RadialDistribution(CENTERS))(TRICLINIC)).all()


def test_g_does_not_depend_on_how_often_the_cell_is_repeated():
    twice = TRICLINIC.supercell((2, 1, 2))
    names = ("total", "Na-Cl", "Cl-Cl")
    small, large = (RadialDistribution.of(one, CENTERS, pairs=names)(one) for one in (TRICLINIC, twice))
    np.testing.assert_allclose(small, large, rtol=1e-9, atol=1e-12)


def test_an_ideal_gas_has_one_in_every_bin_at_any_width():
    """600 frames of 30 atoms: mean 1 − 1/N, spread of a bin with n pairs 1/√(n/2), each pair being seen twice."""
    g = RadialDistribution(CENTERS[:40], 0.3)
    gas = ideal_gas(30, 20.0)
    frame = lambda key: gas.replace(positions=jax.random.uniform(key, (30, 3)) @ gas.cell)  # noqa: E731
    keys = jax.random.split(jax.random.key(0), 600)
    frames = jax.jit(jax.vmap(lambda key: g(frame(key))[0]))(keys)
    mean, error = frames.mean(0), frames.std(0, ddof=1) / np.sqrt(600)
    chi2 = np.sum(((mean - (1 - 1 / 30)) / error) ** 2) / 40
    assert np.all(np.abs(mean - (1 - 1 / 30)) < 4.5 * error)
    assert chi2 < 2  # bins are correlated by the width: 40 / 7 of them independent
    assert error[-1] < 0.02


def test_collapsed_atoms_have_finite_g_and_slopes():
    stacked = TRICLINIC.replace(positions=jnp.zeros((2, 3)))
    g = RadialDistribution.of(TRICLINIC, CENTERS)
    value, slope = jax.value_and_grad(lambda x: jnp.sum(g(stacked.replace(positions=x)) ** 2))(stacked.positions)
    assert np.isfinite(value)
    assert np.isfinite(slope).all()


def test_derivatives_by_positions_and_cell_are_differences_in_both_modes():
    g = RadialDistribution.of(TRICLINIC, np.arange(0.1, 6.0, 0.2), 0.15, ("total", "Na-Na"))
    loads = jnp.asarray(np.random.default_rng(0).standard_normal((2, len(g.centers))))

    def loss(z):
        moved = TRICLINIC.replace(positions=z[:6].reshape(2, 3), cell=z[6:].reshape(3, 3))
        return jnp.sum(loads * g(moved))

    at = jnp.concatenate([TRICLINIC.positions.reshape(-1), TRICLINIC.cell.reshape(-1)])
    reverse, forward = jax.jit(jax.grad(loss))(at), jax.jit(jax.jacfwd(loss))(at)
    np.testing.assert_allclose(reverse, forward, rtol=1e-10, atol=1e-10)
    expected = differences(jax.jit(loss), at, 1e-3)
    # fourth order at 1e-3 of widths of 0.15 Å: 1e-8; tails are cut at 2e-9 of a pair
    np.testing.assert_allclose(reverse, expected, rtol=1e-5, atol=1e-5 * np.abs(expected).max())


def test_the_width_has_a_derivative_too():
    g = RadialDistribution.of(TRICLINIC, CENTERS, 0.2)
    wider = lambda w: eqx.tree_at(lambda one: one.width, g, w)  # noqa: E731
    slope = jax.grad(lambda w: jnp.sum(wider(w)(TRICLINIC)[0, 20:40] ** 2))(g.width)
    assert np.isfinite(slope)
    assert slope < 0  # peaks get lower as they get wider


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"centers": [1.0]}, "at least two ascending numbers"),
        ({"centers": [0.0, 0.1]}, "must not begin below zero"),
        ({"centers": CENTERS, "width": 0.0}, "width of the Gaussian must be positive"),
        ({"centers": CENTERS, "pairs": ["Si"]}, "2 chemical symbols joined by hyphens, got 'Si'"),
        ({"centers": CENTERS, "pairs": ["Si-Xy"]}, "unknown chemical symbol 'Xy'"),
    ],
)
def test_what_makes_no_sense_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        RadialDistribution(**arguments)
