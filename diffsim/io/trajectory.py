"""Trajectories as extended XYZ, which ASE and OVITO read, and their thermodynamics as CSV."""

import csv
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np
from jaxtyping import Array, Float, Int

from diffsim import units
from diffsim.mechanics import total_energy
from diffsim.potentials.base import AbstractPotential
from diffsim.simulators import State
from diffsim.simulators.momenta import kinetic_energy, temperature
from diffsim.system import System
from diffsim.trouble import Still


class Frame(NamedTuple):
    """What a file keeps of a state; frames of a trajectory have a leading axis."""

    positions: Float[Array, "*frames atoms 3"]  # Å
    momenta: Float[Array, "*frames atoms 3"]  # √(amu eV)
    cell: Float[Array, "*frames 3 3"]  # Å
    step: Int[Array, "*frames"]
    time: Float[Array, "*frames"]  # Å √(amu/eV)
    temperature: Float[Array, "*frames"]  # K
    potential_energy: Float[Array, "*frames"]  # eV
    total_energy: Float[Array, "*frames"]  # eV


def record_frame(potential: AbstractPotential, state: State) -> Frame:
    """The frame of a state: what to hand to `simulate` or `chunks` as `record`."""
    energy = total_energy(potential, state.system, state.neighbors)
    return Frame(
        positions=state.system.positions,
        momenta=state.momenta,
        cell=state.system.cell,
        step=state.step,
        time=state.time,
        temperature=temperature(state),
        potential_energy=energy,
        total_energy=energy + kinetic_energy(state),
    )


def write_frames(path: str | Path, frames: Frame, system: System) -> None:
    """Adds frames to an extended XYZ file, or begins one; numbers, masses and periodicity are those of `system`.

    Step, time in fs, temperature and energies stand in each frame's comment line, momenta as ASE has them, and in the
    same columns of a CSV file beside it.
    """
    import ase.io

    path, table = Path(path), Path(path).with_suffix(".csv")
    frames = jax.tree.map(np.asarray, frames)
    if frames.step.ndim == 0:
        frames = jax.tree.map(lambda leaf: leaf[None], frames)
    images = []
    for number in range(len(frames.step)):
        one = Frame(*(leaf[number] for leaf in frames))
        images.append(pictured(system.replace(positions=one.positions, cell=one.cell), one))
        images[-1].info["potential_energy_eV"] = float(one.potential_energy)
        images[-1].info["total_energy_eV"] = float(one.total_energy)
    rows = [image.info for image in images]
    ase.io.write(path, images, format="extxyz", append=path.exists())
    new = not table.exists()
    with table.open("a", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        if new:
            writer.writeheader()
        writer.writerows(rows)


def pictured(system: System, moving: Frame | Still) -> Any:
    """ASE's atoms with momenta; step, time and temperature beside them."""
    atoms = system.to_ase()
    atoms.set_momenta(np.asarray(moving.momenta)[np.asarray(system.numbers) > 0])
    atoms.info = {"step": int(moving.step), "time_fs": float(moving.time / units.fs)}
    atoms.info["temperature_K"] = float(moving.temperature)
    return atoms
