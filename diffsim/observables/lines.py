"""Frequency and width of a line that is seen through a window."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from diffsim.observables.correlation import Window

_CLOSE = 1e-9  # relative, of frequency and width
_UNSEEN = 0.01  # a width, in terms of 1/(lags · dt), below which lines look alike


class Line(NamedTuple):
    """A damped oscillation's."""

    frequency: float  # THz
    width: float  # THz, full width at half maximum: 1/2πτ


def damped_line(
    frequencies: Float[np.ndarray, " points"],
    spectrum: Float[np.ndarray, " points"],
    dt: float,
    lags: int,
    window: Window = "hann",
) -> Line:
    """The damped oscillation C(t) = A e^{−πΓt} cos(2πνt) whose spectrum comes closest, by least squares.

    Its spectrum is taken as `correlation.spectrum` takes it, over `lags` times `dt` ps apart, so that the window adds
    nothing to the width Γ = 1/2πτ; of a width below 1/(lags · dt) only an order of magnitude can be known. It is looked
    for from a hundredth of that to 1/dt, what frames so far apart can show, and ν in the range of `frequencies`, more
    than one.
    """
    from scipy.optimize import least_squares

    x, y = np.asarray(frequencies, float), np.asarray(spectrum, float)
    number = np.arange(lags)
    taper = np.cos(0.5 * np.pi * number / lags) ** 2 if window == "hann" else np.ones(lags)
    time, both = number * dt, np.where(number == 0, 1.0, 2.0)
    waves = 2 * dt * both * taper * np.cos(2 * np.pi * x[:, None] * time)  # [points lags]

    def shape(given: np.ndarray) -> np.ndarray:
        return waves @ (np.exp(-np.pi * np.exp(given[1]) * time) * np.cos(2 * np.pi * given[0] * time))

    def misfit(given: np.ndarray) -> np.ndarray:
        one = shape(given)
        return y - one * (one @ y) / (one @ one)  # the height that fits best is known

    top = int(np.argmax(y))
    area = float(np.sum(0.5 * (y[1:] + y[:-1]) * np.diff(x)))
    narrowest = 1 / (lags * dt)
    least, most = (x[0], np.log(_UNSEEN * narrowest)), (x[-1], np.log(1 / dt))
    width = max(2 * area / (np.pi * y[top]) - narrowest, 0.1 * narrowest)
    start = np.clip([x[top], np.log(width)], least, most)
    found = least_squares(
        misfit, start, x_scale=[narrowest, 1.0], bounds=(least, most), xtol=_CLOSE, ftol=None, gtol=None
    )
    return Line(float(found.x[0]), float(np.exp(found.x[1])))
