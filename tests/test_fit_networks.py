"""Fits of networks to observables: thousands of free numbers, named by the parts that hold them."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import optimistix
import pytest

from diffsim import (
    ElasticConstants,
    Experiment,
    Implicit,
    LatticeConstant,
    LennardJones,
    SchNet,
    Sum,
    Target,
    fit,
    uncertainty,
)
from diffsim.fit import problem_of
from diffsim.optimizers.problem import slope, value
from diffsim.parametrization import Parametrization
from tests.fits import ARGON


def corrected(features: int = 4) -> Sum:
    """Argon, and what a small network adds to it."""
    network = SchNet.init(("Ar",), jax.random.key(3), cutoff=5.0, depth=2, features=features, radial=4)
    return Sum((LennardJones(epsilon=0.0104, sigma=3.40, cutoff=6.0, onset=5.0), network))


@pytest.fixture(scope="module")
def crystal() -> dict[str, Experiment]:
    targets = {
        "a": Target(LatticeConstant(4), 5.20, 0.01),
        "C": Target(ElasticConstants(("C11", "C12", "C44")), [4.0, 2.3, 2.2], 0.1),
    }
    return {"crystal": Experiment(ARGON, targets, Implicit(cell=True))}


def test_a_part_stands_for_everything_inside_of_it():
    potential = corrected()
    held = Parametrization.of(potential, ["parts.1"])
    assert all(name.startswith("parts.1.") for name in held.names)
    assert len(held.names) > 5
    assert len(held.start) == len(held.labels) == len(set(held.labels))
    assert held.labels[-1].startswith(held.names[-1])


def test_a_hundred_thousand_weights_are_named_by_arrays():
    network = SchNet.init(("Ar",), jax.random.key(0), cutoff=5.0, depth=2, features=128, radial=32)
    held = Parametrization.of(network)
    assert len(held.start) > 100_000
    np.testing.assert_allclose(held.free(network), held.start)
    assert len(jax.tree.leaves(held)) < 100  # no leaf, and no static number, for each weight


def test_gradient_of_observables_in_all_weights_of_a_network(crystal):
    problem = problem_of(corrected(), crystal, ["parts.1"])
    free = problem.parametrization.start
    gradient, outcome = slope(problem, free)
    assert float(outcome.loss) > 1.0
    direction = jnp.asarray(np.random.default_rng(0).standard_normal(len(free)))
    h = 1e-4
    up, down = (float(value(problem, free + sign * h * direction).loss) for sign in (1, -1))
    np.testing.assert_allclose(gradient @ direction, (up - down) / (2 * h), rtol=1e-5)


def test_a_network_is_fitted_to_observables(crystal):
    states = list(fit(corrected(), crystal, optax.adam(3e-3), steps=15, trainable=["parts.1"]))
    assert states[-1].losses[-1] < 0.3 * states[-1].losses[0]
    assert float(states[-1].potential.parts[0].sigma) == 3.40  # what was not named did not move


def test_least_squares_refuses_what_would_fill_the_memory(crystal):
    solver = optimistix.LevenbergMarquardt(rtol=1e-8, atol=1e-8)
    with pytest.raises(ValueError, match=r"a tangent for each of \d{4,} free numbers, more than 5000: use a method of"):
        next(fit(corrected(32), crystal, solver, steps=1))


def test_first_order_errors_are_refused_for_a_network(crystal):
    state = next(fit(corrected(8), crystal, optax.adam(1e-3), steps=1))
    with pytest.raises(ValueError, match=r"free numbers are too many for errors to first order"):
        uncertainty(corrected(8), crystal, state)
