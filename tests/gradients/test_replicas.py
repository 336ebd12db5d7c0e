"""Several trajectories of a small cell, which move together, in a compiled gradient as fits have it."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from diffsim import (
    Backprop,
    Experiment,
    Neighbors,
    RadialDistribution,
    Reversible,
    Schedule,
    Target,
    Truncated,
    VelocityVerlet,
    units,
)
from diffsim.fit import problem_of
from diffsim.optimizers.problem import slope
from tests.fits import ARGON, START

NAMES = ["epsilon", "sigma"]
CELL = ARGON.supercell((2, 1, 1))


def liquid(gradient, replicas: int) -> Experiment:
    distances = np.arange(3.0, 4.6, 0.2)
    target = Target(RadialDistribution.of(CELL, distances, 0.1), np.ones((1, len(distances))), 0.1)
    schedule = Schedule(frames=2, stride=5)
    dynamics = VelocityVerlet(2 * units.fs)
    return Experiment(CELL, {"rdf": target}, gradient, dynamics, schedule, temperature=60.0, replicas=replicas)


@pytest.mark.parametrize("gradient", [Reversible(), Backprop(), Truncated(window=100)], ids=lambda g: type(g).__name__)
def test_the_gradient_of_a_fit_over_replicas_is_a_central_difference(gradient):
    problem = problem_of(START, {"": liquid(gradient, 2)}, NAMES)
    free = problem.parametrization.start
    found, _ = slope(problem, free)
    loss = eqx.filter_jit(lambda problem, free: problem.loss(free)[0])
    h = 1e-5
    for number, one in enumerate(np.eye(2)):
        up, down = (float(loss(problem, free + sign * h * jnp.asarray(one))) for sign in (1, -1))
        np.testing.assert_allclose(found[number], (up - down) / (2 * h), rtol=1e-5)


def test_forces_of_a_batch_with_numbers_of_their_own_are_differentiated_backwards():
    """What is computed once stays a branch for all of the batch."""
    from diffsim.data.batching import batch
    from diffsim.mechanics import total_forces

    moved = [CELL.replace(positions=CELL.positions.at[0, 0].add(x)) for x in (0.1, 0.2)]
    systems, neighbors = batch(moved, 6.0)
    square = lambda potential, s, n: jnp.sum(total_forces(potential, s, n) ** 2)  # noqa: E731
    together = lambda potential: jnp.sum(jax.vmap(square, (None, 0, 0))(potential, systems, neighbors))  # noqa: E731
    found = eqx.filter_jit(eqx.filter_grad(together))(START)
    alone = [eqx.filter_grad(square)(START, s, Neighbors.allocate(s, 6.0)) for s in moved]
    np.testing.assert_allclose(found.sigma, sum(one.sigma for one in alone), rtol=1e-10)
