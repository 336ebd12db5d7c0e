"""Single points of pw.x through ASE, each cached as JSON under a hash of everything it depends on."""

import hashlib
import json
import resource
import shutil
import subprocess
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from ase import Atoms
from ase.calculators.espresso import Espresso, EspressoProfile
from ase.units import Ry, kB

NORM_CONSERVING = "Si.pbe-rrkj.UPF"
ULTRASOFT = "Si.pbe-nl-rrkjus_psl.1.0.0.UPF"

KPoint = tuple[float, float, float, float]  # fractions of the reciprocal vectors, and a weight


@dataclass(frozen=True)
class PlaneWaves:
    """Numerical setting of a calculation: cutoffs and smearing in Ry, a Γ-centred k-mesh.

    In place of the ``kmesh`` may stand the points themselves, with weights, or None: Γ alone, with real orbitals.
    ``smearing`` is the width of Marzari–Vanderbilt cold smearing, 0 for an insulator's fixed occupations.
    ``temperature`` (K) is that of electrons in equilibrium, with Fermi–Dirac occupations: the energy is then their free
    energy F = E − TS, whose derivatives the forces are (Mermin, doi:10.1103/PhysRev.137.A1441).
    ``magnetization`` (Bohr magnetons) makes the calculation spin-polarised with that fixed total moment.
    ``threshold`` (Ry per cell) is the error of the energy at which self-consistency is reached.  ``mixing`` is pw.x's
    way there: "local-TF" keeps charge from sloshing through the vacuum of a slab.  Without ``symmetry`` only time
    reversal reduces the mesh: fewer points where the mesh of a tilted cell has not the symmetry of the crystal.
    """

    pseudo: str
    ecutwfc: float
    ecutrho: float
    kmesh: tuple[int, int, int] | tuple[KPoint, ...] | None
    smearing: float = 0.0
    magnetization: int | None = None
    threshold: float = 1e-10
    mixing: str = "plain"
    symmetry: bool = True
    temperature: float = 0.0

    def build_input(self) -> dict:
        """Return the nested namelists of pw.x."""
        system = {"ecutwfc": self.ecutwfc, "ecutrho": self.ecutrho, "occupations": "fixed"}
        if not self.symmetry:
            system["nosym"] = True
        if self.smearing:
            system |= {"occupations": "smearing", "smearing": "mv", "degauss": self.smearing}
        if self.temperature:
            system |= {"occupations": "smearing", "smearing": "fd", "degauss": kB * self.temperature / Ry}
        if self.magnetization is not None:
            system |= {"nspin": 2, "tot_magnetization": self.magnetization}
        control = {"tprnfor": True, "tstress": self.magnetization is None, "disk_io": "none"}
        electrons = {"conv_thr": self.threshold, "mixing_beta": 0.6, "mixing_mode": self.mixing}
        return {"control": control, "system": system, "electrons": electrons}


# The setting of all the data; the convergence table shows that it passes.
CONVERGED = PlaneWaves(NORM_CONSERVING, 30.0, 120.0, (10, 10, 10))


def check_installation(pseudo_dir: Path) -> None:
    """Stop with one sentence if pw.x or a pseudopotential is missing."""
    if shutil.which("pw.x") is None:
        raise SystemExit("pw.x was not found: install Quantum ESPRESSO with `apt-get install quantum-espresso`.")
    for name in (NORM_CONSERVING, ULTRASOFT):
        if not (pseudo_dir / name).is_file():
            raise SystemExit(
                f"{name} is not in {pseudo_dir}: install it with `apt-get install quantum-espresso-data` "
                "or name its folder with --pseudo-dir."
            )


class PwCache:
    """Runs pw.x in a work directory and remembers every result there.

    Args:
        work: directory for the scratch files and the cached results.
        pseudo_dir: directory of the UPF pseudopotentials.
    """

    def __init__(self, work: Path, pseudo_dir: Path):
        check_installation(pseudo_dir)
        self.work = work
        self.pseudo_dir = pseudo_dir
        (work / "results").mkdir(parents=True, exist_ok=True)

    def hash_pseudo(self, name: str) -> str:
        """Return the sha256 of a pseudopotential file."""
        return hashlib.sha256((self.pseudo_dir / name).read_bytes()).hexdigest()

    def solve(self, atoms: Atoms, setting: PlaneWaves) -> dict:
        """Return energy (eV per cell), forces (eV/Å), stress (eV/Å³, Voigt, tension positive), wall and CPU seconds.

        ``stress`` is None for a spin-polarised calculation, where it is not asked for.
        """
        inputs = {
            "numbers": atoms.numbers.tolist(),
            "cell": np.round(atoms.cell.array, 10).tolist(),
            "positions": np.round(atoms.positions, 10).tolist(),
            "setting": asdict(setting),
            "sha256": self.hash_pseudo(setting.pseudo),
        }
        key = hashlib.sha256(json.dumps(inputs, sort_keys=True).encode()).hexdigest()[:20]
        path = self.work / "results" / f"{key}.json"
        if not path.exists():
            result = self._run(atoms, setting)
            path.write_text(json.dumps({"inputs": inputs, "result": result}))
        return json.loads(path.read_text())["result"]

    def find_version(self) -> str:
        """Return the version of pw.x that made the cached results, several joined by commas."""
        results = (json.loads(path.read_text())["result"] for path in (self.work / "results").glob("*.json"))
        return ", ".join(sorted({result["version"] for result in results}))

    def _run(self, atoms: Atoms, setting: PlaneWaves) -> dict:
        scratch = self.work / "scratch"
        atoms = atoms.copy()
        atoms.calc = Espresso(
            profile=EspressoProfile(command="pw.x", pseudo_dir=self.pseudo_dir),
            directory=str(scratch),
            pseudopotentials={"Si": setting.pseudo},
            # ASE's default offset of zero is the Γ-centred mesh; a shifted one breaks the symmetry of a strained cell.
            kpts=setting.kmesh if np.ndim(setting.kmesh or 0) < 2 else np.array(setting.kmesh),
            input_data=setting.build_input(),
        )
        start, cpu_start = time.perf_counter(), _cpu_seconds()
        try:
            energy = atoms.get_potential_energy()
        except subprocess.CalledProcessError as error:
            raise SystemExit(f"pw.x failed; its output is {scratch / 'espresso.pwo'}.") from error
        return {
            "energy": energy,
            "forces": atoms.get_forces().tolist(),
            "stress": None if setting.magnetization is not None else atoms.get_stress().tolist(),
            "seconds": time.perf_counter() - start,
            "cpu_seconds": _cpu_seconds() - cpu_start,
            "version": EspressoProfile.parse_version((scratch / "espresso.pwo").read_text()),
        }


def _cpu_seconds() -> float:
    """Return the processor time of the programs run so far."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime
