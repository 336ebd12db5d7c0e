"""What the potentials of `evidence` are trained on, and what they never see: our own first-principles data."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from ase import Atoms

import diffsim
import diffsim.data.reference
from diffsim import (
    AbstractObservable,
    AbstractPotential,
    CohesiveEnergy,
    ElasticConstants,
    Experiment,
    Implicit,
    LatticeConstant,
    ModeGruneisen,
    PhaseEnergy,
    PhononFrequencies,
    StackingFaultEnergy,
    SurfaceEnergy,
    System,
    Target,
    VacancyFormationEnergy,
)
from experiments.jctc_2025.pareto import CONSTANTS, POINTS, lattice_constant, targets_of_reference
from experiments.jctc_2025.references import primitive_cell

_ROOM = 1.4  # of the lists of defects, relative to the published cutoff: for longer cutoffs and for relaxation
VACANCY_REPEATS = (3, 3, 3)  # of the primitive cell
_PUBLISHED_VACANCY = 3.67  # eV, 432 atoms in PBE: doi:10.1051/epjpv/2017006


def reference(key: str) -> Any:
    """A number of our own data set, None where it has no such key."""
    try:
        return diffsim.data.reference.reference("silicon_pbe", key)
    except ValueError:
        return None


def training() -> dict[str, Experiment]:
    """The crystal at rest: its size and cohesion, elastic constants, and phonons at Γ, X and L."""
    elastic, phonons = targets_of_reference()
    qpoints = [reference(f"phonons.qpoints.{name}") for name in POINTS]
    targets = {
        "lattice_constant": Target(LatticeConstant(4), lattice_constant(), scale=0.005, unit="Å"),
        "cohesive_energy": Target(CohesiveEnergy(), reference("cohesive_energy"), scale=0.02, unit="eV/atom"),
        "elastic_constants": Target(ElasticConstants(CONSTANTS), elastic, scale=3.0, unit="GPa"),
        "phonons": Target(PhononFrequencies(qpoints, POINTS), phonons, scale=0.5, unit="THz"),
    }
    return {"crystal": Experiment(primitive_cell(lattice_constant()), targets, Implicit(cell=True))}


class Unseen(NamedTuple):
    """A property that nothing is fitted to: where its reference stands, and what predicts it."""

    name: str
    key: str
    make: Callable[[System, float], AbstractObservable]  # of the crystal and the radius of lists
    scale: float
    unit: str


def surface(miller: tuple[int, int, int], layers: int) -> Callable[[System, float], AbstractObservable]:
    """A relaxed surface without reconstruction."""
    return lambda system, radius: SurfaceEnergy(system, miller, layers, radius=radius)


def fault(cut: int) -> Callable[[System, float], AbstractObservable]:
    """The unstable stacking fault between two sheets of {111}, 0 the shuffle set, 1 the glide set."""
    way = {"miller": (1, 1, 1), "direction": (1, 1, -2) if cut else (1, -1, 0), "fraction": 1 / 6 if cut else 1 / 2}
    return lambda system, radius: StackingFaultEnergy(system, **way, layers=6, radius=radius, cut=cut, unstable=True)


def beta_tin() -> System:
    """Two atoms of I4₁/amd at the reference's volume and c/a."""
    edge, height = beta_tin_edges()
    cell = np.array([[-edge, edge, height], [edge, -edge, height], [edge, edge, -height]]) / 2
    positions = [[0.0, 0.0, 0.0], [0.0, edge / 2, height / 4]]
    return System.from_ase(Atoms("Si2", cell=cell, positions=positions, pbc=True))


def beta_tin_edges() -> tuple[float, float]:
    """a and c of its conventional cell of four atoms, Å."""
    volume, ratio = reference("beta_tin.volume"), reference("beta_tin.c_over_a")
    edge = (4 * volume / ratio) ** (1 / 3)
    return edge, ratio * edge


def gruneisen(name: str) -> Callable[[System, float], AbstractObservable]:
    """Of all branches at one wave vector."""
    return lambda *_: ModeGruneisen([reference(f"phonons.qpoints.{name}")], (name,))


UNSEEN = (
    Unseen(
        "vacancy",
        "vacancy",
        lambda crystal, radius: VacancyFormationEnergy(crystal, VACANCY_REPEATS, radius),
        0.1,
        "eV",
    ),
    Unseen("surface_111", "surfaces.111.relaxed", surface((1, 1, 1), 6), 0.05, "J/m²"),
    Unseen("surface_110", "surfaces.110.relaxed", surface((1, 1, 0), 8), 0.05, "J/m²"),
    Unseen("surface_100", "surfaces.100.relaxed", surface((1, 0, 0), 6), 0.05, "J/m²"),
    Unseen("fault_shuffle", "stacking_faults.shuffle_unstable", fault(0), 0.05, "J/m²"),
    Unseen("fault_glide", "stacking_faults.glide_unstable", fault(1), 0.05, "J/m²"),
    Unseen(
        "beta_tin", "beta_tin.energy_above_diamond", lambda _, radius: PhaseEnergy(beta_tin(), radius), 0.02, "eV/atom"
    ),
    Unseen("gruneisen_X", "gruneisen.modes.X", gruneisen("X"), 0.2, ""),
    Unseen("gruneisen_L", "gruneisen.modes.L", gruneisen("L"), 0.2, ""),
)


def radius_for(original: AbstractPotential) -> float:
    """Of the lists of defects, Å, for a form and for what becomes of its parameters."""
    return _ROOM * float(original.cutoff)


def held_out(radius: float) -> tuple[dict[str, Experiment], list[str]]:
    """An experiment for each unseen property, and the names of those that the data set has no reference for."""
    system = primitive_cell(lattice_constant())
    found, missing = {}, []
    for unseen in UNSEEN:
        expected = reference(unseen.key)
        if unseen.name == "vacancy" and expected is None:
            expected = _PUBLISHED_VACANCY
        if expected is None:
            missing.append(unseen.name)
            continue
        expected = [expected] if isinstance(expected, list) else expected  # one wave vector
        target = Target(unseen.make(system, radius), expected, unseen.scale, unit=unseen.unit)
        found[unseen.name] = Experiment(system, {unseen.name: target}, Implicit(cell=True))
    return found, missing
