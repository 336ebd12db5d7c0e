"""How well the networks know what they have learned, and what they make of what they have not: a table."""

import csv
import time
from collections.abc import Iterator
from pathlib import Path

import jax
import numpy as np
from ase.build import bulk

import diffsim
from diffsim import (
    LennardJones,
    Schedule,
    System,
    VelocityVerlet,
    errors_of,
    relabelled,
    simulate,
    units,
)
from diffsim.fields import with_floats
from diffsim.potentials import AbstractDirectForces, AbstractPotential
from diffsim.simulators import State
from diffsim.simulators.momenta import temperature
from experiments.argon.crystal import asymmetry, commensurate, vacancy_energy
from experiments.argon.data import EDGE, TRUTH, parts
from experiments.argon.size import Size
from experiments.argon.training import trained

_RATTLE = 0.15  # Å, as at some 20 K
_DT = 5 * units.fs

Rows = dict[tuple[str, str], dict[str, float]]  # by what and unit, then by potential


def judge(size: Size, folder: Path) -> Rows:
    """Leaves `judged.csv` in the folder, and prints it. A model that has not been trained is left out."""
    potentials = trained(folder)
    rows: Rows = {}
    for name, potential in {TRUTH: LennardJones.argon(), **potentials}.items():
        for part in (_errors(potential, size, folder), _crystal(potential, size), _motion(potential, size)):
            for what, unit, value in part:
                rows.setdefault((what, unit), {})[name] = value
    with (folder / "judged.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["what", "unit", TRUTH, *potentials])
        for (what, unit), values in rows.items():
            table.writerow([what, unit, *(f"{values.get(name, np.nan):.5g}" for name in (TRUTH, *potentials))])
    print((folder / "judged.csv").read_text(), flush=True)
    return rows


Told = Iterator[tuple[str, str, float]]


def _errors(potential: AbstractPotential, size: Size, folder: Path) -> Told:
    """On what it has learned from, and on frames of other trajectories."""
    if isinstance(potential, LennardJones):
        return
    for part, frames in parts(size, folder / "frames.xyz")._asdict().items():
        for group, errors in errors_of(relabelled(potential, frames), frames).items():
            labels = np.concatenate([np.ravel(one.forces) for one in frames if group in (one.group, "all")])
            yield f"energy MAE, {part}, {group}", "meV/atom", errors.energy_mae
            yield f"force MAE, {part}, {group}", "meV/Å", errors.forces_mae
            yield (
                f"force MAE, {part}, {group}",
                "% of rms",
                0.1 * errors.forces_mae / float(np.sqrt(np.mean(labels**2))),
            )
            yield f"stress MAE, {part}, {group}", "MPa", errors.stress_mae


def _crystal(potential: AbstractPotential, size: Size) -> Told:
    """Forces, their derivatives, and a vacancy, in a cell of Lennard-Jones' size at 0 K."""
    atoms = bulk("Ar", a=EDGE, cubic=True) * ((size.repeats,) * 3)
    perfect = System.from_ase(atoms)
    atoms.rattle(_RATTLE, seed=0)
    rattled = System.from_ase(atoms)
    sums = np.sum(np.asarray(diffsim.forces(potential, rattled)), axis=0)
    yield "sum of forces, rattled", "eV/Å", float(np.abs(sums).max())
    for name, system in {"perfect": perfect, "rattled": rattled}.items():
        yield f"asymmetry of the Hessian, {name}", "", asymmetry(diffsim.hessian(potential, system))
    for name, frequencies in commensurate(potential).items():
        for number, one in enumerate(frequencies):
            yield f"phonon {number}, {name}", "THz", float(one)
    if not isinstance(potential, AbstractDirectForces):
        yield "vacancy formation energy, relaxed", "eV", vacancy_energy(potential, perfect)


def _motion(potential: AbstractPotential, size: Size) -> Told:
    """What a step costs in 32-bit and 64-bit floats, and how much warmer it gets at constant energy."""
    system = System.from_ase(bulk("Ar", a=EDGE, cubic=True) * ((size.repeats + 1,) * 3))
    for bits, frames in ((32, size.timed), (64, size.conserved)):
        with jax.enable_x64(bits == 64):
            own, crystal = with_floats((potential, system), bits)
            state = VelocityVerlet(_DT).init(own, crystal, jax.random.key(0), 80.0)
            _, state = simulate(own, VelocityVerlet(_DT), state, Schedule(size.timed, size.stride), _temperature)
            schedule, began = Schedule(frames, size.stride), time.perf_counter()
            found, _ = simulate(own, VelocityVerlet(_DT), state, schedule, _temperature)
            spent = time.perf_counter() - began
        yield f"time of a step, {bits} bits", "µs/atom", 1e6 * spent / schedule.steps / len(system.numbers)
    times = np.arange(size.conserved) * float(size.stride * _DT / (1000 * units.ps))
    yield "slope of the temperature at constant energy", "K/ns", float(np.polyfit(times, np.asarray(found), 1)[0])


def _temperature(potential: AbstractPotential, state: State) -> jax.Array:
    del potential
    return temperature(state)
