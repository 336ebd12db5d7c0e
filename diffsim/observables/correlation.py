"""Correlations in time, by fast Fourier transforms, and their spectra."""

from typing import Any, Literal

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from diffsim import units
from diffsim.fields import concrete

Window = Literal["hann", "rectangular"]
_UNEVEN = 1e-3  # of the time between frames
_STEPS = 100  # of the clock between two frames, each of them rounded


def spacing(time: Float[Array, " frames"], weights: Float[Array, " frames"], lags: int) -> Float[Array, ""]:
    """The time between frames, in Å √(amu/eV).

    **Raises** `ValueError` for fewer frames than lags and, outside of `jit`, where frames are not equally far apart or
    not alike in weight: then they say nothing of how anything moves.
    """
    if len(time) < max(lags, 2):
        raise ValueError(
            f"{lags} lags need more than the {len(time)} frames there are: record more, or take fewer lags"
        )
    at, share = concrete(time), concrete(weights)
    if at is not None and np.ptp(np.diff(at)) > _UNEVEN * np.abs(np.diff(at)).max() + _rounding(at):
        raise ValueError("a time correlation needs frames that are equally far apart in time: take those of one run")
    if share is not None and np.ptp(share) > 1e-6 * np.abs(share).max():
        raise ValueError("a time correlation cannot be reweighted: its frames must all have the same weight")
    return (time[-1] - time[0]) / (len(time) - 1)


def _rounding(time: np.ndarray) -> float:
    """How much longer than another a stretch between frames may seem on a clock that adds up steps."""
    return _STEPS * float(np.finfo(time.dtype).eps) * float(np.abs(time).max())


def autocorrelation(series: Any, shares: Float[Array, "kinds columns"], lags: int) -> Float[Array, "kinds lags"]:
    """Σ_c share_c Re ⟨a_c(t₀)* a_c(t₀ + t)⟩ for a series a [frames columns], over all origins t₀ of each lag.

    By the Wiener–Khinchin theorem, with zeros behind the series so that its end does not meet its start.
    """
    frames = len(series)
    length = 1 << int(np.ceil(np.log2(frames + lags)))
    waves = jnp.fft.fft(series, length, axis=0)
    power = jnp.real(waves * waves.conj()) @ shares.T
    sums = jnp.real(jnp.fft.ifft(power, axis=0))[:lags].T
    return sums / (frames - jnp.arange(lags))


def spectrum(
    correlation: Float[Array, "kinds lags"], dt: Float[Array, ""], frequencies: Float[Array, " points"], window: Window
) -> Float[Array, "kinds points"]:
    """S(ν) = 2 ∫ C(t) w(t) cos(2πνt) dt over positive and negative times, ν in THz; ∫ S dν = C(0) over ν > 0.

    Windows: "hann", w = cos²(πt/2L), which widens a line to about 1/L, L the longest lag; "rectangular", w = 1,
    sharper, with side lobes.
    """
    lags = correlation.shape[1]
    number = jnp.arange(lags)
    taper = jnp.cos(0.5 * jnp.pi * number / lags) ** 2 if window == "hann" else jnp.ones(lags)
    both = jnp.where(number == 0, 1.0, 2.0) * taper
    step = dt / units.ps
    waves = jnp.cos(2 * jnp.pi * step * number[:, None] * frequencies)
    return 2 * step * (correlation * both) @ waves


def check_lags(lags: Any, least: int = 1) -> None:
    """Refuses a number of lags that is not an integer of at least so many."""
    if not (isinstance(lags, int) and lags >= least):
        raise ValueError(f"the number of lags must be an integer of at least {least}, got {lags!r}")


def check_window(window: str) -> None:
    """Refuses unknown windows."""
    if window not in ("hann", "rectangular"):
        raise ValueError(f"window must be 'hann' or 'rectangular', got {window!r}")
