"""What the targets say about the parameters: errors, correlations, and which combinations they determine.

Around the least ½ Σ r² the posterior is a Gaussian with the inverse of the Fisher matrix F = JᵀJ as its covariance
(Laplace). Parameters on a bound that the fit presses against are taken as known.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from diffsim.uncertainty.local import LocalModel

_UNDETERMINED = 1e-14  # of the largest eigenvalue: below, a combination is not determined by the targets at all
SLOPPY = 1e8  # condition number of F above which its inverse says little


class Determination(NamedTuple):
    """The free numbers after a fit."""

    errors: Float[np.ndarray, " free"]  # standard deviations, ∞ where undetermined, 0 on a bound
    covariance: Float[np.ndarray, "free free"]  # of the determined combinations alone
    correlation: Float[np.ndarray, "free free"]
    eigenvalues: Float[np.ndarray, " free"]  # of F in ln |θ|, descending
    eigenvectors: Float[np.ndarray, "free free"]  # columns
    moving: int  # how many free numbers rest on no bound
    chi_squared: float  # Σ r² / (residuals − parameters); NaN where there are no more residuals than parameters

    @property
    def open_combinations(self) -> int:
        """How many combinations the targets and priors do not determine at all."""
        moving = self.eigenvalues[: self.moving]
        return int(np.sum(moving <= _UNDETERMINED * moving.max(initial=0.0)))

    @property
    def condition(self) -> float:
        """Largest over smallest eigenvalue, ∞ for a singular matrix."""
        moving = self.eigenvalues[: self.moving]
        return np.inf if self.open_combinations or not len(moving) else float(moving[0] / moving[-1])

    @property
    def softest(self) -> Float[np.ndarray, " free"]:
        """The combination that is determined worst."""
        return self.eigenvectors[:, self.moving - 1]


def determination(model: LocalModel) -> Determination:
    """Errors, correlations and the spectrum of the Fisher matrix."""
    free = resting(model)
    jacobian = model.jacobian[:, free]
    values, vectors = np.linalg.eigh(jacobian.T @ jacobian)
    known = values > _UNDETERMINED * max(values[-1], 1e-300) if len(values) else np.zeros(0, bool)
    inverse = (vectors[:, known] / values[known]) @ vectors[:, known].T
    n = len(model.free)
    covariance = np.zeros((n, n))
    covariance[np.ix_(free, free)] = inverse
    errors = np.sqrt(np.diag(covariance))
    blurred = np.zeros(n)
    blurred[free] = np.abs(vectors[:, ~known]).max(axis=1, initial=0.0)
    with np.errstate(invalid="ignore", divide="ignore"):
        correlation = np.where(errors[:, None] * errors > 0, covariance / (errors[:, None] * errors), 0.0)
    np.fill_diagonal(correlation, 1.0)
    eigenvalues, eigenvectors = _relative_spectrum(model, free)
    errors = np.where(blurred > 1e-6, np.inf, errors)
    return Determination(errors, covariance, correlation, eigenvalues, eigenvectors, int(free.sum()), _chi(model, free))


def resting(model: LocalModel) -> np.ndarray:
    """Which free numbers are not held by a bound that the fit presses against."""
    gradient = model.residuals @ model.jacobian
    pressing = ((model.bounds < 0) & (gradient > 0)) | ((model.bounds > 0) & (gradient < 0))
    return ~pressing


def _chi(model: LocalModel, free: np.ndarray) -> float:
    used = [c.weight > 0 for c in model.fitted]
    spare = sum(used) + int((model.stiffness > 0).sum()) - int(free.sum())
    return float(np.sum(model.residuals**2) / spare) if spare > 0 else np.nan


def _relative_spectrum(model: LocalModel, free: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Of F in ln |θ|, so that parameters of all units compare; numbers that are zero, or on a bound, count as such."""
    scale = np.where(model.logarithmic | (model.free == 0), 1.0, model.free)
    relative = model.jacobian * scale * free
    _, singular, rows = np.linalg.svd(relative, full_matrices=True)
    values = np.zeros(len(model.free))
    values[: len(singular)] = singular**2
    return values, rows.T


def spelled(model: LocalModel, vector: Float[np.ndarray, " free"], terms: int = 4) -> str:
    """A combination in words: `0.71 ln epsilon − 0.70 ln lam`."""
    least = min(0.1, np.abs(vector).max())
    order = [int(i) for i in np.argsort(-np.abs(vector))[:terms] if abs(vector[i]) >= least]
    sign = 1.0 if vector[order[0]] > 0 else -1.0
    parts = []
    for place, i in enumerate(order):
        value = sign * vector[i]
        lead = "" if value > 0 else "−"
        joint = lead if place == 0 else f" {lead or '+'} "
        parts.append(f"{joint}{abs(value):.2f} {_logarithm(model, i)}")
    return "".join(parts)


def _logarithm(model: LocalModel, i: int) -> str:
    label = model.labels[i]
    if model.logarithmic[i]:
        return f"ln {label}"
    return label if model.free[i] == 0 else f"ln |{label}|"
