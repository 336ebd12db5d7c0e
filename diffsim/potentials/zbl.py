"""The universal repulsion of screened nuclei: what keeps atoms apart where a learned potential knows nothing."""

import jax.numpy as jnp
from jaxtyping import Array, Float

from diffsim import units
from diffsim.fields import constant, parameter
from diffsim.graph import Graph
from diffsim.potentials.base import AbstractPotential, atomic_numbers
from diffsim.potentials.pairs import check_ending, sum_of_pairs
from diffsim.potentials.radial import envelope

_SCREENING = ((0.18175, 3.19980), (0.50986, 0.94229), (0.28022, 0.40290), (0.02817, 0.20162))
_LENGTH = 0.46850  # Å, 0.8854 Bohr radii


class ZBL(AbstractPotential):
    """Ziegler, Biersack and Littmark's screened nuclear repulsion (doi:10.1007/978-1-4615-8103-1_3), any elements.

    E = ½ Σ_{i≠j} Z_i Z_j e²/(4πε₀ r) φ(r/a) s(r),   a = 0.46850 Å / (Z_i^0.23 + Z_j^0.23)
    φ(x) = 0.18175 e^{−3.19980 x} + 0.50986 e^{−0.94229 x} + 0.28022 e^{−0.40290 x} + 0.02817 e^{−0.20162 x}

    s is 1 up to `onset` and goes to 0 at `cutoff` as 1 − 10t³ + 15t⁴ − 6t⁵, with two continuous derivatives at both
    ends; as `pair_style zbl` up to `onset`. Its numbers are universal, so only where it ends can be trained.

    **Raises** `ValueError` for a cutoff that is not positive, and an onset that is not below it.
    """

    cutoff: Float[Array, ""] = parameter("Å", positive=True)
    onset: Float[Array, ""] = parameter("Å", positive=True)
    species: tuple[int, ...] = constant(converter=atomic_numbers, default=())

    def __check_init__(self) -> None:
        check_ending(self.cutoff, self.onset, shift=False)

    @property
    def pairwise(self) -> bool:
        return True

    def atomic_energies(self, graph: Graph) -> Float[Array, " atoms"]:
        own = graph.numbers.astype(graph.weights.dtype)
        other = graph.everyone.astype(own.dtype)[graph.index]

        def pair(square: Array) -> Array:
            r = jnp.sqrt(square)
            x = r * (own**0.23 + other**0.23) / _LENGTH
            screening = sum(weight * jnp.exp(-pace * x) for weight, pace in _SCREENING)
            ending = envelope(jnp.maximum(r - self.onset, 0.0), self.cutoff - self.onset, p=3)
            return units.coulomb * own * other / r * screening * ending

        return sum_of_pairs(pair, graph, self.cutoff)
