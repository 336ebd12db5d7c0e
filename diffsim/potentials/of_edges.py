"""Any function of edges as a potential: graph networks of other libraries."""

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
from jaxtyping import Array, Float

from diffsim.fields import constant, fixed, weights
from diffsim.graph import Graph
from diffsim.potentials.base import AbstractPotential, atomic_numbers, check_cutoff


class FunctionOfEdges(AbstractPotential):
    """E_i of a function of edges, `function(weights, vectors, senders, receivers, numbers) -> energies`.

    That is what graph networks take, whoever wrote them: `vectors` are `[edges 3]` in Å and lead from the receiver to
    the sender, x_sender − x_receiver, images of one atom included; `numbers [nodes]` are atomic numbers, and the result
    is `[nodes]` in eV. Only edges shorter than `cutoff` are there. The others go from the last node to itself, which
    is no atom: its number is 0, and so are those of the padding of a batch; energies of nodes of number 0 do not count.

    `weights` is a tree of arrays (dictionaries, lists, modules), all of them parameters. `messages` says how often
    features are passed along edges: 1 where the energy of a node depends on its own edges and the numbers of their
    senders alone.

    **Raises** `ValueError` for weights that are not arrays of floating-point numbers, a cutoff that is not
    positive, fewer messages than one, and energies of another shape.
    """

    weights: Any = weights()
    cutoff: Float[Array, ""] = fixed("Å")
    function: Callable[..., Array] = constant()
    messages: int = constant()
    species: tuple[int, ...] = constant(converter=atomic_numbers, default=())

    def __check_init__(self) -> None:
        check_cutoff(self.cutoff)
        if self.messages < 1:
            raise ValueError(f"messages must be passed at least once, got {self.messages}")

    @property
    def whole(self) -> bool:
        return True

    @property
    def depth(self) -> int:
        return self.messages

    def atomic_energies(self, graph: Graph) -> Float[Array, " atoms"]:
        senders, nowhere = graph.index, graph.index.shape[1]
        receivers = jnp.arange(nowhere, dtype=senders.dtype)
        near = graph.mask & (graph.distances < self.cutoff)
        ends = (jnp.where(near, nodes, nowhere).reshape(-1) for nodes in (senders, receivers))
        vectors = jnp.stack(graph.vectors, axis=-1).reshape(-1, 3)
        energies = self.function(self.weights, vectors, *ends, jnp.append(graph.numbers, 0))
        if jnp.shape(energies) != (nowhere + 1,):
            raise ValueError(
                f"a function of edges must give an energy for each of {nowhere + 1} nodes, "
                f"got an array of shape {jnp.shape(energies)}"
            )
        return jnp.where(graph.numbers > 0, energies[:nowhere], 0.0)
