"""Tersoff's potential: silicon against its paper, bond orders, and refusals."""

import dataclasses
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from ase.build import bulk

import diffsim
from diffsim import System, units
from diffsim.potentials import Tersoff
from diffsim.potentials.tersoff import bond_order


def test_silicon_is_as_published():
    """a₀ = 5.432 Å and −4.63 eV/atom; half of the last digit of a₀ is 0.03 GPa at a bulk modulus of 98 GPa."""
    system = System.from_ase(bulk("Si", a=5.432))
    assert diffsim.energy(Tersoff.silicon(), system) / 2 == pytest.approx(-4.63, abs=5e-3)
    np.testing.assert_allclose(diffsim.stress(Tersoff.silicon(), system) / units.GPa, 0.0, atol=0.03)


def test_a_dimer_has_full_bonds():
    """ζ = 0: E = A exp(−λ₁r) − B exp(−λ₂r), and its slope; n < 1, whose power has no derivative there."""
    silicon = Tersoff.silicon()
    r = 2.3
    dimer = System([[0, 0, 0], [r, 0, 0]], jnp.zeros((3, 3)), [14, 14], [28.0, 28.0], pbc=False)
    repulsion, attraction = 1830.8 * math.exp(-2.4799 * r), 471.18 * math.exp(-1.7322 * r)
    assert diffsim.energy(silicon, dimer) == pytest.approx(repulsion - attraction, rel=1e-14)
    pull = 2.4799 * repulsion - 1.7322 * attraction
    np.testing.assert_allclose(diffsim.forces(silicon, dimer), [[-pull, 0, 0], [pull, 0, 0]], rtol=1e-13)


@pytest.mark.parametrize("n", [0.72751, 0.78734, 1.0, 22.956])
def test_bond_order_is_exact_and_smooth_down_to_zero(n: float):
    """Against the logarithm's series where (1 + xⁿ) rounds, and finite to third order everywhere."""
    x = np.concatenate([[0.0], np.logspace(-300, 10, 63)])
    small = x ** min(n, 1.0) < 1e-3
    expected = np.where(small, np.exp(-0.5 / n * np.log1p(x**n)), (1 + x**n) ** (-0.5 / n))
    np.testing.assert_allclose(bond_order(jnp.asarray(x)[None], jnp.asarray(n))[0], expected, rtol=1e-14)
    order = lambda x: bond_order(x[None, None], jnp.asarray(n))[0, 0]  # noqa: E731
    for derivative in (jax.grad(order), jax.grad(jax.grad(order)), jax.jacfwd(jax.jacfwd(jax.grad(order)))):
        assert np.isfinite(jax.vmap(derivative)(jnp.asarray(x))).all()


def test_bad_parameters_are_refused():
    silicon = Tersoff.silicon()
    with pytest.raises(ValueError, match="the exponent m must be 1 or 3, got 2"):
        dataclasses.replace(silicon, m=2)
    with pytest.raises(ValueError, match=r"D must lie between 0 and R = 2\.85 Å, got 3\.0 Å"):
        dataclasses.replace(silicon, D=3.0)
    with pytest.raises(ValueError, match=r"n of 1 species must be a scalar or have shape \(1, 1\), got \(2, 2\)"):
        dataclasses.replace(silicon, n=jnp.ones((2, 2)))
