"""Potentials that can tell how sure they are."""

import abc
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from diffsim.potentials.base import AbstractPotential
from diffsim.system import stack


class AbstractUncertain(AbstractPotential):
    """A potential that knows how sure it is of whatever follows from it."""

    @abc.abstractmethod
    def spread(self, function: Callable[[AbstractPotential], Array]) -> Float[Array, "ways *shape"]:
        """How what a function makes of the potential may be off, in so many independent ways: a square root of its
        covariance. The sum of their squares is the variance, those of their products the covariances.
        """


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
