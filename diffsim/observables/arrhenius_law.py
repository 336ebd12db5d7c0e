"""Prefactor and barrier from counted events at several temperatures."""

from typing import NamedTuple

import numpy as np

from diffsim import units
from diffsim.fields import ArrayLike

_STEPS = 100


class Arrhenius(NamedTuple):
    """Γ = ν exp(−E/kT), with standard errors; their correlation is close to 1."""

    prefactor: float  # ν, THz where times are in ps
    barrier: float  # E, eV
    log_prefactor_error: float  # of ln ν
    barrier_error: float  # eV
    correlation: float  # of ln ν and E
    deviance: float  # 2 Σ [n ln(n/n̂) − n + n̂]: χ² with as many degrees of freedom as temperatures beyond two

    def rate(self, temperature: float) -> tuple[float, float]:
        """Γ at a temperature in K, and the standard error of ln Γ."""
        beta = 1 / (units.kB * temperature)
        cross = self.correlation * self.log_prefactor_error * self.barrier_error
        variance = self.log_prefactor_error**2 - 2 * beta * cross + (beta * self.barrier_error) ** 2
        return float(self.prefactor * np.exp(-beta * self.barrier)), float(np.sqrt(max(variance, 0.0)))


def arrhenius(temperatures: ArrayLike, events: ArrayLike, times: ArrayLike) -> Arrhenius:
    """The most likely ν and E where n events in a time t are Poisson numbers of mean n̂ = t ν exp(−E/kT).

    ln L = Σ n ln n̂ − n̂ is concave in (ln ν, E), so Newton's method finds its maximum; errors are those of Fisher's
    matrix Σ n̂ (1, −β)(1, −β)ᵀ, β = 1/kT. Temperatures without an event count too. `times` in ps.

    **Raises** `ValueError` without events at two temperatures, and for temperatures or times that are not positive.
    """
    T, n, t = (np.asarray(given, float) for given in (temperatures, events, times))
    if not (T.shape == n.shape == t.shape and (T > 0).all() and (t > 0).all()):
        raise ValueError("an Arrhenius fit needs a positive temperature and a positive time for each number of events")
    if len(np.unique(T[n > 0])) < 2:
        raise ValueError("an Arrhenius fit needs events at two temperatures at least: run longer, or hotter")
    beta = 1 / (units.kB * T)
    middle, spread = np.average(beta, weights=n), np.ptp(beta)
    x = np.stack([np.ones_like(T), -(beta - middle) / spread], axis=1)  # well conditioned
    slope, height = np.polyfit(x[n > 0, 1], np.log(n / t, where=n > 0, out=np.zeros_like(n))[n > 0], 1)
    theta = np.array([height, slope])
    for _ in range(_STEPS):
        expected = t * np.exp(x @ theta)
        step = np.linalg.solve(x.T @ (expected[:, None] * x), x.T @ (n - expected))
        theta = theta + step / max(1.0, float(np.abs(step).max()))
        if np.abs(step).max() < 1e-12:
            break
    expected = t * np.exp(x @ theta)
    covariance = np.linalg.inv(x.T @ (expected[:, None] * x))
    back = np.array([[1.0, middle / spread], [0.0, 1 / spread]])  # ln ν = height + E middle
    (log_nu, barrier), covariance = back @ theta, back @ covariance @ back.T
    log_error, error = (float(one) for one in np.sqrt(np.diag(covariance)))
    logs = np.log(n / expected, where=n > 0, out=np.zeros_like(n))
    deviance = float(2 * np.sum(n * logs - n + expected))
    correlation = float(covariance[0, 1] / (log_error * error))
    return Arrhenius(float(np.exp(log_nu)), float(barrier), log_error, error, correlation, deviance)
