"""Elastic constants and phonons at 50 wave vectors of Stillinger-Weber silicon: diffsim against LAMMPS + phonopy.

Ours without and with the gradient of a loss in all ten parameters; the two sides alternate, medians are printed, and
compilation is reported apart. Run: OMP_NUM_THREADS=1 python -m benchmarks.static_properties
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from ase.build import bulk

jax.config.update("jax_enable_x64", True)

import diffsim  # noqa: E402

REPEATS = 15


def main() -> None:
    silicon = diffsim.System.from_ase(bulk("Si", a=5.43094978))
    potential = diffsim.StillingerWeber.silicon()
    neighbors = diffsim.Neighbors.allocate(silicon, float(potential.cutoff))
    qpoints = np.random.default_rng(0).uniform(-0.5, 0.5, (50, 3))

    def properties(p):
        constants = diffsim.elastic_constants(p, silicon, neighbors=neighbors)
        return constants, diffsim.phonon_frequencies(p, silicon, qpoints, neighbors)

    def loss(p):
        constants, bands = properties(p)
        return jnp.sum(constants**2) + jnp.sum(bands**2), (constants, bands)

    value, value_seconds = compiled(properties, potential)
    gradient, gradient_seconds = compiled(jax.grad(loss, has_aux=True), potential)
    with tempfile.TemporaryDirectory() as folder, peer(potential, Path(folder), qpoints) as process:
        ours, with_gradient, theirs = [], [], []
        answer = ask(process)  # warm
        check(value(potential), answer)
        for _ in range(REPEATS):
            ours.append(seconds(value, potential))
            with_gradient.append(seconds(gradient, potential))
            theirs.append(ask(process)["seconds"])
        process.stdin.close()
    print(f"XLA on {os.cpu_count()} cores, {REPEATS} repeats, OMP_NUM_THREADS={os.environ.get('OMP_NUM_THREADS')}")
    base = np.median(theirs)
    rows = (("LAMMPS + phonopy, values", theirs, 0.0), ("diffsim, values", ours, value_seconds),
            ("diffsim, values and gradient in 10 parameters", with_gradient, gradient_seconds))  # fmt: skip
    for name, times, compile_seconds in rows:
        median = np.median(times)
        print(f"{name:48s} {1e3 * median:8.2f} ms   ratio {median / base:6.3f}   compilation {compile_seconds:5.1f} s")


def compiled(function, potential):
    """The compiled function, and how long that took."""
    began = time.perf_counter()
    return jax.jit(function).lower(potential).compile(), time.perf_counter() - began


def seconds(function, potential) -> float:
    began = time.perf_counter()
    jax.block_until_ready(function(potential))
    return time.perf_counter() - began


def peer(potential, folder: Path, qpoints: np.ndarray) -> subprocess.Popen:
    path = folder / "Si.sw"
    potential.to_lammps(path)
    command = [
        sys.executable,
        "-P",
        str(Path(__file__).with_name("lammps_phonopy.py")),
        str(path),
        json.dumps(qpoints.tolist()),
    ]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def ask(process: subprocess.Popen) -> dict:
    process.stdin.write("\n")
    process.stdin.flush()
    return json.loads(process.stdout.readline())


def check(ours, theirs: dict) -> None:
    """Both sides must compute the same numbers before their times are compared."""
    constants, bands = ours
    np.testing.assert_allclose([constants[0, 0], constants[0, 1], constants[3, 3]], theirs["constants"], rtol=1e-4)
    np.testing.assert_allclose(bands, theirs["frequencies"], atol=5e-3)  # THz: their displacements are finite


if __name__ == "__main__":
    main()
