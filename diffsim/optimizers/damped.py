"""Gauss–Newton in short steps, for residuals that are noisy."""

from collections.abc import Callable
from typing import Any

import lineax as lx
import optimistix as optx

_TOLERANCE = 1e-8  # a step as short as this ends the fit: noise makes none


class DampedGaussNewton(optx.AbstractGaussNewton):
    """x ← x − α J⁺ r with a fixed α, the `fraction`: every step is taken, and no two losses are compared.

    For averages that are sampled anew at each update. There Levenberg–Marquardt refuses good steps for the sake of a
    start that was lucky; here the noise of some 2/α samples averages out (Robbins and Monro,
    doi:10.1214/aoms/1177729586). After n updates (1 − α)ⁿ of the way is left.

    **Raises** `ValueError` for a fraction that is not above 0 and at most 1.
    """

    rtol: float
    atol: float
    norm: Callable[[Any], Any]
    descent: optx.NewtonDescent
    search: optx.LearningRate
    verbose: Callable[..., None]

    def __init__(self, fraction: float = 0.15) -> None:
        if not 0 < fraction <= 1:
            raise ValueError(f"the fraction of a step must be above 0 and at most 1, got {fraction}")
        self.rtol = self.atol = _TOLERANCE
        self.norm = optx.max_norm
        self.descent = optx.NewtonDescent(linear_solver=lx.AutoLinearSolver(well_posed=None))
        self.search = optx.LearningRate(fraction)
        self.verbose = _silent


def _silent(**_: Any) -> None:
    """Takes what a solver says of itself, and keeps it."""
