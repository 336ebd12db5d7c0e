"""What the pair potentials share: the sum over pairs, how it ends at the cutoff, and the check of that."""

from collections.abc import Callable

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from diffsim.fields import concrete
from diffsim.graph import Graph
from diffsim.potentials.base import check_cutoff
from diffsim.potentials.smoothing import mollifier


def sum_of_pairs(
    pair: Callable[[Array], Array],
    graph: Graph,
    cutoff: Float[Array, ""],
    *,
    onset: Float[Array, ""] | None = None,
    shift: bool = False,
) -> Float[Array, " atoms"]:
    """½ Σ_j φ(r_ij²) over the edges shorter than the cutoff, ended as `onset` and `shift` say; φ(r² > 0) is finite.

    A function of the square: some need no root, and those that do take it themselves. Padding is as long as the list
    radius, which is no shorter than the cutoff, so it does not count.
    """
    square = graph.squares
    energy = pair(square)
    if onset is not None:
        energy = energy * mollifier(square, onset, cutoff)
    if shift:
        energy = energy - pair(cutoff * cutoff)
    return 0.5 * jnp.sum(jnp.where(square < cutoff * cutoff, energy, 0.0), axis=0)


def inside(
    graph: Graph, r: Float[Array, "neighbors atoms"], cutoff: Float[Array, ""] | float
) -> Bool[Array, "neighbors atoms"]:
    """Which entries of the table are edges shorter than the cutoff."""
    return graph.mask & (r < cutoff)


def check_ending(cutoff: Array, onset: Array | None, shift: bool) -> None:
    """Refuses a cutoff that is not positive, an onset outside [0, cutoff), and an onset together with a shift."""
    check_cutoff(cutoff)
    if onset is None:
        return
    if shift:
        raise ValueError("shift=True and an onset both take the energy to zero at the cutoff: give one of them")
    start, end = concrete(onset), concrete(cutoff)
    if start is not None and end is not None and not 0 <= start < end:
        raise ValueError(f"onset must lie between 0 and the cutoff of {end} Å, got {start} Å")
