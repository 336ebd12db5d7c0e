"""Moment tensor potentials: linear in scalars that are made of tensors of an atom's neighbours."""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from diffsim.fields import constant, parameter
from diffsim.graph import Graph
from diffsim.potentials.angular import monomials
from diffsim.potentials.base import AbstractPotential, atomic_numbers, check_cutoff, check_elements
from diffsim.potentials.contractions import Moments, contracted, contractions, functions_of, ranks_of
from diffsim.potentials.dense import as_key, of_atoms
from diffsim.potentials.radial import chebyshev_basis, envelope
from diffsim.stored import stored


class MomentTensors(AbstractPotential):
    """Shapeev's moment tensor potential (doi:10.1137/15M1054183) of body order 4 at most, for one species or several.

    E_i = E⁰_Z + Σ_k c_{Z,k} B_k(i), Z the species of atom i. The B are, first, Σ_j φ_β(r_ij) over the neighbours of
    each species, for each function of the radial basis; then all contractions, of two and of three, of the moments

    M_{μ,ν} = Σ_j f_μ(r_ij) r̂_ij ⊗ … ⊗ r̂_ij (ν times),   f_μ(r) = Σ_β W_{Z_i Z_j μ β} φ_β(r),

    whose level, Σ (2 + 4μ + ν) over the factors, is `level` at most (`diffsim.potentials.contractions`).
    φ_β = T_β(x) u(r): Chebyshev polynomials of x from −1 at `nearest` to 1 at `cutoff`, times the polynomial `envelope`
    with p = 2, (1 − r/r_c)³ (1 + 3r/r_c).

    There are as many sets of moments as W has blocks. With one, as in doi:10.1016/j.commatsci.2018.09.031, species are
    told apart by W, which has to be trained. `init` makes one for each species of neighbours, which sees only those;
    then c and E⁰ are all that a complete potential needs, and they can be solved for (`diffsim.solve_linear`). (Of the
    functions of the distance between two species, the total energy tells only the sum of both coefficients.) W can be
    trained there too.

    Tensors are Cartesian, not spherical as in the atomic cluster expansion: they span the same space without spherical
    harmonics and Clebsch–Gordan coefficients, and powers of three cosines are all there is to a list of functions.

    **Raises** `ValueError` for no species, a cutoff not above `nearest`, an odd level or one below 4, and where W or c
    have not the shape of the level.
    """

    coefficients: Float[Array, "species functions"] = parameter("eV")  # c
    reference: Float[Array, " species"] = parameter("eV")  # E⁰
    radial: Float[Array, "species species blocks radial basis"] = parameter("")  # W
    nearest: Float[Array, ""] = parameter("Å", positive=True)
    cutoff: Float[Array, ""] = parameter("Å", positive=True)
    level: int = constant(converter=int)
    species: tuple[int, ...] = constant(converter=atomic_numbers)

    def __check_init__(self) -> None:
        check_elements(self.species, "moment tensors")
        check_cutoff(self.nearest, "nearest")
        check_cutoff(self.cutoff - self.nearest, "cutoff − nearest")
        if self.level < 4 or self.level % 2:
            raise ValueError(f"level must be an even number from 4 on, got {self.level}")
        n, (blocks, _, basis) = len(self.species), self.radial.shape[2:]
        shapes = {"radial": (n, n, blocks, functions_of(self.level), basis)}
        shapes["coefficients"] = (n, count(self.level, n, blocks, basis))
        for name, shape in shapes.items():
            if getattr(self, name).shape != shape:
                raise ValueError(f"{name} of level {self.level} must be {shape}, got {getattr(self, name).shape}")

    def atomic_energies(self, graph: Graph) -> Float[Array, " atoms"]:
        own, _ = graph.kinds(self.species)
        energies = jnp.sum(of_atoms(self.coefficients, own) * self.functions(graph), axis=0)
        return of_atoms(self.reference, own) + energies

    def functions(self, graph: Graph) -> Float[Array, "functions atoms"]:
        """B of each atom."""
        basis = self._basis(graph)
        pairs = jnp.sum(basis, axis=-2)
        scalars = contracted(self._moments(graph, basis), self.level, self.radial.shape[2])
        return jnp.concatenate([pairs.reshape(-1, pairs.shape[-1]), scalars])

    def _basis(self, graph: Graph) -> Float[Array, "species basis neighbors atoms"]:
        """φ, zero where the neighbour is of another species."""
        _, end = graph.kinds(self.species)
        r = graph.distances
        near = jnp.where(graph.mask, envelope(r, self.cutoff, p=2), 0.0)
        basis = stored(near * chebyshev_basis(r, self.radial.shape[-1], self.cutoff, self.nearest), graph.numbers)
        return jnp.stack([jnp.where(end == s, basis, 0.0) for s in range(len(self.species))])

    def _moments(self, graph: Graph, basis: Float[Array, "species basis neighbors atoms"]) -> Moments:
        """M_{μ,ν} for every ν, the fields of which are μ = 0, then μ = 1 …, block by block."""
        own, _ = graph.kinds(self.species)
        weights = of_atoms(self.radial, own)  # [species blocks radial basis atoms]
        radial = jnp.sum(weights[..., None, :] * basis[:, None, None], axis=(0, 3))
        radial = jnp.moveaxis(radial, 1, 0).reshape(-1, *basis.shape[2:])
        x, y, z = graph.vectors
        r = graph.distances
        radial, units = stored((radial, (x / r, y / r, z / r)), graph.numbers)
        powers = monomials(units, ranks_of(self.level))
        first = lambda nu: radial[: functions_of(self.level, nu) * self.radial.shape[2]]  # noqa: E731
        return stored([jnp.sum(p[:, None] * first(nu), axis=-2) for nu, p in enumerate(powers)], graph.numbers)

    @staticmethod
    def init(
        species: Sequence[str | int],
        key: Array | int,
        *,
        cutoff: float = 5.0,
        level: int = 16,
        basis: int = 8,
        nearest: float = 1.5,
    ) -> "MomentTensors":
        """Random coefficients of some meV, a block of moments for each species, and f_μ = φ_μ.

        `basis` is the number of φ, at least that of f; `nearest` the shortest distance in Å that is to be expected;
        `key` may be the seed of one.

        **Raises** `ValueError` for a basis that is too small.
        """
        numbers = atomic_numbers(species)
        check_elements(numbers, "moment tensors")
        n, radial = len(numbers), functions_of(level)
        if basis < radial:
            raise ValueError(f"level {level} has {radial} radial functions, made of as many at least: basis is {basis}")
        each = jnp.eye(n)[:, :, None, None] * jnp.eye(radial, basis)  # [neighbour's species, block, radial, basis]
        shape = n, count(level, n, n, basis)
        return MomentTensors(
            coefficients=1e-3 * jax.random.normal(as_key(key), shape, jnp.result_type(float)),
            reference=jnp.zeros(n),
            radial=jnp.broadcast_to(each, (n, *each.shape)),
            nearest=nearest,
            cutoff=cutoff,
            level=level,
            species=numbers,
        )


def count(level: int, species: int, blocks: int, basis: int) -> int:
    """How many functions an atom of a potential has."""
    return species * basis + sum(len(one.fields) for one in contractions(level, blocks))
