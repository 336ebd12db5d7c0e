"""The environment-dependent interatomic potential: a bond knows how many neighbours its atom has."""

from collections.abc import Sequence
from pathlib import Path

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from diffsim.fields import concrete, constant, parameter
from diffsim.graph import Graph
from diffsim.potentials.base import AbstractPotential, atomic_numbers, check_cutoff
from diffsim.potentials.lammps import read_parameters, write_parameters
from diffsim.potentials.tables import check_tables, of_pairs, of_triplets, symmetrized
from diffsim.stored import stored

_FIELDS = ("A", "B", "a", "c", "alpha", "beta", "eta", "gamma", "lam", "mu", "rho", "sigma", "Q0")  # LAMMPS' order
_FIELDS += ("u1", "u2", "u3", "u4")
_TRIPLETS = ("eta", "lam", "mu", "Q0", "u1", "u2", "u3", "u4")
_PAIRS = tuple(name for name in _FIELDS if name not in _TRIPLETS)


class EDIP(AbstractPotential):
    """EDIP of Justo, Bazant, Kaxiras, Bulatov and Yip (doi:10.1103/PhysRevB.58.2539).

    E_i = Σ_j V₂(r_ij, Z_i) + Σ_{j<k} g(r_ij) g(r_ik) h(cosθ_jik, Z_i),   Z_i = Σ_j f(r_ij)
    V₂(r, Z) = A [(B/r)^ρ − exp(−βZ²)] exp(σ/(r − a)),   g(r) = exp(γ/(r − a)),   both zero from r = a on
    f(r) = exp(α/(1 − x⁻³)), x = (r − c)/(a − c): 1 up to r = c, 0 from r = a on
    h(l, Z) = λ [1 − exp(−w) + ηw],   w = Q₀ exp(−μZ) (l + τ(Z))²,   τ(Z) = u₁ + u₂ (u₃ exp(−u₄Z) − exp(−2u₄Z))

    Parameters are scalars, or tables over `species`: `[i j k]` for those of h, i being the atom in the middle, `[i j]`
    for the others, as `pair_style edip/multi` reads them (doi:10.1103/PhysRevB.86.144118). Which of j, k comes first is
    left to chance in LAMMPS, whose files are symmetric in them; here the mean of both entries counts.
    """

    A: Float[Array, "..."] = parameter("eV", positive=True)
    B: Float[Array, "..."] = parameter("Å", positive=True)
    a: Float[Array, "..."] = parameter("Å", positive=True)
    c: Float[Array, "..."] = parameter("Å", positive=True)
    alpha: Float[Array, "..."] = parameter("", positive=True)
    beta: Float[Array, "..."] = parameter("", positive=True)
    eta: Float[Array, "..."] = parameter("", positive=True)
    gamma: Float[Array, "..."] = parameter("Å", positive=True)
    lam: Float[Array, "..."] = parameter("eV", positive=True)
    mu: Float[Array, "..."] = parameter("", positive=True)
    rho: Float[Array, "..."] = parameter("", positive=True)
    sigma: Float[Array, "..."] = parameter("Å", positive=True)
    Q0: Float[Array, "..."] = parameter("", positive=True)
    u1: Float[Array, "..."] = parameter("")
    u2: Float[Array, "..."] = parameter("")
    u3: Float[Array, "..."] = parameter("")
    u4: Float[Array, "..."] = parameter("")
    species: tuple[int, ...] = constant(converter=atomic_numbers, default=())

    def __check_init__(self) -> None:
        check_tables(self, pairs=_PAIRS, triplets=_TRIPLETS)
        check_cutoff(self.a, "the cutoff a")
        a, c = concrete(self.a), concrete(self.c)
        if a is not None and c is not None and not (c < a).all():
            raise ValueError(f"the coordination falls off between c and a: c must be below a = {a} Å, got c = {c} Å")

    @property
    def cutoff(self) -> Float[Array, ""]:
        return jnp.max(self.a)

    def atomic_energies(self, graph: Graph) -> Float[Array, " atoms"]:
        middle, end = graph.kinds(self.species)
        A, B, a, c, alpha, beta, gamma, rho, sigma = (
            of_pairs(table, middle, end)
            for table in (self.A, self.B, self.a, self.c, self.alpha, self.beta, self.gamma, self.rho, self.sigma)
        )
        r = graph.distances
        inside = graph.mask & (r < a)
        gap = jnp.where(inside, r - a, -1.0)  # finite outside too: reverse mode stays finite
        Z = stored(jnp.sum(coordination(inside, (r - c) / (a - c), alpha), axis=0), graph.numbers)
        pair = A * ((B / r) ** rho - jnp.exp(-beta * Z**2)) * jnp.exp(sigma / gap)
        bond = stored(jnp.where(inside, jnp.exp(gamma / gap), 0.0), graph.numbers)
        cosine = stored(sum(u * others(u) for u in (x / r for x in graph.vectors)), graph.numbers)
        return jnp.sum(jnp.where(inside, pair, 0.0), axis=0) + self._three_body(cosine, bond, Z, middle, end)

    def _three_body(self, cosine: Array, bond: Array, Z: Array, middle: Array, end: Array) -> Array:
        """Σ_{j<k} g_j g_k h(cosθ_jik, Z), the cosine of each pair of neighbours as `others` pairs them."""
        other = others(end)
        eta, lam, mu, Q0, u1, u2, u3, u4 = (
            of_triplets(symmetrized(getattr(self, name)), middle, end, other) for name in _TRIPLETS
        )
        tau = u1 + u2 * (u3 * jnp.exp(-u4 * Z) - jnp.exp(-2 * u4 * Z))
        w = Q0 * jnp.exp(-mu * Z) * (cosine + tau) ** 2
        h = lam * (1 - jnp.exp(-w) + eta * w)
        weights = jnp.asarray(once(len(bond)), bond.dtype)[:, None, None]
        return jnp.sum(jnp.sum(weights * others(bond) * h, axis=0) * bond, axis=0)

    @staticmethod
    def silicon() -> "EDIP":
        """The parameters of 1998 for silicon, in eV and Å."""
        return EDIP(
            A=7.9821730,
            B=1.5075463,
            a=3.1213820,
            c=2.5609104,
            alpha=3.1083847,
            beta=0.0070975,
            eta=0.2523244,
            gamma=1.1247945,
            lam=1.4533108,
            mu=0.6966326,
            rho=1.2085196,
            sigma=0.5774108,
            Q0=312.1341346,
            u1=-0.165799,
            u2=32.557,
            u3=0.286198,
            u4=0.66,
            species=("Si",),
        )

    @staticmethod
    def from_lammps(path: str | Path, species: Sequence[str]) -> "EDIP":
        """Reads a `pair_style edip` or `edip/multi` file; scalars for one species, tables for several."""
        return EDIP(**read_parameters(path, species, _FIELDS, triplets=_TRIPLETS), species=species)

    def to_lammps(self, path: str | Path) -> None:
        """Writes a `pair_style edip/multi` file that LAMMPS reads back to the last digit."""
        write_parameters(path, "EDIP", self.species, {name: getattr(self, name) for name in _FIELDS})


def coordination(inside: Bool[Array, "..."], x: Float[Array, "..."], alpha: Float[Array, "..."]) -> Float[Array, "..."]:
    """How much of a neighbour each edge counts as: exp(α/(1 − x⁻³)) for 0 < x < 1, 1 below; 0 outside.

    Written as exp(αx³/(x³ − 1)), which has no pole at x = 0.
    """
    falling = inside & (x > 0) & (x < 1)
    cube = jnp.where(falling, x, 0.0) ** 3
    full = inside & (x <= 0)
    return jnp.where(falling, jnp.exp(alpha * cube / (cube - 1)), jnp.where(full, 1.0, 0.0))


def others(edges: Array) -> Array:
    """The partners of each edge in its pairs, `[… pairs neighbors atoms]`: row s is the table turned by s places.

    Half a turn meets each pair once (see `once`), at half the price of all pairs. Copies of the table, read in rows
    longer by one, are each turned by one place more: unlike an index, that has no scatter in its derivative.
    """
    *fields, k, atoms = edges.shape
    rows = len(once(k)) + 1
    copies = jnp.broadcast_to(edges[..., None, :, :], (*fields, rows + 2, k, atoms)).reshape(*fields, -1, atoms)
    return copies[..., : rows * (k + 1), :].reshape(*fields, rows, k + 1, atoms)[..., 1:, :k, :]


def once(neighbors: int) -> np.ndarray:
    """What a pair in each row of `others` counts: the last row of an even table meets its pairs twice."""
    if neighbors == 1:
        return np.zeros(1)
    weights = np.ones(neighbors // 2)
    weights[-1] = 0.5 if neighbors % 2 == 0 else 1.0
    return weights
