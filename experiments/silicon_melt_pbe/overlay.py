"""What is fitted: Stillinger and Weber's bonds and angles, with an embedded-atom term for the metal."""

import numpy as np
from jaxtyping import Array, Float

from diffsim import EAM, AbstractPotential, Free, StillingerWeber
from diffsim.fields import constant
from diffsim.graph import Graph
from diffsim.potentials.base import atomic_numbers

CUTOFF = 5.0  # Å, of the tables; half of the cell is 5.26
KNOTS = 21
DENSITY_KNOTS = 13
NEIGHBOURS = 12.0  # the density where the table of the embedding energy ends
# How far a knot may stray, as the standard deviation of its prior: enough to bend, too little to run where no pair is
SPREAD = {"embedding": 0.3, "density": 0.3, "pair": 1.0}  # eV, 1, eV Å


class Overlay(AbstractPotential):
    """The sum of Stillinger–Weber and embedded-atom energies, as LAMMPS' `hybrid/overlay sw eam/alloy`.

    E_i = E_i^SW + F(Σ_j f(r_ij)) + ½ Σ_j φ(r_ij)

    The first knows of angles, which a liquid with six neighbours has left of its crystal; the second how much less a
    bond is worth where there are more.
    """

    bonds: StillingerWeber
    metal: EAM
    species: tuple[int, ...] = constant(converter=atomic_numbers, default=("Si",))

    @property
    def cutoff(self) -> Float[Array, ""]:
        return self.metal.cutoff

    def atomic_energies(self, graph: Graph) -> Float[Array, " atoms"]:
        return self.bonds.atomic_energies(graph) + self.metal.atomic_energies(graph)


def start() -> Overlay:
    """Stillinger and Weber's silicon with an embedded-atom term that is zero so far."""
    x = np.linspace(0, 1, KNOTS)
    density = 2 * (1 - x**2) ** 3  # about one for each of the nearest
    metal = EAM(
        embedding=np.zeros((1, DENSITY_KNOTS)),
        density=density[None],
        pair=np.zeros((1, KNOTS)),
        density_step=NEIGHBOURS / (DENSITY_KNOTS - 1),
        distance_step=CUTOFF / (KNOTS - 1),
        table_cutoff=CUTOFF,
        species=("Si",),
    )
    return Overlay(bonds=StillingerWeber.silicon(), metal=metal)


def trainable() -> dict[str, Free]:
    """All parameters but ε, which only multiplies A and λ, and the powers of the pair part."""
    tables = {f"metal.{name}": Free(prior=spread) for name, spread in SPREAD.items()}
    bonds = {f"bonds.{name}": Free(prior=0.3) for name in ("sigma", "a", "lam", "gamma", "A", "B")}
    return bonds | {"bonds.cos_theta0": Free(prior=0.3)} | tables
