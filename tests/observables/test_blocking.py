"""Errors of averages over series whose memory is known."""

import jax.numpy as jnp
import numpy as np
import pytest

from diffsim.fields import constant
from diffsim.observables import AbstractObservable, AbstractStatic, standard_error
from diffsim.observables.blocking import error_of_mean, independent_frames


def remembering(n: int, memory: float, series: int, seed: int = 0) -> np.ndarray:
    """AR(1): x ← φ x + √(1 − φ²) ξ, mean 0, variance 1, inefficiency (1 + φ)/(1 − φ), along the first axis."""
    rng = np.random.default_rng(seed)
    noise = rng.standard_normal((n, series))
    x = np.empty_like(noise)
    x[0] = noise[0]
    for t in range(1, n):
        x[t] = memory * x[t - 1] + np.sqrt(1 - memory**2) * noise[t]
    return x


@pytest.mark.parametrize("memory", [0.0, 0.8, 0.95])
@pytest.mark.parametrize("n", [5000])
def test_error_bars_hold_the_mean_as_often_as_they_say(memory, n):
    series = remembering(n, memory, series=500)
    error = error_of_mean(series)
    exact = np.sqrt((1 + memory) / (1 - memory) / n)
    assert np.median(error) == pytest.approx(exact, rel=0.1)  # few blocks are left where memory is long
    covered = np.mean(np.abs(series.mean(axis=0)) < 2 * error)
    assert 0.90 < covered < 0.98  # 0.954 for a known error, less for an estimated one; 0.01 of statistics


def test_independent_frames_are_counted():
    series = remembering(2**14, 0.9, series=200, seed=1)
    assert np.median(independent_frames(series)) == pytest.approx(2**14 / 19, rel=0.1)
    assert independent_frames(np.ones(100)) == 100


class Variance(AbstractObservable):
    unit: str = constant(default="")

    @property
    def labels(self):
        return ("variance",)

    def record(self, potential, state):
        raise NotImplementedError

    def estimate(self, records, weights):
        return weights @ (records - weights @ records) ** 2


class Mean(AbstractStatic):
    unit: str = constant(default="")

    @property
    def labels(self):
        return ("mean",)

    def record(self, potential, state):
        raise NotImplementedError


def test_the_error_of_a_fluctuation_covers_it():
    """cov(x²(0), x²(t)) = 2 ρ(t)²: the inefficiency of a variance is (1 + φ²)/(1 − φ²)."""
    series = jnp.asarray(remembering(4096, 0.8, series=100, seed=2))
    errors = np.array([standard_error(Variance(), x) for x in series.T])
    exact = np.sqrt(2 * (1 + 0.64) / (1 - 0.64) / 4096)
    assert np.median(errors) == pytest.approx(exact, rel=0.15)
    covered = np.mean(np.abs(np.var(series, axis=0) - 1) < 2 * errors)
    assert covered > 0.86  # 0.954, less 4 errors of statistics


def test_weights_count_in_the_error():
    rng = np.random.default_rng(0)
    x = jnp.asarray(rng.standard_normal(4096))
    half = jnp.where(jnp.arange(4096) % 2 == 0, 2 / 4096, 0.0)
    assert standard_error(Mean(), x, half) / standard_error(Mean(), x) == pytest.approx(np.sqrt(2), rel=0.25)


def test_replicas_tell_their_error_by_their_spread():
    rng = np.random.default_rng(0)
    x = jnp.asarray(rng.standard_normal((400, 100)))
    assert standard_error(Mean(), x, replicas=True) == pytest.approx(1 / np.sqrt(400 * 100), rel=0.1)


def test_too_few_frames_are_refused():
    with pytest.raises(ValueError, match="at least 8 values, got 3"):
        error_of_mean(np.arange(3.0))
    with pytest.raises(ValueError, match="10 frames cannot be cut into 20 blocks"):
        standard_error(Mean(), jnp.arange(10.0), blocks=20)
    with pytest.raises(ValueError, match="at least 2 of them, got 1"):
        standard_error(Mean(), jnp.zeros((1, 5)), replicas=True)
