"""Compilation and microseconds per atom and step of learned potentials: constant-energy dynamics of silicon at 300 K.

Random weights, on one thread. They bind no crystal, so steps are of 0.1 fs and no list is rebuilt. Medians of processor
time.
Run: taskset -c 0 python -m benchmarks.networks [schnet|mace|behler_parrinello ...] [--single]
"""

import os
import sys
import time

os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
os.environ["OMP_NUM_THREADS"] = "1"

import equinox as eqx
import jax
import numpy as np
from ase.build import bulk

jax.config.update("jax_enable_x64", "--single" not in sys.argv)

import diffsim  # noqa: E402
from diffsim import System, VelocityVerlet, units  # noqa: E402
from diffsim.simulators import advance  # noqa: E402

REPEATS = 5
STEPS = 20
MODELS = {
    "schnet": lambda: diffsim.SchNet.init(("Si",), 0),
    "schnet_silu": lambda: diffsim.SchNet.init(("Si",), 0, activation="silu"),
    "mace": lambda: diffsim.MACE.init(("Si",), 0),
    "mace_pairs": lambda: diffsim.MACE.init(("Si",), 0, correlation=2),
    "behler_parrinello": lambda: diffsim.BehlerParrinello.init(("Si",), 0),
}


def main() -> None:
    precision = "32" if "--single" in sys.argv else "64"
    for name in [a for a in sys.argv[1:] if not a.startswith("--")] or MODELS:
        potential, simulator = MODELS[name](), VelocityVerlet(0.1 * units.fs)
        for n in (2, 4):
            system = System.from_ase(bulk("Si", a=5.431, cubic=True), (n, n, n))
            state = simulator.init(potential, system, jax.random.key(0), 300.0, skin=0.4)
            run = eqx.filter_jit(lambda p, s, simulator=simulator: advance(p, simulator, s, STEPS))
            call = lambda run=run, state=state, potential=potential: run(potential, state)  # noqa: E731
            compiled, after = timed(call)
            seconds = [timed(call)[0] for _ in range(REPEATS)]
            each = 1e6 * np.median(seconds) / (STEPS * len(system.numbers))
            lost = ", its list overflowed" if after.overflow else ""
            line = f"{name} {len(system.numbers)} atoms, {precision} bits: {each:.1f} µs, compilation {compiled:.1f} s"
            print(line + lost, flush=True)


def timed(function):
    """Processor time, and what came out."""
    began = time.process_time()
    found = jax.block_until_ready(function())
    return time.process_time() - began, found


if __name__ == "__main__":
    main()
