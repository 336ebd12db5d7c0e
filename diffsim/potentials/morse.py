"""The Morse potential."""

import jax.numpy as jnp
from jaxtyping import Array, Float

from diffsim.fields import constant, parameter
from diffsim.graph import Graph
from diffsim.potentials.base import AbstractPotential, atomic_numbers
from diffsim.potentials.pairs import check_ending, sum_of_pairs
from diffsim.potentials.tables import check_tables, of_pairs, symmetrized


class Morse(AbstractPotential):
    """Morse potential (doi:10.1103/PhysRev.34.57), as `pair_style morse`.

    E = ½ Σ_{i≠j} D [e^{−2α(r − r₀)} − 2e^{−α(r − r₀)}],   r < r_c

    D, α and r₀ are scalars, or symmetric tables `[i j]` over `species`. How it ends at the cutoff (`onset`, `shift`),
    and what it raises, is as for `LennardJones`.
    """

    D: Float[Array, "..."] = parameter("eV", positive=True)
    alpha: Float[Array, "..."] = parameter("1/Å", positive=True)
    r0: Float[Array, "..."] = parameter("Å", positive=True)
    cutoff: Float[Array, ""] = parameter("Å", positive=True)
    onset: Float[Array, ""] | None = parameter("Å", positive=True, default=None)
    shift: bool = constant(default=False)
    species: tuple[int, ...] = constant(converter=atomic_numbers, default=())

    def __check_init__(self) -> None:
        check_ending(self.cutoff, self.onset, self.shift)
        check_tables(self, pairs=("D", "alpha", "r0"), triplets=())

    @property
    def pairwise(self) -> bool:
        return True

    def atomic_energies(self, graph: Graph) -> Float[Array, " atoms"]:
        middle, end = graph.kinds(self.species)
        D, alpha, r0 = (of_pairs(symmetrized(table), middle, end) for table in (self.D, self.alpha, self.r0))

        def pair(square: Array) -> Array:
            bond = jnp.exp(-alpha * (jnp.sqrt(square) - r0))
            return D * (bond * bond - 2 * bond)

        return sum_of_pairs(pair, graph, self.cutoff, onset=self.onset, shift=self.shift)
