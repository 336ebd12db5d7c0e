"""What each fit has bought, and what it has paid: targets and what was no target, beside the pretrained network."""

import csv
import json
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from diffsim import Configuration, Experiment, errors_of, evaluate, load_potential, relabelled
from diffsim.potentials import AbstractPotential
from diffsim.trouble import SimulationError
from experiments.fine_tuning.data import Unseen, unseen
from experiments.fine_tuning.figure import draw
from experiments.fine_tuning.fits import FITS, crystal
from experiments.fine_tuning.liquids import Distribution, distribution
from experiments.fine_tuning.size import Size
from experiments.silicon_liquid.truth import CENTERS, truth_of

NAMES = ("pretrained", *FITS)
MELTS = {"T1000": (1000.0, 2), "T2000": (2000.0, 2), "T3000": (3000.0, 2), "T2000_216": (2000.0, 3)}  # K, cubes an edge
_LEAST = 1e-3  # of g: bins where hardly a pair ever was have no error


class Line(NamedTuple):
    """How far a potential is off: root mean squares, of energies and forces mean absolute errors."""

    potential: str
    what: str
    unit: str
    value: float
    largest: float = float("nan")


def judge(size: Size, folder: Path) -> list[Line]:
    """Leaves `judged.csv`, `curves.json` and `figure.png` in the folder.

    Half an hour for each potential, which is kept beside it in `judged.json`: what is there is not done again.
    """
    lines: list[Line] = []
    truth = {name: Distribution(*truth_of(name)) for name in MELTS}
    curves = {melt: {"truth": one} for melt, one in truth.items()}
    for name in NAMES:
        path = folder / name / "judged.json"
        if not path.exists():
            found = _judged(name, load_potential(folder / name / "potential.json"), size)
            path.write_text(json.dumps(found), encoding="utf-8")
        told = json.loads(path.read_text(encoding="utf-8"))
        lines += [Line(*line) for line in told["at rest"]]
        for melt, found in told["melts"].items():
            curves[melt][name] = Distribution(*np.array(found))
            lines += _off_truth(name, melt, curves[melt][name], truth[melt])
    write_lines(folder / "judged.csv", lines)
    plain = {m: {n: np.round(one, 5).tolist() for n, one in found.items()} for m, found in curves.items()}
    (folder / "curves.json").write_text(json.dumps(plain), encoding="utf-8")
    draw(curves).savefig(folder / "figure.png")
    return lines


def _judged(name: str, potential: AbstractPotential, size: Size) -> dict[str, Any]:
    """How far it is off at rest, and its g(r), NaN where the liquid explodes."""
    melts = {}
    for melt, (temperature, repeats) in MELTS.items():
        try:
            found = distribution(potential, temperature, repeats, size)
        except SimulationError as error:
            print(name, melt, error, flush=True)
            found = Distribution(*np.full((2, len(CENTERS)), np.nan))
        melts[melt] = np.asarray(found).tolist()
    return {"at rest": _at_rest(name, potential, unseen(size)), "melts": melts}


def _at_rest(name: str, potential: AbstractPotential, data: Unseen) -> list[Line]:
    """Errors of energies and forces, elastic constants and phonons."""
    lines = []
    for part in data:
        lines += off_labels(name, part[0].group, relabelled(potential, part), part)
    return lines + off_target(name, potential, crystal())


def _off_truth(name: str, melt: str, found: Distribution, truth: Distribution) -> list[Line]:
    """How far g(r) is off, as it is and in standard errors of the difference; the share of bins within two of them."""
    what, off = f"g(r) {melt}", found.value - truth.value
    errors = off / np.maximum(np.hypot(found.error, truth.error), _LEAST)
    within = Line(name, what, "share within two errors", float(np.mean(np.abs(errors) <= 2)))
    return [_line(name, what, "", off), _line(name, what, "standard errors", errors), within]


def off_labels(name: str, what: str, found: list[Configuration], truth: list[Configuration]) -> list[Line]:
    """Mean absolute errors of energies and forces of all structures together."""
    errors = [*errors_of(found, truth).values()][-1]
    return [
        Line(name, f"energies, {what}", "meV/atom", errors.energy_mae),
        Line(name, f"forces, {what}", "meV/Å", errors.forces_mae),
    ]


def off_target(name: str, potential: AbstractPotential, experiment: Experiment) -> list[Line]:
    """How far its predictions are off each target."""
    predicted = evaluate(potential, {"one": experiment})["one"]
    return [
        _line(name, key, target.observable.unit, np.asarray(predicted[key]) - np.asarray(target.reference))
        for key, target in experiment.targets.items()
    ]


def _line(name: str, what: str, unit: str, off: np.ndarray) -> Line:
    line = Line(name, what, unit, float(np.sqrt(np.mean(off**2))), float(np.abs(off).max()))
    print(line, flush=True)
    return line


def write_lines(path: Path, lines: list[Line]) -> None:
    """A table as CSV."""
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(Line._fields)
        table.writerows(line._replace(value=round(line.value, 4), largest=round(line.largest, 4)) for line in lines)
