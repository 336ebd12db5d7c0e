"""What an atom knows of its surroundings, told from neighbour to neighbour: the part that SchNet's models share."""

import math
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from diffsim.fields import constant, parameter
from diffsim.graph import Graph, species_of
from diffsim.potentials.base import AbstractPotential, atomic_numbers, check_cutoff, check_elements
from diffsim.potentials.dense import Perceptron, of_atoms
from diffsim.potentials.radial import envelope, gaussian_basis
from diffsim.stored import stored


class AbstractConvolutions(AbstractPotential):
    """Schütt's continuous-filter convolutions (doi:10.1063/1.5019779, doi:10.48550/arXiv.1706.08566).

    x_i = a_Z at first, Z the element of atom i; then, as many times as the potential is deep,

    x_i ← x_i + V(Σ_j (U x_j) ∘ W(e(r_ij)) u(r_ij)),   e_k(r) = exp(−η (r − r_k)²)

    U is a matrix, and W and V are networks, of each step their own. The last layer of W is linear, and u is the
    polynomial `envelope`: filters pass through the cutoff with two derivatives.
    """

    filters: Perceptron  # W, a stack, one for each step
    outward: Perceptron  # V, likewise
    readout: Perceptron  # N, which makes of the features what the model predicts
    embedding: Float[Array, "species features"] = parameter("")  # a
    inward: Float[Array, "depth features features"] = parameter("")  # U
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

    def edges(self, graph: Graph) -> tuple[Float[Array, "basis neighbors atoms"], Float[Array, "neighbors atoms"]]:
        """e(r_ij), and u(r_ij), which is zero where masked."""
        r = graph.distances
        near = stored(jnp.where(graph.mask, envelope(r, self.cutoff), 0.0), graph.numbers)
        return gaussian_basis(r, self.centers, self.eta), near

    def features(
        self, graph: Graph, basis: Float[Array, "basis neighbors atoms"], near: Float[Array, "neighbors atoms"]
    ) -> Float[Array, "features atoms"]:
        """What each atom knows in the end."""
        own, _ = graph.kinds(self.species)
        x = of_atoms(self.embedding, own)
        known = of_atoms(self.embedding, species_of(graph.everyone, self.species))  # of the atoms at the ends of edges
        for step in range(self.depth):
            filters, outward = jax.tree.map(lambda w: w[step], (self.filters, self.outward))  # noqa: B023
            messages = graph.of_neighbors(self.inward[step] @ known) * filters(basis) * near
            x = known = x + outward(jnp.sum(messages, axis=-2))
        return x


def random_convolutions(
    numbers: tuple[int, ...],
    keys: Array,
    *,
    cutoff: float,
    depth: int,
    features: int,
    radial: int,
    activation: str,
) -> dict[str, Any]:
    """The fields of `AbstractConvolutions` with random weights, from four keys.

    There are `radial` Gaussians evenly from 0 to the cutoff, as wide as they are apart. W and V have one hidden layer
    of as many `features`.

    **Raises** `ValueError` for no species, a depth below 1, and fewer than two Gaussians.
    """
    check_elements(numbers)
    if radial < 2:
        raise ValueError(f"SchNet needs at least 2 Gaussians, at 0 and at the cutoff, got radial={radial}")
    if depth < 1:
        raise ValueError(f"SchNet needs a depth of at least 1, got {depth}")
    for_embedding, for_filters, for_inward, for_outward = keys
    square = (features, features)
    step = cutoff / (radial - 1)
    return {
        "embedding": jax.random.normal(for_embedding, (len(numbers), features)),
        "filters": Perceptron.stack(depth, (radial, *square), for_filters, activation=activation),
        "inward": jax.random.normal(for_inward, (depth, *square)) / math.sqrt(features),
        "outward": Perceptron.stack(depth, (features, *square), for_outward, activation=activation),
        "eta": 0.5 / step**2,
        "centers": step * jnp.arange(radial),
        "cutoff": cutoff,
        "species": numbers,
    }
