"""The Buckingham potential with point charges, for ionic solids."""

import jax.numpy as jnp
from jaxtyping import Array, Float

from diffsim.fields import constant, parameter
from diffsim.graph import Graph
from diffsim.potentials.base import AbstractPotential, atomic_numbers, check_cutoff
from diffsim.potentials.coulomb import damped_shifted_force
from diffsim.potentials.pairs import sum_of_pairs
from diffsim.potentials.tables import check_tables, of_pairs, symmetrized


class Buckingham(AbstractPotential):
    """Buckingham potential of ions (doi:10.1098/rspa.1938.0173).

    E = ½ Σ_{i≠j} [A e^{−r/ρ} − C/r⁶] + Coulomb energy by damped shifted forces (`coulomb.damped_shifted_force`)

    A, ρ and C are scalars, or symmetric tables `[i j]` over `species`; `charges` has one entry for each species and
    must make the system neutral. The first part ends at `short_cutoff`, lowered by its value there with `shift`; the
    second, which ends smoothly by itself, at `coulomb_cutoff`, damped by `alpha`. Derivatives with respect to
    `short_cutoff` are those of a cut (zero almost everywhere) or shifted potential.

    Below some distance (1.2 Å for Si–O in `bks`) −C/r⁶ wins and the energy falls without bound: stay away from there.
    """

    A: Float[Array, "..."] = parameter("eV", positive=True)
    rho: Float[Array, "..."] = parameter("Å", positive=True)
    C: Float[Array, "..."] = parameter("eV Å⁶", positive=True)
    charges: Float[Array, " species"] = parameter("e")
    alpha: Float[Array, ""] = parameter("1/Å", positive=True)
    short_cutoff: Float[Array, ""] = parameter("Å", positive=True)
    coulomb_cutoff: Float[Array, ""] = parameter("Å", positive=True)
    shift: bool = constant(default=False)
    species: tuple[int, ...] = constant(converter=atomic_numbers, default=())

    def __check_init__(self) -> None:
        check_cutoff(self.short_cutoff, "short_cutoff")
        check_cutoff(self.coulomb_cutoff, "coulomb_cutoff")
        check_tables(self, pairs=("A", "rho", "C"), triplets=())
        if self.charges.shape != (len(self.species),):
            raise ValueError(f"charges must be one for each of {len(self.species)} species, got {self.charges.shape}")

    @property
    def cutoff(self) -> Float[Array, ""]:
        return jnp.maximum(self.short_cutoff, self.coulomb_cutoff)

    @property
    def pairwise(self) -> bool:
        return True

    def atomic_energies(self, graph: Graph) -> Float[Array, " atoms"]:
        middle, end = graph.kinds(self.species)
        A, rho, C = (of_pairs(symmetrized(table), middle, end) for table in (self.A, self.rho, self.C))
        pair = lambda square: A * jnp.exp(-jnp.sqrt(square) / rho) - C / square**3  # noqa: E731
        short = sum_of_pairs(pair, graph, self.short_cutoff, shift=self.shift)
        return short + damped_shifted_force(
            graph, self.charges, middle, end, alpha=self.alpha, cutoff=self.coulomb_cutoff
        )

    @staticmethod
    def bks(*, short_cutoff: float = 10.0, coulomb_cutoff: float = 10.0, alpha: float = 0.2) -> "Buckingham":
        """SiO₂ by van Beest, Kramer and van Santen (doi:10.1103/PhysRevLett.64.1955).

        The cutoffs (Å) and the damping (1/Å) are not part of it: they stand for the Ewald sum of the paper.
        """
        return Buckingham(
            A=[[0.0, 18003.7572], [18003.7572, 1388.7730]],
            rho=[[1.0, 1 / 4.87318], [1 / 4.87318, 1 / 2.76000]],  # no short-range part between Si and Si
            C=[[0.0, 133.5381], [133.5381, 175.0000]],
            charges=[2.4, -1.2],
            alpha=alpha,
            short_cutoff=short_cutoff,
            coulomb_cutoff=coulomb_cutoff,
            species=("Si", "O"),
        )
