"""From a potential to the free numbers that an optimizer moves, and back.

Positive quantities are moved in log space. In tables over species, symmetric entries move together ([i j] with [j i],
[i j k] with [i k j]) where they start equal, and zeros of positive quantities, which have no logarithm, stay.
"""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from typing import Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from diffsim.fields import parameters
from diffsim.potentials.base import AbstractPotential


class Parametrization(eqx.Module):
    """Which numbers of a potential are free, and how they are scaled."""

    names: tuple[str, ...] = eqx.field(static=True)  # trainable fields
    places: tuple[tuple[int, ...], ...] = eqx.field(static=True)  # flat: index of the free number, −1 where fixed
    logs: tuple[bool, ...] = eqx.field(static=True)

    @staticmethod
    def of(potential: AbstractPotential, trainable: Sequence[str] | None = None) -> Parametrization:
        """All parameters, or those named.

        **Raises** `ValueError` for a name that the potential has not, and a positive parameter that starts negative.
        """
        known = parameters(potential)
        names = tuple(known) if trainable is None else tuple(trainable)
        for name in names:
            if name not in known:
                near = difflib.get_close_matches(name, known, 1)
                hint = f": did you mean {near[0]!r}?" if near else ""
                raise ValueError(
                    f"{type(potential).__name__} has no parameter {name!r}{hint} It has {', '.join(known)}"
                )
        if not names:
            raise ValueError("nothing to fit: name at least one trainable parameter")
        places, used = [], 0
        for name in names:
            value = np.asarray(known[name].value)
            if known[name].positive and (value < 0).any():
                raise ValueError(f"parameter {name!r} must not be negative, got {value}")
            place, used = _places(value, known[name].positive, len(potential.species), used)
            places.append(place)
        return Parametrization(names, tuple(places), tuple(known[name].positive for name in names))

    def free(self, potential: AbstractPotential) -> Float[Array, " free"]:
        """The free numbers of a potential."""
        size = 1 + max(max(place) for place in self.places)
        found = np.zeros(size)
        for name, place, log in zip(self.names, self.places, self.logs, strict=True):
            value = np.asarray(_get(potential, name)).reshape(-1)
            for number, index in zip(value, place, strict=True):
                if index >= 0:
                    found[index] = np.log(number) if log else number
        return jnp.asarray(found)

    def rebuild(self, potential: AbstractPotential, free: Float[Array, " free"]) -> AbstractPotential:
        """The potential with the free numbers put in."""
        new = []
        for name, place, log in zip(self.names, self.places, self.logs, strict=True):
            old = _get(potential, name)
            index = np.array(place).reshape(old.shape)
            moved = free[np.maximum(index, 0)]
            new.append(jnp.where(index >= 0, jnp.exp(moved) if log else moved, old).astype(old.dtype))
        return eqx.tree_at(lambda p: [_get(p, name) for name in self.names], potential, new)


def _get(potential: AbstractPotential, name: str) -> Any:
    value: Any = potential
    for part in name.split("."):
        value = getattr(value, part)
    return value


def _places(value: np.ndarray, positive: bool, n_species: int, used: int) -> tuple[tuple[int, ...], int]:
    over_species = value.ndim in (2, 3) and set(value.shape) == {n_species}
    first: dict[tuple, int] = {}
    places = []
    for place in np.ndindex(value.shape):
        if positive and value[place] == 0:
            places.append(-1)
            continue
        key = place
        if over_species:
            mirror = place[::-1] if value.ndim == 2 else (place[0], place[2], place[1])
            key = min(place, mirror) if value[mirror] == value[place] else place
        if key not in first:
            first[key] = used
            used += 1
        places.append(first[key])
    return tuple(places), used
