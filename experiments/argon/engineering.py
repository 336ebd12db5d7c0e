"""Which frames close the gaps: the network learns on with each kind added, and is asked about a vacancy again."""

import csv
from pathlib import Path

import jax
import numpy as np

from diffsim import LennardJones, System, errors_of, load_potential, read_configurations, relabelled
from diffsim.potentials import AbstractPotential
from experiments.argon.additions import ADDITIONS
from experiments.argon.courses import COURSES
from experiments.argon.crystal import hop_barrier, vacancy_energy
from experiments.argon.data import EDGE, TRUTH, Parts, cubes, parts, write_frames
from experiments.argon.size import Size
from experiments.argon.training import loss_of, train_on

_RATE = 5e-4  # of the first update
BEFORE = "conservative"
HEAD = ("added", "vacancy (eV)", "barrier (eV)", "force MAE, test (meV/Å)", "energy MAE, test (meV/atom)")


def engineer(size: Size, folder: Path) -> list[list[str]]:
    """Leaves `engineering.csv` in the folder: after as many updates in each course."""
    for name, make in ADDITIONS.items():
        write_frames(make(size), folder / "additions" / f"{name}.xyz")
    perfect = cubes(EDGE, size.repeats)
    lines = [_asked(TRUTH, LennardJones.argon(), None, perfect)]
    for name in (BEFORE, *size.courses):
        if name in COURSES:
            _learn(name, size, folder)
        where = folder / "engineering" if name in COURSES else folder
        potential = load_potential(where / name / "potential.json")
        lines.append(_asked(name, potential, parts(size, folder / "frames.xyz"), perfect))
        with (folder / "engineering.csv").open("w", newline="") as file:
            csv.writer(file).writerows([HEAD, *lines])
        print(lines[-1], flush=True)
    return lines


def _learn(name: str, size: Size, folder: Path) -> None:
    """From the network that has been trained, in 32-bit floats as that."""
    course = COURSES[name]
    with jax.enable_x64(False):
        together = parts(size, folder / "frames.xyz")
        before = len(together.training)
        for kind in course.added:
            together.training.extend(read_configurations(folder / "additions" / f"{kind}.xyz"))
        epochs = max(1, round(size.further * before / len(together.training)))
        start = load_potential(folder / BEFORE / "potential.json")
        train_on(together, start, loss_of(course.energies), folder / "engineering" / name, epochs, _RATE)


def _asked(name: str, potential: AbstractPotential, data: Parts | None, perfect: System) -> list[str]:
    numbers = [vacancy_energy(potential, perfect), hop_barrier(potential, perfect), np.nan, np.nan]
    if data is not None:
        errors = list(errors_of(relabelled(potential, data.test), data.test).values())[-1]
        numbers[2:] = errors.forces_mae, errors.energy_mae
    return [name, *(f"{number:.4f}" for number in numbers)]
