"""Lattice dynamics behind a window against cold trajectories."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from ase.build import bulk

from diffsim import (
    HarmonicDensityOfStates,
    Schedule,
    State,
    StillingerWeber,
    System,
    VelocityVerlet,
    VibrationalDensityOfStates,
    simulate,
    standard_error,
    units,
)
from diffsim.mechanics import neighbors_of
from diffsim.system import stack

SW = StillingerWeber.silicon()
CUBE = System.from_ase(bulk("Si", a=5.431, cubic=True))
LAGS, SPACING = 50, 10 * units.fs
REST = State(CUBE, neighbors_of(SW, CUBE, None))


def test_every_mode_is_counted_but_translations():
    fine = np.arange(0.05, 30.0, 0.1)
    for repeats, modes in (((1, 1, 1), 21), ((2, 2, 2), 189)):
        density = HarmonicDensityOfStates(fine, SPACING, repeats, LAGS).record(SW, REST)
        assert float(density.sum()) * 0.1 == pytest.approx(modes, rel=1e-3)  # tails of the window beyond 30 THz


@pytest.mark.slow
def test_a_cold_trajectory_shows_the_same():
    """24 replicas of eight atoms at 1 K over 3 ps; frames that begin after 0.4 ps, so that springs have their half."""
    at = np.arange(3.0, 19.0)
    expected = HarmonicDensityOfStates(at, SPACING, (1, 1, 1), LAGS).record(SW, REST)
    verlet, seen = VelocityVerlet(2 * units.fs), VibrationalDensityOfStates(frequencies=at, lags=LAGS)
    state = stack([verlet.init(SW, CUBE, key, 2.0) for key in jax.random.split(jax.random.key(0), 24)])
    records, _ = simulate(SW, verlet, state, Schedule(300, 5, equilibration=200), seen.record)
    uniform = jnp.full(300, 1 / 300)
    found = np.mean([seen.estimate(jax.tree.map(lambda x, m=m: x[m], records), uniform)[0] for m in range(24)], axis=0)
    error = standard_error(seen, records, replicas=True)[0]
    # the energy of a mode is exponentially distributed, so 24 of them are known to a fifth
    assert np.abs(error).max() < 0.2 * expected.max()
    assert np.all(np.abs(found - expected) < 4 * error + 0.02 * expected.max())


def test_its_derivative_is_a_difference():
    density = HarmonicDensityOfStates(np.arange(2.0, 18.0), SPACING, (2, 2, 2), LAGS)
    loads = jax.random.normal(jax.random.key(0), (16,))
    loss = jax.jit(lambda lam: jnp.sum(loads * density.record(eqx.tree_at(lambda p: p.lam, SW, lam), REST)))
    slope, step = float(jax.grad(loss)(SW.lam)), 1e-3
    at = lambda n: float(loss(SW.lam + n * step))  # noqa: E731
    expected = (8 * (at(1) - at(-1)) - (at(2) - at(-2))) / (12 * step)  # fourth order: 1e-9
    assert slope == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize(("change", "sentence"), [({"lags": 1}, "at least 2"), ({"dt": 0.0}, "dt must be positive")])
def test_what_makes_no_sense_is_refused(change, sentence):
    with pytest.raises(ValueError, match=sentence):
        HarmonicDensityOfStates(**({"frequencies": [1.0], "repeats": (1, 1, 1), "dt": SPACING, "lags": 5} | change))
