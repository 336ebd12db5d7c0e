"""LAMMPS with one exported potential file of silicon."""

from collections.abc import Sequence
from pathlib import Path

from diffsim import EDIP, StillingerWeber, System, Tersoff
from diffsim.potentials.base import AbstractPotential
from experiments.lammps import Answer, Lammps

_STYLES = {StillingerWeber: "sw", EDIP: "edip/multi", Tersoff: "tersoff"}
AT_FIXED_CELL = ("min_style cg", "min_modify line quadratic", "minimize 0.0 1.0e-9 5000 50000")


class Exported:
    """A potential as LAMMPS reads it from the file that is written into `folder`."""

    def __init__(self, lammps: Lammps, potential: StillingerWeber | EDIP | Tersoff, folder: Path):
        folder.mkdir(parents=True, exist_ok=True)
        self.lammps, self.file = lammps, folder / "potential.lammps"
        potential.to_lammps(self.file)
        self.commands = commands_for(potential, self.file)

    def ask(self, system: System, minimize: Sequence[str] = ()) -> Answer:
        """Energy, forces and stress, after commands that minimise."""
        return self.lammps.ask(system, self.commands, ["Si"], minimize)


def commands_for(potential: AbstractPotential, file: Path) -> list[str]:
    """The pair commands of a potential file for silicon."""
    return [f"pair_style {_STYLES[type(potential)]}", f"pair_coeff * * {file} Si"]
