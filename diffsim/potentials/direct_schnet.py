"""SchNet with forces that are told and not derived: nothing keeps them from doing work on a closed path."""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from diffsim.fields import parameter
from diffsim.graph import Graph
from diffsim.potentials.base import atomic_numbers
from diffsim.potentials.convolutions import AbstractConvolutions, random_convolutions
from diffsim.potentials.dense import Perceptron, as_key
from diffsim.potentials.direct import AbstractDirectForces


class DirectSchNet(AbstractConvolutions, AbstractDirectForces):
    """Forces along the edges, their sizes told by a network from what SchNet's convolutions know of both ends.

    F_i = −Σ_j f_ij r̂_ij,   f_ij = s N(x_i + x_j, e(r_ij)) u(r_ij),

    with x, e and u of `SchNet`. As in GNNFF (doi:10.1038/s41524-021-00543-3), forces turn with the structure; in GAMD
    (doi:10.48550/arXiv.2112.03383) they are read from features of atoms, and turn as far as has been learned. Other
    than in both, f_ij = f_ji: action equals reaction, and the total momentum is kept, without which a crystal would
    drift away. That leaves out nothing, since the forces of every energy that is a function of distances have this
    form, with f_ij = −∂E/∂r_ij. But here f is the derivative of nothing, and −∂F/∂x is not symmetric. Forces pass
    through the cutoff with two derivatives.

    **Raises** `ValueError` for no species, a cutoff that is not positive, and in `init` a depth below 1.
    """

    scale: Float[Array, ""] = parameter("eV/Å")  # s

    def atomic_forces(self, graph: Graph) -> Float[Array, "3 atoms"]:
        basis, near = self.edges(graph)
        x = self.features(graph, basis, near)
        ends = graph.of_neighbors(x) + x[:, None]
        pushes = self.scale * self.readout(jnp.concatenate([ends, basis]))[0] * near / graph.distances
        return jnp.stack([-jnp.sum(pushes * component, axis=0) for component in graph.vectors])

    @staticmethod
    def init(
        species: Sequence[str | int],
        key: Array | int,
        *,
        cutoff: float = 5.0,
        depth: int = 3,
        features: int = 32,
        radial: int = 20,
        activation: str = "silu",
    ) -> "DirectSchNet":
        """Random weights, as those of `SchNet.init`; N has two hidden layers of as many `features`, and of half."""
        numbers, keys = atomic_numbers(species), jax.random.split(as_key(key), 5)
        sizes = {"cutoff": cutoff, "depth": depth, "features": features, "radial": radial}
        widths = (features + radial, features, max(features // 2, 1), 1)
        return DirectSchNet(
            readout=Perceptron.init(widths, keys[4], activation=activation),
            scale=1.0,
            **random_convolutions(numbers, keys[:4], activation=activation, **sizes),
        )
