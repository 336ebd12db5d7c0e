"""What the gradient by all parameters of a long run costs, relative to the run: Stillinger–Weber silicon, `Reversible`.

Both in 64-bit floats on one thread, alternating, medians of processor time.
Run: taskset -c 0 python -m benchmarks.gradients CELLS STEPS [REPLICAS]
"""

import os
import sys

os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
os.environ["OMP_NUM_THREADS"] = "1"

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from ase.build import bulk

jax.config.update("jax_enable_x64", True)

from benchmarks.dynamics import timed  # noqa: E402
from diffsim import Forward, Reversible, Schedule, StillingerWeber, System, VelocityVerlet, units  # noqa: E402
from diffsim.simulators.schedule import roomier  # noqa: E402
from diffsim.system import stack  # noqa: E402

REPEATS = 5


def main() -> None:
    cells, steps, replicas = (*map(int, sys.argv[1:]), 1)[:3]
    potential, simulator = StillingerWeber.silicon(), VelocityVerlet(1 * units.fs)
    crystal = System.from_ase(bulk("Si", a=5.431, cubic=True), (cells,) * 3)
    keys = jax.random.split(jax.random.key(0), replicas)
    states = [simulator.init(potential, crystal, key, 600.0) for key in keys]
    state = stack(states) if replicas > 1 else states[0]

    def number(method):
        def value(potential, state):
            record = lambda potential, state: jnp.sum(state.system.positions**2)  # noqa: E731
            found = method.sample(potential, simulator, state, Schedule(frames=1, stride=steps), record)
            return jnp.sum(found.records * found.weights), jnp.any(found.diagnostics["overflow"])

        return value

    run = eqx.filter_jit(number(Forward()))
    slope = eqx.filter_jit(eqx.filter_grad(number(Reversible(measured=False, limit=1.0)), has_aux=True))
    while run(potential, state)[1] or slope(potential, state)[1]:
        state = roomier(potential, state)
    times = [
        (timed(lambda: run(potential, state))[0], timed(lambda: slope(potential, state))[0]) for _ in range(REPEATS)
    ]
    forward, gradient = np.median(times, axis=0) * 1e6 / (steps * replicas * len(crystal.numbers))
    size = f"{len(crystal.numbers)} atoms × {replicas}, {steps} steps"
    print(f"{size}: run {forward:.3f}, gradient {gradient:.3f} µs per atom and step, ratio {gradient / forward:.2f}")


if __name__ == "__main__":
    main()
