"""Frequency and lifetime of single phonons from their amplitudes in a trajectory."""

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Complex, Float

from diffsim import units
from diffsim.observables.correlation import autocorrelation, spectrum
from diffsim.observables.lines import damped_line
from diffsim.solid.waves import Wave

_SPREAD = 0.35  # of a line's frequency: how far from it at rest a line is looked for
_DEGENERATE = 1e-3  # relative


class Phonon(NamedTuple):
    """A branch, or several of the same frequency, at one wave vector; errors by leaving out one replica at a time."""

    wave: str
    places: list[float]  # 1/Å along the path
    branches: list[int]  # from 1
    at_rest: float  # THz
    frequency: float  # THz
    frequency_error: float
    lifetime: float  # ps
    lifetime_error: float


def phonons_of(
    wave: Wave,
    at_rest: Float[np.ndarray, " modes"],
    series: Complex[Array, "replicas frames modes"],
    dt: float,
    lags: int,
) -> list[Phonon]:
    """Frequency and lifetime of each branch of one wave from its amplitudes, `dt` ps apart.

    A branch that is unstable at rest, or goes through less than one period within the longest lag, is left out.
    """
    eye = jnp.eye(len(at_rest))
    correlations = np.stack([np.asarray(autocorrelation(one, eye, lags)) for one in series])
    found = []
    for group in _degenerate(at_rest):
        middle = float(at_rest[group].mean())
        if not middle * lags * dt > 1:
            continue
        grid = np.arange((1 - _SPREAD) * middle, (1 + _SPREAD) * middle, 0.25 / (lags * dt))
        together = jnp.asarray(correlations[:, group].mean(axis=1))
        spectra = np.asarray(spectrum(together, jnp.asarray(dt * units.ps), jnp.asarray(grid), "hann"))
        frequency, width = damped_line(grid, spectra.mean(axis=0), dt, lags)
        without = [damped_line(grid, np.delete(spectra, m, axis=0).mean(axis=0), dt, lags) for m in range(len(spectra))]
        frequencies, widths = np.array(without).T
        count = len(spectra)
        error = lambda values: float(np.sqrt((count - 1) * np.var(values)))  # noqa: B023, E731
        lifetime = lambda width: 1 / (2 * np.pi * width)  # noqa: E731
        branches = [int(branch) + 1 for branch in group]
        told = (frequency, error(frequencies), lifetime(width), error(lifetime(widths)))
        found.append(Phonon(wave.name, wave.places, branches, middle, *told))
    return found


def _degenerate(frequencies: Float[np.ndarray, " modes"]) -> list[np.ndarray]:
    """Branches of the same frequency together, ascending."""
    cuts = np.flatnonzero(np.diff(frequencies) > _DEGENERATE * np.abs(frequencies).max()) + 1
    return np.split(np.arange(len(frequencies)), cuts)
