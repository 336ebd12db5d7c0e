"""The Stillinger–Weber potential, its three-body sum factorised into moments."""

from collections.abc import Sequence
from pathlib import Path

import jax.numpy as jnp
from jaxtyping import Array, Float

from diffsim.fields import constant, parameter
from diffsim.graph import Graph
from diffsim.potentials.base import AbstractPotential, atomic_numbers, check_cutoff
from diffsim.potentials.lammps import read_parameters, write_parameters
from diffsim.potentials.tables import check_tables, of_pairs, of_triplets
from diffsim.stored import stored

_FIELDS = ("epsilon", "sigma", "a", "lam", "gamma", "cos_theta0", "A", "B", "p", "q", "tol")  # LAMMPS' order
_TRIPLETS = ("epsilon", "lam", "cos_theta0")
_PAIRS = ("sigma", "a", "gamma", "A", "B", "p", "q")


class StillingerWeber(AbstractPotential):
    """Stillinger–Weber potential of tetrahedral solids (doi:10.1103/PhysRevB.31.5262).

    E_i = ½ Σ_j φ(r_ij) + ½ Σ_{j≠k} λε (cosθ_jik − cosθ₀)² f(r_ij) f(r_ik)
    φ(r) = Aε [B (σ/r)^p − (σ/r)^q] exp(σ/(r − aσ)),   f(r) = exp(γσ/(r − aσ)),   both zero from r = aσ on.

    Parameters are scalars, or tables over `species`: `[i j]` for an atom i and its neighbour j, and `[i j k]` for
    ε, λ and cosθ₀, i being the atom in the middle (its pair part takes ε_ijj), as `pair_style sw` reads them. Where
    LAMMPS takes one of two entries (i j j or j i i in a pair, i j k or i k j in a triplet), which are alike in every
    file, here the mean counts. `sigma` scales the cutoff a·σ.
    """

    epsilon: Float[Array, "..."] = parameter("eV", positive=True)
    sigma: Float[Array, "..."] = parameter("Å", positive=True)
    a: Float[Array, "..."] = parameter("", positive=True)
    lam: Float[Array, "..."] = parameter("", positive=True)
    gamma: Float[Array, "..."] = parameter("", positive=True)
    cos_theta0: Float[Array, "..."] = parameter("")
    A: Float[Array, "..."] = parameter("", positive=True)
    B: Float[Array, "..."] = parameter("", positive=True)
    p: Float[Array, "..."] = parameter("", positive=True)
    q: Float[Array, "..."] = parameter("")
    species: tuple[int, ...] = constant(converter=atomic_numbers, default=())

    def __check_init__(self) -> None:
        check_tables(self, pairs=_PAIRS, triplets=_TRIPLETS)
        check_cutoff(self.a * self.sigma, "the cutoff a·sigma")

    @property
    def cutoff(self) -> Float[Array, ""]:
        return jnp.max(self.a * self.sigma)

    def atomic_energies(self, graph: Graph) -> Float[Array, " atoms"]:
        middle, end = graph.kinds(self.species)
        sigma, a, gamma, A, B, p, q = (
            of_pairs(table, middle, end) for table in (self.sigma, self.a, self.gamma, self.A, self.B, self.p, self.q)
        )
        epsilon = of_triplets(self.epsilon, middle, end)
        r = graph.distances
        inside = graph.mask & (r < a * sigma)
        near = sigma / jnp.where(inside, r - a * sigma, -1.0)  # finite outside too: reverse mode stays finite
        log = jnp.log(sigma / r)  # one logarithm for two powers, which would cost three times as much
        pair = A * epsilon * (B * jnp.exp(p * log + near) - jnp.exp(q * log + near))
        bond = jnp.where(inside, jnp.exp(gamma * near), 0.0)
        pairs = jnp.sum(jnp.where(inside, pair, 0.0), axis=0)
        return 0.5 * (pairs + self._three_body(graph, r, bond, middle, end))

    def _three_body(self, graph: Graph, r: Array, bond: Array, middle: Array, end: Array) -> Array:
        """Σ_{j≠k} λε f_j f_k (cosθ_jik − cosθ₀)², species of neighbours two at a time."""
        kinds = range(max(len(self.species), 1))
        moments = [moments_of(graph, r, jnp.where(end == kind, bond, 0.0)) for kind in kinds]
        total = jnp.zeros_like(bond[0])
        for j in kinds:
            for k in kinds:
                c, lam, epsilon = (of_triplets(t, middle, j, k) for t in (self.cos_theta0, self.lam, self.epsilon))
                same = (1 - c) ** 2 * moments[j][-1] if j == k else 0.0
                total += lam * epsilon * (sum_over_angles(moments[j], moments[k], c) - same)
        return total

    @staticmethod
    def silicon() -> "StillingerWeber":
        """The parameters of 1985 for silicon, in eV and Å."""
        return StillingerWeber(
            epsilon=2.16826,
            sigma=2.0951,
            a=1.80,
            lam=21.0,
            gamma=1.20,
            cos_theta0=-1 / 3,
            A=7.049556277,
            B=0.6022245584,
            p=4.0,
            q=0.0,
            species=("Si",),
        )

    @staticmethod
    def from_lammps(path: str | Path, species: Sequence[str]) -> "StillingerWeber":
        """Reads a `pair_style sw` file; scalars for one species, tables for several."""
        found = read_parameters(path, species, _FIELDS, triplets=_TRIPLETS)
        found.pop("tol")
        return StillingerWeber(**found, species=species)

    def to_lammps(self, path: str | Path) -> None:
        """Writes a `pair_style sw` file that LAMMPS reads back to the last digit."""
        values = {name: getattr(self, name) for name in _FIELDS[:-1]}
        write_parameters(path, "Stillinger-Weber potential", self.species, values | {"tol": 0.0})


def moments_of(graph: Graph, r: Array, f: Float[Array, "neighbors atoms"]) -> tuple[Array, ...]:
    """Σ f, Σ f û (x, y, z), Σ f ûû (xx, yy, zz, yz, xz, xy), û = r/|r|, and Σ f² over the neighbours of each atom."""
    x, y, z = graph.vectors
    first, second = stored((f / r, f / r / r), graph.numbers)  # f û is the one times r, and f ûû the other times r r
    xs, ys, zs = second * x, second * y, second * z
    terms = (f, first * x, first * y, first * z, xs * x, ys * y, zs * z, ys * z, xs * z, xs * y, f * f)
    return tuple(jnp.sum(term, axis=0) for term in terms)


def sum_over_angles(left: tuple[Array, ...], right: tuple[Array, ...], c: Array) -> Array:
    """Σ_{jk} f_j f_k (û_j·û_k − c)² in O(neighbours): the square is a polynomial, so moments of f suffice."""
    zeroth, x, y, z, xx, yy, zz, yz, xz, xy = (a * b for a, b in zip(left[:-1], right[:-1], strict=True))
    return (xx + yy + zz) + 2 * (yz + xz + xy) - 2 * c * (x + y + z) + c**2 * zeroth
