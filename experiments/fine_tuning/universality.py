"""What the universal network's fits have bought, and what they have paid: silicon, and all that is not silicon."""

from collections.abc import Sequence
from pathlib import Path

from ase.build import bulk

from diffsim import Configuration, System, load_potential, relabelled, unlabelled
from diffsim.potentials import AbstractPotential
from experiments.fine_tuning.judge import Line, off_labels, off_target, write_lines
from experiments.fine_tuning.size import Size
from experiments.fine_tuning.universal import FITS, crystal, elsewhere
from experiments.silicon_families.data import parts

Cell = tuple[str, str, float]
OTHERS = (
    ("C", "diamond", 3.57), ("Ge", "diamond", 5.66), ("Al", "fcc", 4.05), ("Cu", "fcc", 3.61), ("Fe", "bcc", 2.87),
    ("W", "bcc", 3.16), ("NaCl", "rocksalt", 5.64), ("MgO", "rocksalt", 4.21), ("LiF", "rocksalt", 4.03),
    ("TiN", "rocksalt", 4.24), ("GaAs", "zincblende", 5.65), ("ZnS", "zincblende", 5.41), ("CaF2", "fluorite", 5.46),
)  # fmt: skip
OF_SILICON = (("SiC", "zincblende", 4.36), ("SiMg2", "fluorite", 6.35), ("SiGe", "zincblende", 5.54))
_AMPLITUDE = 0.05  # Å


def judge_universal(size: Size, folder: Path) -> list[Line]:
    """Leaves `universal.csv` in the folder: root mean squares; of energies and forces, mean absolute errors."""
    start = load_potential(folder / "universal" / "potential.json")
    found = {"before": start} | {name: load_potential(folder / "universal" / name / "potential.json") for name in FITS}
    lines = []
    for name, potential in found.items():
        lines += [*_silicon(name, potential, size), *_rest(name, potential, start)]
        write_lines(folder / "universal.csv", lines)
    return lines


def _silicon(name: str, potential: AbstractPotential, size: Size) -> list[Line]:
    test = parts(size.structures).test
    return [
        *off_target(name, potential, crystal()),
        *off_target(name, potential, elsewhere()),
        *off_labels(name, "silicon's test", relabelled(potential, test), test),
    ]


def _rest(name: str, potential: AbstractPotential, start: AbstractPotential) -> list[Line]:
    lines = []
    for label, cells in (("compounds of silicon", OF_SILICON), ("other crystals", OTHERS)):
        structures = rattled(cells)
        found, before = relabelled(potential, structures), relabelled(start, structures)
        lines += off_labels(name, f"{label}: change", found, before)
    return lines


def rattled(cells: Sequence[Cell]) -> list[Configuration]:
    """Crystals that are not at rest."""
    found = []
    for seed, (name, structure, a) in enumerate(cells):
        atoms = bulk(name, structure, a=a, cubic=True)
        atoms.rattle(_AMPLITUDE, seed=seed)
        found.append(System.from_ase(atoms))
    return unlabelled(found)
