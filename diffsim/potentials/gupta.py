"""The second-moment approximation of tight binding: an embedded-atom potential in closed form."""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from diffsim.fields import constant, parameter
from diffsim.graph import Graph
from diffsim.potentials.base import AbstractPotential, atomic_numbers
from diffsim.potentials.eam import EAM
from diffsim.potentials.pairs import check_ending, inside
from diffsim.potentials.smoothing import mollifier
from diffsim.potentials.tables import check_tables, of_pairs


class Gupta(AbstractPotential):
    """Gupta's potential of transition metals (doi:10.1103/PhysRevB.23.6265) as Cleri and Rosato have it.

    E_i = Σ_j A e^{−p(r/r₀ − 1)} S(r) − √(Σ_j ξ² e^{−2q(r/r₀ − 1)} S(r))   (doi:10.1103/PhysRevB.48.22)

    S is XPLOR's switch from `onset` to `cutoff` (`smoothing.mollifier`). Parameters are scalars, or symmetric tables
    `[i j]` over `species`.

    **Raises** `ValueError` for a cutoff that is not positive, an onset beyond it, and tables that do not fit species.
    """

    A: Float[Array, "..."] = parameter("eV", positive=True)
    xi: Float[Array, "..."] = parameter("eV", positive=True)
    p: Float[Array, "..."] = parameter("", positive=True)
    q: Float[Array, "..."] = parameter("", positive=True)
    r0: Float[Array, "..."] = parameter("Å", positive=True)
    cutoff: Float[Array, ""] = parameter("Å", positive=True)
    onset: Float[Array, ""] = parameter("Å", positive=True)
    species: tuple[int, ...] = constant(converter=atomic_numbers, default=())

    def __check_init__(self) -> None:
        check_ending(self.cutoff, self.onset, shift=False)
        check_tables(self, pairs=("A", "xi", "p", "q", "r0"), triplets=())

    @property
    def light(self) -> bool:
        return True

    def atomic_energies(self, graph: Graph) -> Float[Array, " atoms"]:
        middle, end = graph.kinds(self.species)
        r = graph.distances
        near = inside(graph, r, self.cutoff)
        repulsion, hopping = (jnp.sum(jnp.where(near, f, 0.0), axis=0) for f in self._functions(r, middle, end))
        bound = hopping > 0
        bond = jnp.where(bound, jnp.sqrt(jnp.where(bound, hopping, 1.0)), 0.0)  # √ has no slope at a lone atom
        return repulsion - bond

    def _functions(self, r: Array, middle: Array, end: Array) -> tuple[Array, Array]:
        """Repulsion and squared hopping integral at r."""
        A, xi, p, q, r0 = (of_pairs(table, middle, end) for table in (self.A, self.xi, self.p, self.q, self.r0))
        stretch = r / r0 - 1
        switch = mollifier(r * r, self.onset, self.cutoff)
        return A * jnp.exp(-p * stretch) * switch, xi**2 * jnp.exp(-2 * q * stretch) * switch

    def tabulated(self, knots: int, max_density: float) -> EAM:
        """As tables of so many knots, which LAMMPS can read (`eam/alloy`, or `eam/fs` for several species).

        F(ρ) = −√ρ reaches up to `max_density` in eV²; between its first knots a table of it is poor, so atoms with few
        or far neighbours want the form itself. 12ξ² is the density of a dense crystal with neighbours at r₀.
        """
        n = len(self.species)
        if n == 0:
            raise ValueError("tables are made for elements: make the potential with species=, e.g. ('Cu',)")
        embedding, density, pair = self._tables(knots, max_density)
        return EAM(
            embedding=embedding,
            density=density[0] if n == 1 else density,
            pair=pair,
            density_step=max_density / (knots - 1),
            distance_step=float(self.cutoff) / (knots - 1),
            table_cutoff=self.cutoff,
            species=self.species,
        )

    @eqx.filter_jit
    def _tables(self, knots: int, max_density: float) -> tuple[Array, Array, Array]:
        """F(ρ), f(r) of each source and receiver, and r·φ(r) of the pairs i ≥ j."""
        n = len(self.species)
        r = jnp.linspace(0.0, self.cutoff, knots)
        source, at = jnp.indices((n, n)).reshape(2, n * n)
        functions = self._functions(r[:, None], at, source[None, :])  # [knots source·at]
        repulsion, hopping = (jnp.broadcast_to(f, (knots, n * n)).T.reshape(n, n, knots) for f in functions)
        embedding = jnp.broadcast_to(-jnp.sqrt(jnp.linspace(0.0, max_density, knots)), (n, knots))
        return embedding, hopping, 2 * r * repulsion[jnp.tril_indices(n)]

    @staticmethod
    def copper() -> "Gupta":
        """Cleri and Rosato's copper, which sums over five shells of neighbours: S acts beyond the fifth (5.716 Å)."""
        return Gupta(A=0.0855, xi=1.224, p=10.960, q=2.278, r0=2.5562, cutoff=6.2, onset=5.8, species=("Cu",))
