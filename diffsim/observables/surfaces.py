"""The energy of a surface."""

from collections.abc import Sequence

from jaxtyping import Array, Float

from diffsim import units
from diffsim.fields import constant
from diffsim.mechanics import energy
from diffsim.neighbors import Neighbors
from diffsim.observables.base import AbstractStatic
from diffsim.observables.energies import energy_within
from diffsim.observables.pieces import Piece, area
from diffsim.observables.stationary import Displaced, stationary_energy
from diffsim.potentials.base import AbstractPotential
from diffsim.simulators.state import State
from diffsim.system import System

_ROOM = 2.0  # Å: how much wider the vacuum is than the list reaches, so that faces may move outwards


class SurfaceEnergy(AbstractStatic):
    """(E_slab − N E_bulk/atom) / 2A in J/m²: the mean of a slab's two faces (hkl), unreconstructed.

    The slab is cut from the experiment's own crystal, so its cell in the plane is that of the relaxed bulk. `layers`
    counts lattice planes (hkl), each with all atoms of a primitive cell; the vacuum is wider than `radius`, so the
    images do not see each other. `cut` chooses the face: between which sheets of atoms the crystal is cleaved, counted
    from the widest gap (diamond (111): 0 has one broken bond an atom, 1 three). `relaxed` lets the atoms move; the
    derivative needs no derivative of that (envelope theorem).

    `structure` is the perfect cell that the experiment relaxes (with its cell), in the same order of atoms. Miller
    indices are those of the conventional cube where its lattice is cubic, of its own vectors otherwise. `radius`, in
    Å, is how far the slab's list reaches: the cutoff and room to relax; NaN where that is outgrown.
    """

    slab: Displaced
    miller: tuple[int, int, int] = constant()
    relaxed: bool = constant(default=True)
    unit: str = constant(default="J/m²")

    def __init__(
        self,
        structure: System,
        miller: Sequence[int],
        layers: int,
        *,
        radius: float,
        cut: int = 0,
        relaxed: bool = True,
    ):
        piece = Piece.planes(structure, miller, layers, cut=cut, empty=radius + _ROOM)
        self.slab = Displaced(piece, Neighbors.allocate(piece.of(structure), radius))
        h, k, l = miller
        self.miller = (h, k, l)
        self.relaxed = relaxed
        self.unit = "J/m²"

    @property
    def labels(self) -> tuple[str, ...]:
        return (f"({''.join(str(index) for index in self.miller)})",)

    def record(self, potential: AbstractPotential, state: State) -> Float[Array, ""]:
        crystal = state.system
        bulk = energy(potential, crystal, state.neighbors) / len(crystal.numbers)
        cut = self.slab.piece.of(crystal)
        if self.relaxed:
            total = stationary_energy(self.slab, potential, crystal)
        else:
            total = energy_within(potential, cut, self.slab.neighbors)
        return (total - len(cut.numbers) * bulk) / (2 * area(cut)) / units.J_per_m2
