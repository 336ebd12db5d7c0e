"""Potentials that can tell how sure they are."""

from collections.abc import Callable, Sequence
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from diffsim.potentials.base import AbstractPotential
from diffsim.system import stack


class AbstractUncertain(AbstractPotential):
    """A potential whose answer is the mean of several, and whose uncertainty is how far these lie apart."""

    members: eqx.AbstractVar[tuple[AbstractPotential, ...]]


def of_members(
    function: Callable[[AbstractPotential], Array], members: Sequence[AbstractPotential]
) -> Float[Array, "members *shape"]:
    """What a function makes of each potential, along a new first axis; those of one form are done at once."""
    places: dict[Any, list[int]] = {}
    for place, member in enumerate(members):
        leaves, form = jax.tree.flatten(member)
        places.setdefault((form, tuple((leaf.shape, leaf.dtype) for leaf in leaves)), []).append(place)
    found: dict[int, Array] = {}
    for alike in places.values():
        if len(alike) == 1:
            found[alike[0]] = function(members[alike[0]])
        else:
            found |= zip(alike, jax.vmap(function)(stack([members[place] for place in alike])), strict=True)
    return jnp.stack([found[place] for place in range(len(members))])
