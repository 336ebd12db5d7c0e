"""Lines behind a window: of exact spectra, and of noise that is damped at a known rate."""

import jax.numpy as jnp
import numpy as np
import pytest

from diffsim import units
from diffsim.observables.correlation import spectrum
from diffsim.observables.lines import damped_line
from diffsim.solid.phonons import phonons_of
from diffsim.solid.waves import Wave

DT, LAGS = 0.1, 400  # ps, frames
AT = np.arange(0.6, 1.4, 0.01)  # THz


@pytest.mark.parametrize("window", ["hann", "rectangular"])
@pytest.mark.parametrize("width", [0.005, 0.03, 0.2])  # THz; the window's own is 0.025
def test_a_line_is_found_as_it_was_made(window, width):
    """Frequency and width, the window's taken out; a Lorentzian would be several times too wide."""
    time = DT * np.arange(LAGS)
    correlation = 2.5 * np.exp(-np.pi * width * time) * np.cos(2 * np.pi * 1.03 * time)
    seen = np.asarray(spectrum(jnp.asarray(correlation)[None], jnp.asarray(DT * units.ps), jnp.asarray(AT), window))[0]
    found = damped_line(AT, seen, DT, LAGS, window)
    np.testing.assert_allclose(found, (1.03, width), rtol=1e-5)


def test_what_is_no_line_is_looked_for_within_bounds():
    """Spectra that a few frames leave: flat, falling from the first frequency, or one line of no width."""
    peak = np.where(AT[7] == AT, 1.0, 0.0)
    for seen in (np.ones_like(AT), np.exp(-5 * AT), peak, np.sin(9 * AT) ** 2 - 0.8):
        frequency, width = damped_line(AT, seen, DT, 3)
        assert AT[0] <= frequency <= AT[-1]
        assert 0.01 / (3 * DT) <= width <= 1 / DT


def test_phonons_of_damped_noise_have_their_lifetimes():
    """a(t + dt) = e^{(2πiν − πΓ)dt} a(t) + noise in both directions: two branches of one line and one of another."""
    rng, replicas, frames = np.random.default_rng(1), 16, 4000
    lines = np.array([[1.0, 0.04], [1.0, 0.04], [1.6, 0.1]])  # THz, ν and Γ
    keep = np.exp((2j * np.pi * lines[:, 0] - np.pi * lines[:, 1]) * DT)
    series = np.zeros((2, replicas, frames, 3), complex)
    noise = rng.standard_normal((2, 2, replicas, frames, 3))
    kick = np.sqrt(1 - np.abs(keep) ** 2)
    series[:, :, 0] = noise[0, :, :, 0] + 1j * noise[1, :, :, 0]
    for n in range(1, frames):
        series[:, :, n] = keep * series[:, :, n - 1] + kick * (noise[0, :, :, n] + 1j * noise[1, :, :, n])
    both = series[0] + series[1].conj()  # waves that go forth and back
    wave = Wave((0.5, 0.0, 0.5), [0.2], "X")
    slow, fast = phonons_of(wave, np.array([0.99, 0.99, 1.55]), jnp.asarray(both), DT, 600)
    assert (slow.branches, fast.branches) == ([1, 2], [3])
    for phonon, (frequency, width) in ((slow, lines[0]), (fast, lines[2])):
        assert abs(phonon.frequency - frequency) < 4 * phonon.frequency_error
        assert abs(phonon.lifetime - 1 / (2 * np.pi * width)) < 4 * phonon.lifetime_error
        assert phonon.frequency_error < 0.004
        assert phonon.lifetime_error < 0.15 * phonon.lifetime


def test_modes_that_do_not_vibrate_have_no_line():
    wave = Wave((0.5, 0.0, 0.5), [0.2], "X")
    series = jnp.ones((2, 100, 3), complex)
    assert phonons_of(wave, np.array([-1.0, -0.5, 0.9 / (30 * DT)]), series, DT, 30) == []
