"""Weights that turn averages over a classical melt into averages of PBE, and how many snapshots are left with them."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from diffsim import units
from experiments.silicon_melt_pbe.melts import TEMPERATURE

BETA = 1 / (units.kB * TEMPERATURE)  # 1/eV


class Weighted(NamedTuple):
    """What one step of free-energy perturbation gives (Zwanzig, doi:10.1063/1.1740409).

    w_k ∝ exp(−β [F(x_k) − U(x_k)]),   N_eff = (Σ w)² / Σ w²   (Kish)
    """

    weights: np.ndarray  # [snapshots], their sum one
    spread: float  # of β (F − U)
    effective: float

    @property
    def expected(self) -> float:
        """N exp(−σ²), what is left on average of many snapshots where β (F − U) is Gaussian with this spread σ."""
        return len(self.weights) * float(np.exp(-(self.spread**2)))


def weighed(target: Float[np.ndarray, " snapshots"], sampled: Float[np.ndarray, " snapshots"]) -> Weighted:
    """From energies of the cell in eV: those wanted, and those sampled with."""
    off = BETA * (target - sampled)
    weights = np.exp(-(off - off.min()))
    weights /= weights.sum()
    return Weighted(weights, float(off.std(ddof=1)), float(1 / np.sum(weights**2)))


def average(
    values: Float[np.ndarray, "snapshots ..."], weights: Float[np.ndarray, " snapshots"]
) -> tuple[np.ndarray, np.ndarray]:
    """Σ w A, and its standard error √(Σ w² (A − Ā)²) · √(N_eff / (N_eff − 1)), as of N_eff independent values.

    With equal weights it is the usual s/√N. Where N_eff is near one the error is a guess of what has not been seen.
    """
    mean = np.tensordot(weights, values, axes=1)
    left = np.sum(weights**2)
    error = np.sqrt(np.tensordot(weights**2, (values - mean) ** 2, axes=1) / (1 - left))
    return mean, error
