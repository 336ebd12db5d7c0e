"""The lines of the evidence: distinct numbers (degenerate branches once), and how far apart other calculations are."""

from typing import NamedTuple

import numpy as np


class Line(NamedTuple):
    """One property: where its number stands among the predictions, and what others find for it."""

    title: str
    target: str
    index: int  # in the flattened prediction
    unit: str
    others: tuple[float, ...] = ()  # LDA, another pseudopotential, experiment
    digits: int = 3


# Our own LDA run (Si.pz-vbc.UPF, 24 Ry, 6×6×6), ultrasoft PBE, and experiment at room temperature: elastic constants
# of H. J. McSkimin and P. Andreatch (1964), frequencies compiled from G. Dolling (1963) and G. Nilsson and G. Nelin
# (1972), Grüneisen parameters of B. A. Weinstein and G. J. Piermarini (1975), cohesion after C. Kittel. They are in the
# README of diffsim/data/silicon_pbe, for orientation: they make the grey bands and enter no fit.
TARGETS = (
    Line("lattice constant", "lattice_constant", 0, "Å", (5.398, 5.467, 5.431), 4),
    Line("cohesive energy", "cohesive_energy", 0, "eV/atom", (4.544, 4.63)),
    Line("C11", "elastic_constants", 0, "GPa", (160.8, 165.0), 1),
    Line("C12", "elastic_constants", 1, "GPa", (62.3, 65.0), 1),
    Line("C44", "elastic_constants", 2, "GPa", (77.0, 79.2), 1),
    Line("Γ optic", "phonons", 5, "THz", (15.09, 15.53), 2),
    Line("X TA", "phonons", 6, "THz", (4.39, 4.49), 2),
    Line("X LA, LO", "phonons", 8, "THz", (12.03, 12.32), 2),
    Line("X TO", "phonons", 10, "THz", (13.42, 13.90), 2),
    Line("L TA", "phonons", 12, "THz", (3.43,), 2),
    Line("L LA", "phonons", 14, "THz", (11.35,), 2),
    Line("L LO", "phonons", 15, "THz", (12.60,), 2),
    Line("L TO", "phonons", 17, "THz", (14.68,), 2),
)
HELD_OUT = (
    Line("vacancy", "vacancy", 0, "eV"),
    Line("surface (111)", "surface_111", 0, "J/m²"),
    Line("surface (110)", "surface_110", 0, "J/m²"),
    Line("surface (100)", "surface_100", 0, "J/m²"),
    Line("fault, shuffle", "fault_shuffle", 0, "J/m²"),
    Line("fault, glide", "fault_glide", 0, "J/m²"),
    Line("β-tin", "beta_tin", 0, "eV/atom"),
    Line("Grüneisen X TA", "gruneisen_X", 0, "", (-1.4,)),
    Line("Grüneisen X LA", "gruneisen_X", 2, ""),
    Line("Grüneisen X TO", "gruneisen_X", 4, "", (1.5,)),
    Line("Grüneisen L TA", "gruneisen_L", 0, "", (-1.3,)),
    Line("Grüneisen L LA", "gruneisen_L", 2, ""),
    Line("Grüneisen L LO", "gruneisen_L", 3, ""),
    Line("Grüneisen L TO", "gruneisen_L", 4, "", (1.3,)),
)


class Number(NamedTuple):
    """A property in numbers."""

    line: Line
    reference: float
    held_out: bool
    predicted: dict[str, float]  # by contender
    low: float  # 95 % of ours
    high: float

    def off(self, value: float) -> float:
        """Per cent of the reference's size, positive where the value is above it."""
        return 100 * (value - self.reference) / abs(self.reference)

    @property
    def holds(self) -> bool:
        """Whether the reference is inside the 95 % interval."""
        return bool(self.low <= self.reference <= self.high)

    @property
    def spread(self) -> tuple[float, float]:
        """Between which values first-principles calculations and experiments lie."""
        values = self.reference, *self.line.others
        return min(values), max(values)


def worse(numbers: list[Number], ours: str, other: str) -> list[Number]:
    """Those that are further from the reference than with another potential."""
    return [n for n in numbers if abs(n.off(n.predicted[ours])) > abs(n.off(n.predicted[other])) + 1e-9]


def rms(numbers: list[Number], contender: str) -> float:
    """Root mean square of the errors, per cent, of those that are found."""
    return float(np.sqrt(np.nanmean([n.off(n.predicted[contender]) ** 2 for n in numbers])))


def missing(numbers: list[Number], contender: str) -> list[str]:
    """What a potential has no answer for: a structure that it does not hold, a path without a smooth maximum."""
    return [n.line.title for n in numbers if not np.isfinite(n.predicted[contender])]
