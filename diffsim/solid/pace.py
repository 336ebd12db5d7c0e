"""How a crystal's motion is stepped and looked at, by its fastest mode."""

from typing import NamedTuple

_FRAMES = 4  # a period of the fastest mode: two are the least


class Pace(NamedTuple):
    """The time step, and the fastest mode, which says how often one must look."""

    dt: float  # fs
    highest: float  # THz, of the modes at rest

    @property
    def period(self) -> float:
        """Steps that the fastest mode takes."""
        return 1e3 / (self.highest * self.dt)

    @property
    def stride(self) -> int:
        """Steps between frames."""
        return max(1, int(self.period / _FRAMES))

    @property
    def every(self) -> float:
        """ps between frames."""
        return self.stride * self.dt * 1e-3
