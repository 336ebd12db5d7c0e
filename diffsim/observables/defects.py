"""The energy of a missing atom."""

from collections.abc import Sequence

from jaxtyping import Array, Float

from diffsim.fields import constant
from diffsim.mechanics import energy, require_periodic
from diffsim.neighbors import Neighbors
from diffsim.observables.base import AbstractStatic
from diffsim.observables.pieces import Piece
from diffsim.observables.stationary import Displaced, stationary_energy
from diffsim.potentials.base import AbstractPotential
from diffsim.simulators.state import State
from diffsim.system import System


class VacancyFormationEnergy(AbstractStatic):
    """E(N − 1 atoms) − (N − 1)/N E(N atoms) in eV: one atom taken out of a supercell, the others relaxed at fixed cell.

    The cell is that of the experiment's relaxed crystal, and the derivative knows. That of the other atoms' relaxation
    is not needed: at the minimum the forces vanish (envelope theorem). `structure` is the perfect cell that the
    experiment relaxes, in the same order of atoms. In a compound that is no vacancy's energy, which would need the
    chemical potential of the missing element. `radius` is how far the list of the supercell reaches, in Å: the
    cutoff and room to relax; NaN where that is outgrown.

    **Raises** `ValueError` for a supercell of a single atom, and one that is not periodic.
    """

    defective: Displaced
    unit: str = constant(default="eV")

    def __init__(self, structure: System, repeats: Sequence[int], radius: float):
        require_periodic(structure, "a vacancy")
        piece = Piece.supercell(structure, repeats)
        if len(piece.places) < 2:
            raise ValueError(f"a vacancy needs a supercell of at least two atoms: raise repeats, got {tuple(repeats)}")
        piece = piece.without(0)
        self.defective = Displaced(piece, Neighbors.allocate(piece.of(structure), radius))
        self.unit = "eV"

    @property
    def labels(self) -> tuple[str, ...]:
        return ("vacancy",)

    def record(self, potential: AbstractPotential, state: State) -> Float[Array, ""]:
        per_atom = energy(potential, state.system, state.neighbors) / len(state.system.numbers)
        n_left = len(self.defective.piece.places)
        return stationary_energy(self.defective, potential, state.system) - n_left * per_atom
