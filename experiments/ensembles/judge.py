"""The fit in runs of its own, longer than the fit's: each target, and g(r) at a temperature that it has not seen."""

import csv
from pathlib import Path
from typing import NamedTuple, cast

import numpy as np

from diffsim import StillingerWeber
from diffsim.data.reference import reference
from diffsim.io.potential import load_potential
from experiments.ensembles.crystal import CONSTANTS, Sampled, elastic_constants, lattice_constant
from experiments.silicon_liquid.melts import Melt
from experiments.silicon_liquid.truth import distribution, frames_of, truth_of

SAMPLING = (200, 25)  # frames and steps of 2 fs between them, for each replica
LIQUIDS = {2500.0: "fitted", 1500.0: "unseen"}  # K
MELTS = 4


class Line(NamedTuple):
    """A number of one potential beside EDIP's; g(r) as the root mean square of its difference."""

    potential: str
    target: str
    value: float
    error: float
    reference: float
    reference_error: float


def judge(fitted: Path, work: Path, output: Path) -> list[Line]:
    """The potential of 1985, where the fit begins, and that of the file."""
    lines: list[Line] = []
    output.mkdir(parents=True, exist_ok=True)
    found = {"1985": StillingerWeber.silicon(), "fitted": cast(StillingerWeber, load_potential(fitted))}
    for name, potential in found.items():
        lines += [*_crystal(name, potential), *_liquids(name, potential, work / name)]
        with (output / "judged.csv").open("w", newline="", encoding="utf-8") as file:
            table = csv.writer(file)
            table.writerow(Line._fields)
            table.writerows(lines)
    return lines


def _crystal(name: str, potential: StillingerWeber) -> list[Line]:
    its = lambda key: reference("silicon_edip", key)  # noqa: E731
    size = lattice_constant(potential, its("lattice_constant"), *SAMPLING)
    constants = elastic_constants(potential, its("lattice_constant"), *SAMPLING)
    edge = Sampled(np.array(its("lattice_constant")), np.array(its("lattice_constant.error")))
    known = Sampled(np.array(its("elastic_constants")), np.array(its("elastic_constants.error")))
    lines = [_line(name, "a (Å)", size, edge)]
    for i, label in enumerate(CONSTANTS.labels):
        at = lambda s, i=i: Sampled(s.value[i], s.error[i])  # noqa: E731
        lines.append(_line(name, f"{label} (GPa)", at(constants), at(known)))
    return lines


def _line(name: str, target: str, found: Sampled, known: Sampled) -> Line:
    line = Line(name, target, *(float(np.round(x, 5)) for x in (*found, *known)))
    print(line, flush=True)
    return line


def _liquids(name: str, potential: StillingerWeber, work: Path) -> list[Line]:
    """Melted and quenched in LAMMPS as EDIP's was; the errors are what such a difference would be by chance."""
    lines = []
    for temperature, seen in LIQUIDS.items():
        truth, its_error = truth_of(f"T{temperature:.0f}")
        g, error, _ = distribution(frames_of(Melt(temperature, 2), potential, work, MELTS), 2)
        rms = lambda x: np.array(np.sqrt(np.mean(x**2)))  # noqa: E731
        off = Sampled(rms(g - truth), rms(error))
        lines.append(_line(name, f"g(r) at {temperature:.0f} K, {seen}", off, Sampled(np.array(0.0), rms(its_error))))
    return lines
