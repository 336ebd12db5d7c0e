"""The Lennard-Jones potential."""

import jax.numpy as jnp
from jaxtyping import Array, Float

from diffsim.fields import constant, parameter
from diffsim.graph import Graph
from diffsim.potentials.base import AbstractPotential, atomic_numbers
from diffsim.potentials.inverse import inverse
from diffsim.potentials.pairs import check_ending, sum_of_pairs
from diffsim.potentials.tables import check_tables, of_pairs, symmetrized


class LennardJones(AbstractPotential):
    """Lennard-Jones potential (doi:10.1098/rspa.1924.0082).

    E = ½ Σ_{i≠j} 4ε [(σ/r)¹² − (σ/r)⁶],   r < r_c

    Cut off at r_c as it is; with `shift` lowered by its value there; with an `onset` multiplied by XPLOR's switch
    (`smoothing.mollifier`), which makes the force continuous too. The derivative with respect to the cutoff is zero
    almost everywhere where the potential is merely cut, −φ'(r_c) a pair where it is shifted, smooth with an onset.

    ε and σ are scalars, or symmetric tables `[i j]` over `species`, every entry given: nothing is mixed.

    **Raises** `ValueError` for a cutoff that is not positive, an onset beyond it or together with `shift`, and tables
    that do not fit the species.
    """

    epsilon: Float[Array, "..."] = parameter("eV", positive=True)
    sigma: Float[Array, "..."] = parameter("Å", positive=True)
    cutoff: Float[Array, ""] = parameter("Å", positive=True)
    onset: Float[Array, ""] | None = parameter("Å", positive=True, default=None)
    shift: bool = constant(default=False)
    species: tuple[int, ...] = constant(converter=atomic_numbers, default=())

    def __check_init__(self) -> None:
        check_ending(self.cutoff, self.onset, self.shift)
        check_tables(self, pairs=("epsilon", "sigma"), triplets=())

    @property
    def pairwise(self) -> bool:
        return True

    def atomic_energies(self, graph: Graph) -> Float[Array, " atoms"]:
        middle, end = graph.kinds(self.species)
        epsilon, sigma = (of_pairs(symmetrized(table), middle, end) for table in (self.epsilon, self.sigma))

        def pair(square: Array) -> Array:
            s6 = (sigma * sigma * inverse(square)) ** 3
            return 4 * epsilon * (jnp.square(s6) - s6)

        return sum_of_pairs(pair, graph, self.cutoff, onset=self.onset, shift=self.shift)

    @staticmethod
    def argon() -> "LennardJones":
        """ε 0.01042 eV and σ 3.405 Å for argon, taken to zero between 9.0 and 10.5 Å."""
        return LennardJones(epsilon=0.01042, sigma=3.405, cutoff=10.5, onset=9.0, species=("Ar",))
