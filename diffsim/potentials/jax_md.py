"""The graph networks of jax-md, with weights that the user has (`pip install jax-md`)."""

from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from diffsim.potentials.base import atomic_numbers, check_elements
from diffsim.potentials.of_edges import FunctionOfEdges


def nequip(config: Any, weights: Any, species: Sequence[str | int]) -> FunctionOfEdges:
    """NequIP (doi:10.1038/s41467-022-29939-5) as `jax_md.energy.nequip_neighbor_list(cfg=config)` makes it.

    `weights` are what its `init_fn` has made and training has changed, `species` the elements in the order of the
    one-hot encoding `atoms`. For a checkpoint of GNoME: `config, _, weights = jax_md.nn.gnome.load_model(directory)`.
    Energies are in the unit that the model was trained in, which must be eV, as lengths must be Å. Weights of 32 bits
    have forces of 32 bits, too: `jax.tree.map(lambda w: w.astype(float), weights)` where Hessians are wanted.

    **Raises** `ValueError` for as many species as the model does not have.
    """
    import jraph  # pyright: ignore
    from jax_md import nn  # pyright: ignore

    elements = atomic_numbers(species)
    check_elements(elements, "the places of a one-hot encoding")
    if len(elements) != config.n_elements:
        raise ValueError(f"the model has {config.n_elements} elements, got {len(elements)} species")
    model = nn.nequip.model_from_config(config)

    def energies(
        weights: Any,
        vectors: Float[Array, "edges 3"],
        senders: Int[Array, " edges"],
        receivers: Int[Array, " edges"],
        numbers: Int[Array, " nodes"],
    ) -> Float[Array, " nodes"]:
        graph = jraph.GraphsTuple(
            nodes=(numbers[:, None] == jnp.array(elements)).astype(vectors.dtype),
            edges=-vectors,
            senders=senders,
            receivers=receivers,
            globals=None,
            n_node=jnp.ones_like(numbers),  # each its own graph, since the model gives energies of graphs
            n_edge=jnp.array([len(senders)]),
        )
        return model.apply(weights, graph)[:, 0]

    return FunctionOfEdges(weights, config.r_max, energies, config.graph_net_steps, species)
