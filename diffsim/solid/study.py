"""A crystal of one potential, or of two side by side: what all parts of the study share."""

import dataclasses
import functools
from collections.abc import Mapping

import numpy as np

from diffsim import units
from diffsim.observables import VibrationalDensityOfStates
from diffsim.potentials.base import AbstractPotential
from diffsim.quality import NotApplicable
from diffsim.quality.structures import repeats
from diffsim.solid.pace import Pace
from diffsim.solid.settings import Repeats, Settings
from diffsim.solid.subject import Solid
from diffsim.system import System

_ATOMS, _DEFECT_ATOMS, _FEW = 200, 100, 60
_HEATS, _ONE_HEAT = (0.2, 0.4, 0.6), (0.4,)  # h ν_max/k: below, classical motion says little
_BARRIERS, _TWO_BARRIERS = (7.0, 6.2, 5.5), (6.2, 5.5)  # kT: from a hop in thousand vibrations to one in some hundred
_STEPS = 40  # a period of the fastest mode
_POINTS, _TOP = 240, 1.25  # of the frequencies that densities are given at; of the highest mode
_LINES = 25  # the window of densities of states is so many periods of the fastest mode
_DIGITS = 2


@dataclasses.dataclass(frozen=True, eq=False)
class Study:
    """Solids by their names, the model first, all looked at with the same settings.

    What the settings leave open follows from the first solid, or of frequencies from the highest of all.
    """

    solids: Mapping[str, Solid]
    settings: Settings

    @staticmethod
    def of(potentials: Mapping[str, AbstractPotential], structure: System, settings: Settings) -> "Study":
        """The crystal of each potential; one without an energy takes the crystal of the last."""
        size = settings.repeats or repeats(structure, _FEW if settings.quick else _ATOMS, even=True)
        solids = {name: Solid(potential, structure, size) for name, potential in potentials.items()}
        last = list(solids.values())[-1]
        for name, solid in solids.items():
            if not solid.has_energy and last.has_energy:
                solids[name] = dataclasses.replace(solid, structure=last.crystal)
        return Study(solids, settings)

    @functools.cached_property
    def highest(self) -> float:
        """The highest frequency at rest in THz, of all solids."""
        found, reason = [], "there are no modes"
        for solid in self.solids.values():
            try:
                found.append(float(solid.modes[0].max()))
            except ValueError as error:
                reason = str(error)
        if not max(found, default=0.0) > 0:
            raise NotApplicable(f"needs frequencies at rest: {reason}")
        return max(found)

    @property
    def pace(self) -> Pace:
        """The time step and the fastest mode."""
        return Pace(self.settings.dt or rounded(1e3 / (_STEPS * self.highest)), self.highest)

    @property
    def temperatures(self) -> tuple[float, ...]:
        """K, of vibrations."""
        quantum = 2 * np.pi * units.hbar * self.highest * units.THz / units.kB
        shares = _ONE_HEAT if self.settings.quick else _HEATS
        return self.settings.temperatures or tuple(rounded(share * quantum) for share in shares)

    def hop_temperatures(self, barriers: Mapping[str, float]) -> tuple[float, ...]:
        """K, from the barriers in eV that are known; those of the last solid count first."""
        if self.settings.hop_temperatures:
            return self.settings.hop_temperatures
        names = list(self.solids)[::-1]
        known = [barriers[name] for name in names if barriers.get(name, 0.0) > 0]
        if not known:
            raise NotApplicable("no barrier is known to choose temperatures by: say hop_temperatures=[…] in K")
        shares = _TWO_BARRIERS if self.settings.quick else _BARRIERS
        return tuple(rounded(known[0] / (units.kB * share)) for share in shares)

    @property
    def defect_repeats(self) -> Repeats:
        """Of the cell with a vacancy."""
        structure = next(iter(self.solids.values())).structure
        return self.settings.defect_repeats or repeats(structure, _FEW if self.settings.quick else _DEFECT_ATOMS)

    @property
    def density(self) -> VibrationalDensityOfStates:
        """Where densities of states are given in THz, and the frames in their window."""
        lags = max(2, round(_LINES / (self.highest * self.pace.every)))
        return VibrationalDensityOfStates(frequencies=np.linspace(0.0, _TOP * self.highest, _POINTS), lags=lags)


def rounded(value: float) -> float:
    """To two digits."""
    return float(f"{value:.{_DIGITS}g}")
