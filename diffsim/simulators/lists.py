"""Neighbour lists that are made again on the way, when an atom has moved half the skin."""

from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from diffsim.neighbors import Neighbors
from diffsim.system import System


def refreshed(
    neighbors: Neighbors, system: System, cutoff: Float[Array, ""]
) -> tuple[Neighbors, Neighbors, Bool[Array, ""]]:
    """The list, made again if it no longer holds every edge inside `cutoff`; of it what is to be summed over now, those
    edges alone where that pays; and whether one of the two is too short.

    Replicas under `vmap` decide together: a branch that is taken for one of them is taken for all, and none otherwise.
    """
    neighbors, system, cutoff = jax.lax.stop_gradient((neighbors, system, cutoff))
    worn = neighbors.overflow(system, cutoff)
    renewed, flag = _if_any(worn, neighbors, system)
    near, short = renewed.within(system, cutoff)
    return renewed, near, flag | short | (worn & ~(neighbors.radius >= cutoff))


@jax.custom_batching.custom_vmap
def _if_any(worn: Bool[Array, ""], neighbors: Neighbors, system: System) -> tuple[Neighbors, Bool[Array, ""]]:
    return jax.lax.cond(worn, lambda: neighbors.update(system), lambda: (neighbors, jnp.zeros((), bool)))


@_if_any.def_vmap
def _if_any_of_them(size: int, batched: Any, worn: Array, neighbors: Neighbors, system: System) -> tuple[Any, Any]:
    axes = jax.tree.map(lambda is_batched: 0 if is_batched else None, batched)
    update = jax.vmap(lambda n, s: n.update(s), in_axes=axes[1:], axis_size=size)

    def keep() -> Any:
        spread = lambda leaf, is_batched: leaf if is_batched else jnp.broadcast_to(leaf, (size, *leaf.shape))  # noqa: E731
        return jax.tree.map(spread, neighbors, batched[1]), jnp.zeros(size, bool)

    found = jax.lax.cond(jnp.any(worn), lambda: update(neighbors, system), keep)
    return found, jax.tree.map(lambda _: True, found)
