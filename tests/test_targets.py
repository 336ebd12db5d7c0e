"""Residuals that saturate."""

import jax
import numpy as np
import pytest

from diffsim import LatticeConstant, Target
from diffsim.uncertainty import Component


def target(bound: float | None) -> Target:
    return Target(LatticeConstant(), reference=5.0, scale=0.1, weight=4.0, bound=bound)


def test_a_small_deviation_counts_as_itself_and_a_large_one_as_the_bound():
    free, held = target(None), target(3.0)
    assert float(held.residuals(np.array(5.001))[0]) == pytest.approx(
        float(free.residuals(np.array(5.001))[0]), rel=1e-4
    )
    assert float(held.residuals(np.array(5000.0))[0]) == pytest.approx(2 * 3.0, rel=1e-6)  # √w times the bound
    assert float(held.residuals(np.array(-5000.0))[0]) == pytest.approx(-2 * 3.0, rel=1e-6)


@pytest.mark.parametrize("bound", [None, 3.0])
def test_the_local_model_knows_residual_and_slope(bound):
    """What errors and sentences are made of is what the optimizer saw."""
    at = 5.27
    component = Component("x", "a", "a", "Å", 5.0, 0.1, 4.0, at, np.ones(1), bound)
    of = lambda x: target(bound).residuals(x)[0]  # noqa: E731
    assert component.residual == pytest.approx(float(of(np.array(at))), rel=1e-6)
    assert component.steepness == pytest.approx(float(jax.grad(of)(at)), rel=1e-5)


def test_a_bound_must_be_positive():
    with pytest.raises(ValueError, match=r"bound of LatticeConstant must be positive, got 0\.0 scales"):
        target(0.0)
