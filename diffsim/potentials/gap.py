"""Gaussian approximation potentials: energies of atoms as a Gaussian process over their surroundings."""

from collections.abc import Sequence

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from scipy.linalg import block_diag

from diffsim.fields import concrete, constant, fixed, parameter
from diffsim.graph import Graph, graph
from diffsim.neighbors import Neighbors
from diffsim.potentials.base import AbstractPotential
from diffsim.potentials.dense import of_atoms
from diffsim.potentials.soap import SOAP
from diffsim.potentials.sparse import pivots
from diffsim.system import System


class GAP(AbstractPotential):
    """Gaussian approximation potential (doi:10.1103/PhysRevLett.104.136403) on the power spectra of `SOAP`.

    E_i = E⁰_Z + Σ_m α_{Z,m} k(q_i, q_m),   k(q, q') = δ² (q·q')^ζ

    over sparse points q_m of the species Z of atom i (doi:10.1021/acs.chemrev.1c00022). It is linear in α, which
    `diffsim.solve_linear` finds with `prior`: that of energies whose covariance is k. `standardised` chooses the points
    from a data set; before, they are zero.

    **Raises** `ValueError` for ζ below 1, δ that is not positive, and arrays that do not fit each other.
    """

    soap: SOAP
    coefficients: Float[Array, "species points"] = parameter("1/eV")  # α
    reference: Float[Array, " species"] = parameter("eV")  # E⁰
    delta: Float[Array, ""] = parameter("eV", positive=True)  # how much energies of atoms vary, a priori
    points: Float[Array, "species points functions"] = fixed()
    zeta: int = constant(converter=int)

    def __check_init__(self) -> None:
        if self.zeta < 1:
            raise ValueError(f"zeta must be at least 1, got {self.zeta}")
        delta = concrete(self.delta)
        if delta is not None and not delta > 0:
            raise ValueError(f"delta must be positive, got {float(delta)} eV")
        shape = (*self.coefficients.shape, self.soap.size)
        if len(self.species) != shape[0] or self.points.shape != shape:
            raise ValueError(f"points of {len(self.species)} species must be {shape}, got {self.points.shape}")

    @property
    def species(self) -> tuple[int, ...]:  # type: ignore[override]
        return self.soap.species

    @property
    def cutoff(self) -> Float[Array, ""]:
        return self.soap.cutoff

    @property
    def prior(self) -> dict[str, Float[np.ndarray, "rows entries"]]:
        """Rows P with PᵀP = K, the covariance of the points: α are drawn from N(0, K⁻¹).

        **Raises** `ValueError` where no points have been chosen.
        """
        if not self.points.any():
            raise ValueError("a GAP without sparse points can learn nothing: choose them from data by standardised")
        return {"coefficients": np.asarray(block_diag(*map(_root, self.kernel(self.points, self.points))))}

    def kernel(self, left: Float[Array, "*some functions"], right: Float[Array, "*some functions"]) -> Array:
        """k(q, q') of all pairs of rows."""
        return self.delta**2 * (left @ jnp.swapaxes(right, -1, -2)) ** self.zeta

    def atomic_energies(self, graph: Graph) -> Float[Array, " atoms"]:
        own, _ = graph.kinds(self.species)
        near = self.delta**2 * jnp.tensordot(self.points, self.soap(graph), axes=1) ** self.zeta
        energies = jnp.einsum("sm,sma->sa", self.coefficients, near)
        chosen = own == jnp.arange(len(energies))[:, None]
        return of_atoms(self.reference, own) + jnp.sum(jnp.where(chosen, energies, 0.0), axis=0)

    def standardised(self, systems: System, neighbors: Neighbors) -> "GAP":
        """With sparse points from the atoms of a data set, a batch: each time the one that those before tell least of.

        That is the one whose energy the others leave least known (`diffsim.potentials.sparse`). Where fewer differ than
        there is room for, the last points stay zero. Coefficients are zero again.
        """
        numbers = np.asarray(systems.numbers)
        described = np.moveaxis(np.asarray(_described(self.soap, systems, neighbors)), 1, 2)[:, : numbers.shape[1]]
        found = np.zeros(self.points.shape, self.points.dtype)
        for kind, z in enumerate(self.species):
            atoms = described[numbers == z]
            chosen = pivots(atoms, lambda left, right: (left @ right.T) ** self.zeta, found.shape[1])
            found[kind, : len(chosen)] = atoms[chosen]
        new = jnp.asarray(found), jnp.zeros_like(self.coefficients)
        return eqx.tree_at(lambda p: (p.points, p.coefficients), self, new)

    @staticmethod
    def init(
        species: Sequence[str | int],
        *,
        cutoff: float = 5.0,
        width: float = 0.5,
        degree: int = 6,
        radial: int = 8,
        points: int = 200,
        zeta: int = 4,
        delta: float = 1.0,
    ) -> "GAP":
        """Without points yet, but room for so many of each species; `width`, `degree` and `radial` are those of `SOAP`.

        **Raises** `ValueError` for no points.
        """
        if points < 1:
            raise ValueError(f"a GAP needs at least one sparse point, got {points}")
        soap = SOAP.init(species, cutoff=cutoff, width=width, degree=degree, radial=radial)
        shape = len(soap.species), points
        return GAP(soap, jnp.zeros(shape), jnp.zeros(shape[0]), delta, jnp.zeros((*shape, soap.size)), zeta)


@eqx.filter_jit
def _described(soap: SOAP, systems: System, neighbors: Neighbors) -> Float[Array, "configurations functions atoms"]:
    return jax.lax.map(lambda one: soap(graph(*one)), (systems, neighbors))


def _root(covariance: Array) -> Float[np.ndarray, "points points"]:
    values, vectors = np.linalg.eigh(np.asarray(covariance))
    return (vectors * np.sqrt(np.maximum(values, 0.0))).T
