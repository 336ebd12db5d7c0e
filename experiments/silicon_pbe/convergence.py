"""Convergence of energy differences, forces and stress in cutoff and k-mesh, for each pseudopotential.

The probe is a cell that has nothing but a three-fold axis left: 2 % smaller along every axis, sheared by
``ε_yz = ε_zx = ε_xy = 0.01``, its second atom moved 0.02 Å along [111].  A row holds the energy of the probe
relative to the perfect crystal, the force on the moved atom and the stress; one parameter is varied while the
others are held, and every row is compared with the best value of that parameter.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from ase import Atoms
from ase.build import bulk
from ase.units import GPa

from experiments.silicon_pbe.espresso import CONVERGED, ULTRASOFT, PlaneWaves, PwCache

PROBE_LATTICE_CONSTANT = 5.47  # Å
ENERGY_LIMIT = 0.5  # meV/atom
FORCE_LIMIT = 5.0  # meV/Å
STRESS_LIMIT = 0.1  # GPa

NORM_CONSERVING_CUTOFFS = (15.0, 20.0, 25.0, 30.0, 40.0, 60.0)
ULTRASOFT_CUTOFFS = ((30.0, 480.0), (40.0, 480.0), (50.0, 480.0), (60.0, 480.0))
ULTRASOFT_DENSITY_CUTOFFS = ((40.0, 160.0), (40.0, 240.0), (40.0, 320.0), (40.0, 480.0))
MESHES = ((4, 4, 4), (6, 6, 6), (8, 8, 8), (10, 10, 10), (12, 12, 12))
HELD_MESH = (8, 8, 8)  # while a cutoff is varied
ULTRASOFT_SETTING = PlaneWaves(ULTRASOFT, 40.0, 240.0, HELD_MESH)


@dataclass(frozen=True)
class Series:
    """Settings in which one parameter is varied, the best last."""

    varied: str
    settings: tuple[PlaneWaves, ...]


@dataclass(frozen=True)
class Probe:
    """Energy difference (meV/atom), largest-component force (meV/Å) and stress (GPa, Voigt) of one setting."""

    energy: float
    force: np.ndarray
    stress: np.ndarray
    seconds: float


def list_series() -> tuple[Series, ...]:
    """Return the series of the convergence table."""
    hard, soft = replace(CONVERGED, kmesh=HELD_MESH), ULTRASOFT_SETTING
    return (
        Series("ecutwfc", tuple(replace(hard, ecutwfc=cut, ecutrho=4 * cut) for cut in NORM_CONSERVING_CUTOFFS)),
        Series("kmesh", tuple(replace(CONVERGED, kmesh=mesh) for mesh in MESHES)),
        Series("ecutwfc", tuple(replace(soft, ecutwfc=cut, ecutrho=rho) for cut, rho in ULTRASOFT_CUTOFFS)),
        Series("ecutrho", tuple(replace(soft, ecutwfc=cut, ecutrho=rho) for cut, rho in ULTRASOFT_DENSITY_CUTOFFS)),
        Series("kmesh", tuple(replace(soft, kmesh=mesh) for mesh in MESHES)),
    )


def build_probe() -> Atoms:
    """Return the strained primitive cell with its second atom displaced."""
    atoms = bulk("Si", a=PROBE_LATTICE_CONSTANT)
    strain = np.full((3, 3), 0.01) - 0.03 * np.eye(3)
    atoms.set_cell(atoms.cell.array @ (np.eye(3) + strain), scale_atoms=True)
    atoms.positions[1] += 0.02 / np.sqrt(3.0)
    return atoms


def measure(cache: PwCache, setting: PlaneWaves) -> Probe:
    """Return what a setting gives for the probe."""
    perfect = cache.solve(bulk("Si", a=PROBE_LATTICE_CONSTANT), setting)
    probe = cache.solve(build_probe(), setting)
    energy = 1e3 * (probe["energy"] - perfect["energy"]) / 2
    return Probe(energy, 1e3 * np.array(probe["forces"][1]), np.array(probe["stress"]) / GPa, probe["seconds"])


def compare(setting: PlaneWaves, probe: Probe, best: Probe) -> dict:
    """Return a row of the table: the setting, its errors against the best and whether it passes."""
    energy = abs(probe.energy - best.energy)
    force = float(np.abs(probe.force - best.force).max())
    stress = float(np.abs(probe.stress - best.stress).max())
    return {
        "pseudopotential": setting.pseudo,
        "ecutwfc_Ry": setting.ecutwfc,
        "ecutrho_Ry": setting.ecutrho,
        "kmesh": list(setting.kmesh),
        "energy_difference_meV_per_atom": probe.energy,
        "force_meV_per_A": float(probe.force[0]),
        "stress_xx_GPa": float(probe.stress[0]),
        "stress_yz_GPa": float(probe.stress[3]),
        "energy_error_meV_per_atom": energy,
        "force_error_meV_per_A": force,
        "stress_error_GPa": stress,
        "passes": energy <= ENERGY_LIMIT and force <= FORCE_LIMIT and stress <= STRESS_LIMIT,
        "seconds": probe.seconds,
    }


def tabulate(cache: PwCache) -> Iterator[dict]:
    """Yield the rows of the convergence table, series by series."""
    for series in list_series():
        best = measure(cache, series.settings[-1])
        for setting in series.settings:
            row = {"varied": series.varied, "reference": setting == series.settings[-1]}
            yield row | compare(setting, measure(cache, setting), best)


def format_row(row: dict) -> str:
    """Return one line of the printed table."""
    mesh = "×".join(map(str, row["kmesh"]))
    verdict = "reference" if row["reference"] else "pass" if row["passes"] else "FAIL"
    return (
        f"{row['pseudopotential']:32s} {row['varied']:8s} {row['ecutwfc_Ry']:4.0f} {row['ecutrho_Ry']:4.0f} {mesh:9s}"
        f" {row['energy_error_meV_per_atom']:8.3f} {row['force_error_meV_per_A']:8.2f} {row['stress_error_GPa']:8.3f}"
        f" {row['seconds']:6.1f}  {verdict}"
    )


HEADER = (
    f"{'pseudopotential':32s} {'varied':8s} {'wfc':>4s} {'rho':>4s} {'k-mesh':9s}"
    f" {'meV/atom':>8s} {'meV/Å':>8s} {'GPa':>8s} {'s':>6s}"
)
