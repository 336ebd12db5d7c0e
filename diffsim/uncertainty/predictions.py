"""Errors of predictions, in two parts.

*Parametric*: what the scales of the targets leave open in the parameters, √(g C gᵀ) with g = ∂prediction/∂u. *Model*:
the force field is wrong. Beside that the noise of first-principles data is tiny, and the parametric error says little
about it. Two estimates:

χ²: the parametric error times √(Σr²/(n − p)), as if all residuals were noise that the scales understate.

POPS (Swinburne and Perez, doi:10.1088/2632-2153/ad9fce): for each target the smallest change of parameters, measured by
F, that would bring it to its reference, δ_i = −F⁻¹ J_i r_i / (J_i F⁻¹ J_iᵀ); the box around all of these along
their principal axes, filled uniformly, is the distribution of parameters. It covers every target by construction.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from diffsim.uncertainty.local import Component, LocalModel
from diffsim.uncertainty.parameters import Determination

_NORMAL = 1.959964  # 95 % of a normal distribution
_LEAST_LEVERAGE = 1e-6


class Box(NamedTuple):
    """A uniform distribution of changes of the free numbers."""

    axes: Float[np.ndarray, "free axes"]
    low: Float[np.ndarray, " axes"]
    high: Float[np.ndarray, " axes"]


class Interval(NamedTuple):
    """A prediction with its errors, one standard deviation each, and the interval that should hold the reference."""

    component: Component
    parametric: float
    scaled: float  # χ²
    pops: float
    low: float  # 95 %
    high: float

    @property
    def holds(self) -> bool:
        """Whether the reference is inside, to a thousandth of its scale (zeros by symmetry have no width)."""
        slack = 1e-3 * self.component.scale
        return bool(self.low - slack <= self.component.reference <= self.high + slack)


def intervals(model: LocalModel, found: Determination, components: list[Component]) -> list[Interval]:
    """Errors of these predictions; NaN where a prediction is."""
    box = pops_box(model, found)
    return [_interval(component, found, box) for component in components]


def _interval(component: Component, found: Determination, box: Box) -> Interval:
    g = component.slope
    parametric = float(np.sqrt(max(g @ found.covariance @ g, 0.0)))
    scaled = parametric * np.sqrt(max(found.chi_squared, 1.0)) if np.isfinite(found.chi_squared) else parametric
    along = g @ box.axes
    ends = np.sort([along * box.low, along * box.high], axis=0)
    middle, spread = 0.5 * ends.sum(), float(np.sqrt(np.sum((ends[1] - ends[0]) ** 2) / 12))
    least, most = ends.sum(axis=1)  # of the whole box
    low = min(-_NORMAL * scaled, max(middle - _NORMAL * spread, least))
    high = max(_NORMAL * scaled, min(middle + _NORMAL * spread, most))
    centre = component.prediction
    return Interval(component, parametric, scaled, spread, centre + low, centre + high)


def pops_box(model: LocalModel, found: Determination) -> Box:
    """The box of pointwise optimal parameters."""
    residuals, jacobian = model.residuals[: len(model.fitted)], model.jacobian[: len(model.fitted)]
    directions = jacobian @ found.covariance  # each as a row
    leverage = np.sum(directions * jacobian, axis=1)
    shifts = -directions * (residuals / np.maximum(leverage, _LEAST_LEVERAGE))[:, None]
    values, axes = np.linalg.eigh(shifts.T @ shifts)
    axes = axes[:, values > 1e-12 * max(values[-1], 1e-300)]
    along = shifts @ axes
    return Box(axes, along.min(axis=0, initial=0.0), along.max(axis=0, initial=0.0))
