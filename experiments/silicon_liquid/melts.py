"""Melts of silicon, sampled by LAMMPS: each replica is melted anew, and quenched."""

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

import numpy as np
from ase.build import bulk

from diffsim import EDIP, StillingerWeber, System

DENSITY = 2.57  # g/cm³, of liquid silicon at its melting point in experiments; fixed at all temperatures
HOT = 5000.0  # K
_AMU_PER_A3 = 1.66053906660  # in g/cm³
_NO_TIMES = ("temperature", "repeats")
_WORKER = Path(__file__).with_name("lammps_melt.py")


class Melt(NamedTuple):
    """How a replica is made; times in ps, with steps of 1 fs."""

    temperature: float  # K
    repeats: int  # of the eight-atom cube: 2 for 64 atoms, 3 for 216
    melting: float = 5.0
    quench: float = 10.0
    rest: float = 10.0
    sampling: float = 20.0
    stride: float = 0.1


def crystal(repeats: int) -> System:
    """Diamond at the density of the liquid: what is melted."""
    volume = 8 * 28.085 * _AMU_PER_A3 / DENSITY
    return System.from_ase(bulk("Si", a=float(np.cbrt(volume)), cubic=True), [repeats] * 3)


def sample(melt: Melt, seed: int, potential: EDIP | StillingerWeber) -> np.ndarray:
    """Positions `[frames atoms 3]` in Å of one replica, by LAMMPS from the file that the potential writes."""
    system = crystal(melt.repeats)
    edge = float(np.asarray(system.cell)[0, 0])
    with tempfile.TemporaryDirectory() as folder:
        style = "edip/multi" if isinstance(potential, EDIP) else "sw"
        potential.to_lammps(Path(folder, "Si"))
        dump = Path(folder, "frames")
        steps = {name: round(1000 * time) for name, time in melt._asdict().items() if name not in _NO_TIMES}
        bath = lambda start, stop: f"fix bath all langevin {start} {stop} 0.2 {seed} zero yes"  # noqa: E731
        commands = [
            "units metal",
            "atom_modify map array",
            f"region cell block 0 {edge:.16g} 0 {edge:.16g} 0 {edge:.16g}",
            "create_box 1 cell",
            "mass 1 28.085",
            "ATOMS",
            f"pair_style {style}",
            f"pair_coeff * * {folder}/Si Si",
            "neighbor 0.8 bin",
            "neigh_modify every 1 delay 0 check yes",
            "timestep 0.001",
            f"velocity all create {HOT} {seed} mom yes",
            "fix move all nve",
            bath(HOT, HOT),
            f"run {steps['melting']}",
            bath(HOT, melt.temperature),
            f"run {steps['quench']}",
            bath(melt.temperature, melt.temperature),
            f"run {steps['rest']}",
            f"dump keep all custom {steps['stride']} {dump} x y z",
            "dump_modify keep sort id first no format float %.9g",
            f"run {steps['sampling']}",
        ]
        job = {"positions": np.asarray(system.positions).tolist(), "commands": commands}
        library = Path(sys.prefix) / "lib" / "libmpi.so.12"
        command = [sys.executable, "-P", str(_WORKER), str(library)]
        subprocess.run(command, input=json.dumps(job), text=True, check=True)
        return _frames(dump, len(system.numbers))[1:]


def _frames(path: Path, atoms: int) -> np.ndarray:
    lines = path.read_text().splitlines()
    count = len(lines) // (atoms + 9)
    picked = [lines[k * (atoms + 9) + 9 : (k + 1) * (atoms + 9)] for k in range(count)]
    return np.array([[line.split() for line in frame] for frame in picked], float)
