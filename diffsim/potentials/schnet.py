"""SchNet: what an atom knows of its surroundings, told from neighbour to neighbour, and a network that reads it."""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from diffsim.fields import parameter
from diffsim.graph import Graph
from diffsim.potentials.base import atomic_numbers
from diffsim.potentials.convolutions import AbstractConvolutions, random_convolutions
from diffsim.potentials.dense import Perceptron, as_key, of_atoms


class SchNet(AbstractConvolutions):
    """Schütt's continuous-filter convolutions (doi:10.1063/1.5019779, doi:10.48550/arXiv.1706.08566).

    x_i = a_Z at first, Z the element of atom i; then, as many times as the potential is deep,

    x_i ← x_i + V(Σ_j (U x_j) ∘ W(e(r_ij)) u(r_ij)),   e_k(r) = exp(−η (r − r_k)²),

    and last E_i = E⁰_Z + s_Z N(x_i). U is a matrix, and W, V and N are networks, of each step their own. The last layer
    of W is linear, and u is the polynomial `envelope`: filters pass through the cutoff with two derivatives, and so do
    the energies of atoms up to `reach` = depth × cutoff away.

    **Raises** `ValueError` for no species, a cutoff that is not positive, and in `init` a depth below 1.
    """

    scale: Float[Array, " species"] = parameter("eV")  # s
    reference: Float[Array, " species"] = parameter("eV")  # E⁰

    def atomic_energies(self, graph: Graph) -> Float[Array, " atoms"]:
        own, _ = graph.kinds(self.species)
        found = of_atoms(self.scale, own) * self.readout(self.features(graph, *self.edges(graph)))[0]
        return of_atoms(self.reference, own) + found

    @staticmethod
    def init(
        species: Sequence[str | int],
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
        numbers, keys = atomic_numbers(species), jax.random.split(as_key(key), 5)
        sizes = {"cutoff": cutoff, "depth": depth, "features": features, "radial": radial}
        return SchNet(
            readout=Perceptron.init((features, max(features // 2, 1), 1), keys[4], activation=activation),
            scale=jnp.ones(len(numbers)),
            reference=jnp.zeros(len(numbers)),
            **random_convolutions(numbers, keys[:4], activation=activation, **sizes),
        )
