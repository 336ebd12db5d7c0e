"""Energy and forces of CHGNet 0.3.0 in 32-bit floats beside the original package, one thread each.

The original runs in a process of its own, in an environment that has torch, asked in turn with ours. Graphs and lists
are made before; medians of processor time. diffsim needs the weights: pip install --no-deps chgnet==0.4.2
Run: python -m benchmarks.chgnet PYTHON_WITH_TORCH [silicon|magnesia ...] [--large]
"""

import os
import subprocess
import sys
import time

os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
os.environ["OMP_NUM_THREADS"] = "1"

import equinox as eqx
import jax
import numpy as np
from ase import Atoms
from ase.build import bulk

from diffsim import CHGNet, System
from diffsim.mechanics import neighbors_of, total_energy

REPEATS = 7
SIZES = {8: (1, 1, 1), 64: (2, 2, 2), 256: (4, 4, 2)}
LARGE = {512: (4, 4, 4), 1024: (8, 4, 4), 2048: (8, 8, 4)}
CRYSTALS = {
    "silicon": lambda: bulk("Si", a=5.43, cubic=True),  # 46 edges of an atom, 12 angles
    "magnesia": lambda: bulk("MgO", "rocksalt", a=4.21, cubic=True),  # 92 edges, 168 angles
}
_THEIRS = """
import sys, time, warnings
warnings.simplefilter("ignore")
import torch
from ase.io import read
from chgnet.model import CHGNet
from pymatgen.io.ase import AseAtomsAdaptor
torch.set_num_threads(1)
net = CHGNet.load(use_device="cpu", verbose=False)
print("ready", flush=True)
for line in sys.stdin:
    if line.strip():
        graph = net.graph_converter(AseAtomsAdaptor.get_structure(read(line.strip())))
    began = time.process_time()
    found = net.predict_graph(graph, task="ef")
    print(time.process_time() - began, float(found["e"]), abs(found["f"]).max(), flush=True)
"""


def main() -> None:
    python, *rest = sys.argv[1:]
    sizes = SIZES | LARGE if "--large" in rest else SIZES
    potential = CHGNet.load("0.3.0")
    with subprocess.Popen([python, "-c", _THEIRS], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as theirs:
        while "ready" not in theirs.stdout.readline():
            pass
        for name in [a for a in rest if not a.startswith("--")] or CRYSTALS:
            for size, repeats in sizes.items():
                print(
                    name, size, "atoms:", compared(potential, theirs, rattled(CRYSTALS[name]() * repeats)), flush=True
                )
        theirs.stdin.close()


def rattled(atoms: Atoms) -> Atoms:
    atoms.rattle(0.05, seed=0)
    return atoms


def compared(potential: CHGNet, theirs: subprocess.Popen, atoms: Atoms) -> str:
    """Medians of both in turn, after checking that they say the same."""
    path = f"/tmp/chgnet_{os.getpid()}.traj"
    atoms.write(path)
    system = System.from_ase(atoms)
    neighbors = neighbors_of(potential, system, None)
    compilation, (energy, slope) = timed(potential, system, neighbors)
    _, their_energy, their_force = asked(theirs, path)
    os.remove(path)
    assert abs(float(energy) / len(atoms) - their_energy) < 2e-5
    assert abs(float(abs(slope).max()) - their_force) < 1e-3
    few = REPEATS if len(atoms) < 500 else 3
    pairs = [(timed(potential, system, neighbors)[0], asked(theirs, "")[0]) for _ in range(few)]
    ours, original = np.median(pairs, axis=0)
    return (
        f"{1e3 * ours:.1f} ms, original {1e3 * original:.1f} ms, {original / ours:.2f} times as fast, "
        f"{1e6 * ours / len(atoms):.0f} µs per atom, compilation {compilation:.1f} s"
    )


@eqx.filter_jit
def evaluated(potential, system, neighbors):
    return jax.value_and_grad(lambda x: total_energy(potential, system.replace(positions=x), neighbors))(
        system.positions
    )


def timed(*given):
    """Processor time, and what came out."""
    began = time.process_time()
    found = jax.block_until_ready(evaluated(*given))
    return time.process_time() - began, found


def asked(theirs: subprocess.Popen, path: str) -> list[float]:
    theirs.stdin.write(f"{path}\n")
    theirs.stdin.flush()
    return [float(x) for x in theirs.stdout.readline().split()]


if __name__ == "__main__":
    main()
