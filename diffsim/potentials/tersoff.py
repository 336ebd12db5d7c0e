"""The Tersoff potential: a bond weakens with what else its atom is bonded to."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from diffsim.fields import concrete, constant, parameter
from diffsim.graph import Graph
from diffsim.potentials.base import AbstractPotential, atomic_numbers, check_cutoff
from diffsim.potentials.lammps import read_parameters, write_parameters
from diffsim.potentials.tables import check_tables, of_pairs, of_triplets
from diffsim.stored import stored

_FIELDS = ("m", "gamma", "lambda3", "c", "d", "cos_theta0", "n", "beta", "lambda2", "B", "R", "D", "lambda1", "A")
_PAIRS = ("n", "beta", "lambda2", "B", "lambda1", "A")
_ANGULAR = ("gamma", "lambda3", "c", "d", "cos_theta0")
_TRIPLETS = (*_ANGULAR, "R", "D")


def _exponents(m: Any) -> Any:
    """1 or 3, or nested tuples of them: what a static field can hold."""
    table = np.asarray(m)
    if not np.isin(table, (1, 3)).all():
        raise ValueError(f"the exponent m must be 1 or 3, got {m}")
    nested = table.astype(int).tolist()
    return nested if table.ndim == 0 else tuple(tuple(tuple(row) for row in plane) for plane in nested)


class Tersoff(AbstractPotential):
    """Tersoff's potential (doi:10.1103/PhysRevB.37.6991; mixtures doi:10.1103/PhysRevB.39.5566).

    E_i = ½ Σ_j f(r_ij) [A exp(−λ₁r_ij) − b_ij B exp(−λ₂r_ij)],   b_ij = [1 + (βζ_ij)ⁿ]^(−1/2n)
    ζ_ij = Σ_{k≠j} f(r_ik) γ [1 + c²/d² − c²/(d² + (cosθ_jik − cosθ₀)²)] exp(λ₃ᵐ (r_ij − r_ik)ᵐ)
    f(r) = ½ − ½ sin(½π (r − R)/D) between R − D and R + D, 1 before, 0 after

    Parameters are scalars, or tables over `species`: `[i j k]` for γ, λ₃, c, d, cosθ₀, R, D and m, i being the atom in
    the middle (f(r_ij) takes R_ijj), `[i j]` for the others, as `pair_style tersoff` reads them. b_ij is the formula
    for every ζ, where LAMMPS takes its expansion for small and large ones: they differ by less than 1e-8. LAMMPS
    takes the repulsion of a pair from one of its two entries, which are alike in every file; here the mean counts.
    """

    gamma: Float[Array, "..."] = parameter("", positive=True)
    lambda3: Float[Array, "..."] = parameter("1/Å", positive=True)
    c: Float[Array, "..."] = parameter("", positive=True)
    d: Float[Array, "..."] = parameter("", positive=True)
    cos_theta0: Float[Array, "..."] = parameter("")
    n: Float[Array, "..."] = parameter("", positive=True)
    beta: Float[Array, "..."] = parameter("", positive=True)
    lambda2: Float[Array, "..."] = parameter("1/Å", positive=True)
    B: Float[Array, "..."] = parameter("eV", positive=True)
    R: Float[Array, "..."] = parameter("Å", positive=True)
    D: Float[Array, "..."] = parameter("Å", positive=True)
    lambda1: Float[Array, "..."] = parameter("1/Å", positive=True)
    A: Float[Array, "..."] = parameter("eV", positive=True)
    m: int | tuple = constant(converter=_exponents, default=3)
    species: tuple[int, ...] = constant(converter=atomic_numbers, default=())

    def __check_init__(self) -> None:
        check_tables(self, pairs=_PAIRS, triplets=_TRIPLETS)
        if np.shape(self.m) not in ((), (len(self.species),) * 3):
            raise ValueError(f"m of {len(self.species)} species must be 1, 3 or a table [i j k] of them, got {self.m}")
        check_cutoff(self.R + self.D, "the cutoff R + D")
        R, D = concrete(self.R), concrete(self.D)
        if R is not None and D is not None and not ((D > 0) & (D < R)).all():
            raise ValueError(f"D must lie between 0 and R = {R.tolist()} Å, got {D.tolist()} Å")

    @property
    def cutoff(self) -> Float[Array, ""]:
        return jnp.max(self.R + self.D)

    def atomic_energies(self, graph: Graph) -> Float[Array, " atoms"]:
        middle, end = graph.kinds(self.species)
        n, beta, lambda2, B, lambda1, A = (of_pairs(getattr(self, name), middle, end) for name in _PAIRS)
        r = graph.distances
        x = (r - of_triplets(self.R, middle, end)) / of_triplets(self.D, middle, end)
        inside = graph.mask & (x < 1)
        zeta = self._zeta(graph, r, inside, middle, end)
        b = stored(bond_order(beta * zeta, n), graph.numbers)
        pair = A * jnp.exp(-lambda1 * r) - b * B * jnp.exp(-lambda2 * r)
        return 0.5 * jnp.sum(jnp.where(inside, fade(x) * pair, 0.0), axis=0)

    def _zeta(self, graph: Graph, r: Array, inside: Array, middle: Array, end: Array) -> Array:
        """ζ_ij, one other neighbour k after the other: sums over both at once would compute what they add up again."""
        directions = [component / r for component in graph.vectors]
        R, D = (of_triplets(getattr(self, name), middle, end, end[:, None]) for name in ("R", "D"))
        x = (r[:, None] - R) / D  # [k j i], or [k 1 i] where all are alike
        near = inside[:, None] & (x < 1)
        rows = np.arange(len(r))

        def add(zeta: Array, k: tuple[Array, ...]) -> tuple[Array, None]:
            row, *direction, r_k, end_k, near_k, fading = k
            gamma, lambda3, c, d, cos_theta0, cubed = (
                of_triplets(jnp.asarray(getattr(self, name), r.dtype), middle, end, end_k) for name in (*_ANGULAR, "m")
            )
            counts = near_k & inside & (rows[:, None] != row)
            cosine = stored(sum(u * u_k for u, u_k in zip(directions, direction, strict=True)), graph.numbers)
            square = (cosine - cos_theta0) ** 2
            angular = gamma + (gamma * (c / d) ** 2) * square / (d**2 + square)  # no difference of large numbers
            difference = jnp.where(counts, lambda3 * (r - r_k), 0.0)  # beyond reach the exponential overflows
            power = jnp.where(cubed == 3, difference**3, difference)
            return zeta + jnp.where(counts, fading * angular * jnp.exp(power), 0.0), None

        others = (jnp.asarray(rows), *directions, r, end, near, jnp.where(near, fade(x), 0.0))
        return jax.lax.scan(add, jnp.zeros_like(r), others)[0]

    @staticmethod
    def silicon() -> "Tersoff":
        """Silicon of 1988, the third set (doi:10.1103/PhysRevB.38.9902), "Si(C)" in LAMMPS' files; in eV and Å."""
        return Tersoff(
            gamma=1.0,
            lambda3=1.7322,
            c=1.0039e5,
            d=16.218,
            cos_theta0=-0.59826,
            n=0.78734,
            beta=1.0999e-6,
            lambda2=1.7322,
            B=471.18,
            R=2.85,
            D=0.15,
            lambda1=2.4799,
            A=1830.8,
            m=3,
            species=("Si",),
        )

    @staticmethod
    def from_lammps(path: str | Path, species: Sequence[str]) -> "Tersoff":
        """Reads a `pair_style tersoff` file; scalars for one species, tables for several."""
        return Tersoff(**read_parameters(path, species, _FIELDS, triplets=("m", *_TRIPLETS)), species=species)

    def to_lammps(self, path: str | Path) -> None:
        """Writes a `pair_style tersoff` file that LAMMPS reads back to the last digit."""
        write_parameters(path, "Tersoff potential", self.species, {name: getattr(self, name) for name in _FIELDS})


def fade(x: Float[Array, "..."]) -> Float[Array, "..."]:
    """½ − ½ sin(½πx) between x = −1 and 1, 1 before; from x = 1 on it must be masked."""
    return jnp.where(x <= -1, 1.0, 0.5 - 0.5 * jnp.sin(0.5 * jnp.pi * x))


def bond_order(x: Float[Array, "neighbors atoms"], n: Float[Array, "..."]) -> Float[Array, "neighbors atoms"]:
    """(1 + xⁿ)^(−1/2n), and 1 where xⁿ is lost beside 1: at x = 0 the power has no derivative (n may be below 1).

    By logarithms and exponentials: powers of numbers that are not constants cost ten times as much.
    """
    bonded = x > jnp.finfo(x.dtype).eps ** 2
    exponent = n * jnp.log(jnp.where(bonded, x, 1.0))
    return jnp.where(bonded, jnp.exp(-0.5 / n * jax.nn.softplus(exponent)), 1.0)
