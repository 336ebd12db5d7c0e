"""Behler and Parrinello's neural networks: symmetry functions of an atom's neighbours, a network for each element."""

import math
from collections.abc import Sequence
from itertools import combinations_with_replacement

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from diffsim.fields import constant, fixed, parameter
from diffsim.graph import Graph, graph
from diffsim.neighbors import Neighbors
from diffsim.potentials.angular import moments, product
from diffsim.potentials.base import AbstractPotential, atomic_numbers, check_cutoff, check_elements
from diffsim.potentials.dense import Perceptron, by_species, of_atoms
from diffsim.potentials.radial import envelope, gaussian_basis
from diffsim.system import System


def _integers(values: Sequence[int]) -> tuple[int, ...]:
    return tuple(int(value) for value in values)


class BehlerParrinello(AbstractPotential):
    """Behler and Parrinello's potential (doi:10.1103/PhysRevLett.98.146401), functions as in doi:10.1063/1.3553717.

    E_i = E⁰_Z + N_Z((G_i − mean_Z) / deviation_Z), Z the element of atom i and N_Z its network. Its inputs G_i are, for
    each element of neighbours j, and each pair of elements of neighbours j, k,

    G²_i = Σ_j exp(−η (r_ij − r_s)²) f(r_ij),
    G⁵_i = 2^(1−ζ) Σ_{j<k} (1 + λ cosθ_jik)^ζ exp(−η (r_ij² + r_ik²)) f(r_ij) f(r_ik),   λ = 1 and −1,

    each `radial_eta` at its `radial_center`, each `angular_eta` with each ζ. f is the polynomial `envelope`: the second
    derivative of the cosine that the papers take jumps at the cutoff. ζ are integers, so the sum over pairs is one over
    neighbours (`diffsim.potentials.angular`).

    **Raises** `ValueError` for no species, a cutoff that is not positive, and ζ that are not from 1 to 8.
    """

    networks: Perceptron  # a stack, one for each species
    reference: Float[Array, " species"] = parameter("eV")  # E⁰
    radial_eta: Float[Array, " radial"] = fixed("1/Å²")  # what inputs are is fixed, since they are standardised
    radial_center: Float[Array, " radial"] = fixed("Å")
    angular_eta: Float[Array, " angular"] = fixed("1/Å²")
    cutoff: Float[Array, ""] = parameter("Å", positive=True)
    mean: Float[Array, "species inputs"] = fixed()
    deviation: Float[Array, "species inputs"] = fixed()
    zeta: tuple[int, ...] = constant(converter=_integers)
    species: tuple[int, ...] = constant(converter=atomic_numbers)

    def __check_init__(self) -> None:
        check_cutoff(self.cutoff)
        check_elements(self.species)
        if not self.zeta or min(self.zeta) < 1 or max(self.zeta) > 8:
            raise ValueError(f"zeta must be integers from 1 to 8, got {self.zeta}")

    def atomic_energies(self, graph: Graph) -> Float[Array, " atoms"]:
        own, _ = graph.kinds(self.species)
        inputs = (self.symmetry_functions(graph) - of_atoms(self.mean, own)) / of_atoms(self.deviation, own)
        return of_atoms(self.reference, own) + by_species(self.networks, inputs, own)[0]

    def symmetry_functions(self, graph: Graph) -> Float[Array, "inputs atoms"]:
        """G², one neighbour element after the other, then G⁵, one pair of elements after the other."""
        _, end = graph.kinds(self.species)
        r = graph.distances
        near = jnp.where(graph.mask, envelope(r, self.cutoff), 0.0)
        radial = near * gaussian_basis(r, self.radial_center, self.radial_eta)
        angular = near * jnp.exp(-self.angular_eta[:, None, None] * graph.squares)
        x, y, z = graph.vectors
        units, kinds = (x / r, y / r, z / r), range(len(self.species))
        found = [jnp.sum(jnp.where(end == s, radial, 0.0), axis=-2) for s in kinds]
        weights = [jnp.where(end == s, angular, 0.0) for s in kinds]
        known = [moments(units, weight, max(self.zeta)) for weight in weights]
        for s, t in combinations_with_replacement(kinds, 2):
            cosines = jnp.stack([product(left, right) for left, right in zip(known[s], known[t], strict=True)])
            sums = jnp.tensordot(self._polynomials, cosines, axes=1)  # Σ_jk (1 + λ cosθ)^ζ, [λζ η atoms]
            if s == t:
                itself = jnp.sum(weights[s] ** 2, axis=-2)  # j = k, where cosθ = 1
                sums = 0.5 * (sums - jnp.sum(self._polynomials, axis=1)[:, None, None] * itself)
            found.append(sums.reshape(-1, sums.shape[-1]))
        return jnp.concatenate(found)

    @property
    def _polynomials(self) -> Float[Array, "functions degrees"]:
        """Coefficients of 2^(1−ζ) (1 + λ cosθ)^ζ by powers of the cosine, for every λ and ζ."""
        degrees = range(max(self.zeta) + 1)
        rows = [[2 ** (1 - z) * math.comb(z, m) * sign**m for m in degrees] for sign in (1, -1) for z in self.zeta]
        return jnp.asarray(rows, self.cutoff.dtype)

    def standardised(self, systems: System, neighbors: Neighbors) -> "BehlerParrinello":
        """With the mean and the standard deviation of each input over the atoms of a data set, element by element.

        `systems` and `neighbors` are a batch, as `diffsim.data.batching.batch` makes them. Inputs that do not vary, and
        those of elements that are not there, are left as they are.
        """
        mean, deviation = _statistics(self, systems, neighbors)
        varies = deviation > 1e-8 * jnp.maximum(jnp.abs(mean), 1.0)
        found = jnp.where(varies, mean, self.mean), jnp.where(varies, deviation, self.deviation)
        return eqx.tree_at(lambda p: (p.mean, p.deviation), self, found)

    @staticmethod
    def init(
        species: Sequence[str | int],
        key: Array | int,
        *,
        cutoff: float = 5.0,
        radial: int = 8,
        angular_eta: Sequence[float] = (0.01, 0.1),
        zeta: Sequence[int] = (1, 2, 4),
        hidden: Sequence[int] = (16, 16),
    ) -> "BehlerParrinello":
        """Random networks on a grid of symmetry functions that suits solids with bonds of 1.5 to 3 Å.

        `radial` Gaussians stand evenly between 1 Å and the cutoff, as wide as they are apart. `hidden` are the layers
        of each network; `key` may be the seed of one.

        **Raises** `ValueError` for no Gaussians, and a cutoff that is not above 1 Å.
        """
        if radial < 1:
            raise ValueError(f"radial must be at least 1 Gaussian, got {radial}")
        if not cutoff > 1:
            raise ValueError(f"Gaussians stand from 1 Å to the cutoff, which must be above that, got {cutoff} Å")
        numbers = atomic_numbers(species)
        check_elements(numbers)
        n, step = len(numbers), (cutoff - 1.0) / radial
        inputs = n * radial + n * (n + 1) // 2 * 2 * len(zeta) * len(angular_eta)
        return BehlerParrinello(
            networks=Perceptron.stack(n, (inputs, *hidden, 1), key, activation="tanh", last=0.1),
            reference=jnp.zeros(n),
            radial_eta=jnp.full(radial, 0.5 / step**2),
            radial_center=1.0 + step * jnp.arange(radial),
            angular_eta=angular_eta,
            cutoff=cutoff,
            mean=jnp.zeros((n, inputs)),
            deviation=jnp.ones((n, inputs)),
            zeta=zeta,
            species=numbers,
        )


@eqx.filter_jit
def _statistics(potential: BehlerParrinello, systems: System, neighbors: Neighbors) -> tuple[Array, Array]:
    """Mean and standard deviation of the inputs over all atoms of each species, `[species inputs]`."""

    def one(given: tuple[System, Neighbors]) -> tuple[Array, Array]:
        seen = graph(*given)
        return seen.numbers, potential.symmetry_functions(seen)

    numbers, inputs = jax.lax.map(one, (systems, neighbors))
    inputs = jnp.moveaxis(inputs, 1, 0)  # [inputs configurations atoms]

    def over_atoms(number: int) -> tuple[Array, Array]:
        chosen = numbers == number
        share = chosen / jnp.maximum(jnp.sum(chosen), 1)
        mean = jnp.sum(share * inputs, (1, 2))
        return mean, jnp.sqrt(jnp.sum(share * (inputs - mean[:, None, None]) ** 2, (1, 2)))

    mean, deviation = zip(*map(over_atoms, potential.species), strict=True)
    return jnp.stack(mean), jnp.stack(deviation)
