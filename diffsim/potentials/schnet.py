"""SchNet: what an atom knows of its surroundings, told from neighbour to neighbour, and a network that reads it."""

import math
from collections.abc import Sequence

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from diffsim.fields import constant, parameter
from diffsim.graph import Graph, species_of
from diffsim.potentials.base import AbstractPotential, atomic_numbers, check_cutoff, check_elements
from diffsim.potentials.dense import Perceptron, as_key, of_atoms
from diffsim.potentials.radial import envelope, gaussian_basis
from diffsim.stored import stored


class SchNet(AbstractPotential):
    """Schütt's continuous-filter convolutions (doi:10.1063/1.5019779, doi:10.48550/arXiv.1706.08566).

    x_i = a_Z at first, Z the element of atom i; then, as many times as the potential is deep,

    x_i ← x_i + V(Σ_j (U x_j) ∘ W(e(r_ij)) u(r_ij)),   e_k(r) = exp(−η (r − r_k)²),

    and last E_i = E⁰_Z + s_Z N(x_i). U is a matrix, and W, V and N are networks, of each step their own. The last layer
    of W is linear, and u is the polynomial `envelope`: filters pass through the cutoff with two derivatives, and so do
    the energies of atoms up to `reach` = depth × cutoff away.

    **Raises** `ValueError` for no species, a cutoff that is not positive, and in `init` a depth below 1.
    """

    filters: Perceptron  # W, a stack, one for each step
    outward: Perceptron  # V, likewise
    readout: Perceptron  # N
    embedding: Float[Array, "species features"] = parameter("")  # a
    inward: Float[Array, "depth features features"] = parameter("")  # U
    scale: Float[Array, " species"] = parameter("eV")  # s
    reference: Float[Array, " species"] = parameter("eV")  # E⁰
    eta: Float[Array, ""] = parameter("1/Å²", positive=True)
    centers: Float[Array, " basis"] = parameter("Å")  # r_k
    cutoff: Float[Array, ""] = parameter("Å", positive=True)
    species: tuple[int, ...] = constant(converter=atomic_numbers)

    def __check_init__(self) -> None:
        check_cutoff(self.cutoff)
        check_elements(self.species)

    @property
    def depth(self) -> int:
        return len(self.inward)

    def atomic_energies(self, graph: Graph) -> Float[Array, " atoms"]:
        own, _ = graph.kinds(self.species)
        found = of_atoms(self.scale, own) * self.readout(self.features(graph))[0]
        return of_atoms(self.reference, own) + found

    def features(self, graph: Graph) -> Float[Array, "features atoms"]:
        """What each atom knows in the end."""
        r = graph.distances
        near = stored(jnp.where(graph.mask, envelope(r, self.cutoff), 0.0), graph.numbers)
        basis = gaussian_basis(r, self.centers, self.eta)
        own, _ = graph.kinds(self.species)
        x = of_atoms(self.embedding, own)
        known = of_atoms(self.embedding, species_of(graph.everyone, self.species))  # of the atoms at the ends of edges
        for step in range(self.depth):
            filters, outward = jax.tree.map(lambda w: w[step], (self.filters, self.outward))  # noqa: B023
            messages = graph.of_neighbors(self.inward[step] @ known) * filters(basis) * near
            x = known = x + outward(jnp.sum(messages, axis=-2))
        return x

    @staticmethod
    def init(
        species: Sequence[str],
        key: Array | int,
        *,
        cutoff: float = 5.0,
        depth: int = 3,
        features: int = 32,
        radial: int = 20,
        activation: str = "softplus",
    ) -> "SchNet":
        """Random weights, `radial` Gaussians evenly from 0 to the cutoff, as wide as they are apart.

        The networks W and V have one hidden layer of as many `features`, N one of half as many. The paper's activation
        is `softplus`, shifted; `silu` takes a fifth of its time in 64-bit floats. `key` may be the seed of one.
        """
        numbers = atomic_numbers(species)
        check_elements(numbers)
        if depth < 1:
            raise ValueError(f"SchNet needs a depth of at least 1, got {depth}")
        for_embedding, for_filters, for_inward, for_outward, for_readout = jax.random.split(as_key(key), 5)
        square = (features, features)
        step = cutoff / (radial - 1)
        return SchNet(
            embedding=jax.random.normal(for_embedding, (len(numbers), features)),
            filters=Perceptron.stack(depth, (radial, *square), for_filters, activation=activation),
            inward=jax.random.normal(for_inward, (depth, *square)) / math.sqrt(features),
            outward=Perceptron.stack(depth, (features, *square), for_outward, activation=activation),
            readout=Perceptron.init((features, max(features // 2, 1), 1), for_readout, activation=activation),
            scale=jnp.ones(len(numbers)),
            reference=jnp.zeros(len(numbers)),
            eta=0.5 / step**2,
            centers=step * jnp.arange(radial),
            cutoff=cutoff,
            species=numbers,
        )
