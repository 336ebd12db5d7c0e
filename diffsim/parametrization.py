"""From a potential to the free numbers that an optimizer moves, and back.

A free number is the logarithm of a positive parameter, or any other parameter itself. In tables over species, symmetric
entries move together ([i j] with [j i], [i j k] with [i k j]) where they start equal, and zeros of positive quantities,
which have no logarithm, stay.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from diffsim import bounds
from diffsim.fields import Parameter, constant, get, parameters
from diffsim.potentials.base import AbstractPotential


def _maybe_float(value: float | None) -> float | None:
    return None if value is None else float(value)  # numpy's floats are arrays to equinox


class Free(eqx.Module):
    """How a parameter may move: between `lower` and `upper` (in its own unit), and not far from where it starts.

    `prior` is the standard deviation of a Gaussian around the start, of ln θ for a positive parameter (0.1: about
    10 %), of θ itself for any other: a residual (x − x₀) / prior beside those of the targets.

    **Raises** `ValueError` for an empty interval and a prior that is not positive.
    """

    lower: float | None = constant(converter=_maybe_float, default=None)
    upper: float | None = constant(converter=_maybe_float, default=None)
    prior: float | None = constant(converter=_maybe_float, default=None)

    def __check_init__(self) -> None:
        if self.lower is not None and self.upper is not None and not self.lower < self.upper:
            raise ValueError(f"the lower bound must be below the upper one, got {self.lower} and {self.upper}")
        if self.prior is not None and not (np.isfinite(self.prior) and self.prior > 0):
            raise ValueError(f"the width of a prior must be positive, got {self.prior}")


Trainable = Sequence[str] | Mapping[str, Free] | None  # names of parameters, or how each may move; None for all


class Parametrization(eqx.Module):
    """Which numbers of a potential are free, how they are scaled, and what holds them."""

    names: tuple[str, ...] = eqx.field(static=True)  # trainable fields
    logs: tuple[bool, ...] = eqx.field(static=True)
    places: tuple[Int[Array, "*_"], ...]  # where the free number of each entry is, −1 where the entry is fixed
    start: Float[Array, " free"]  # where the fit began
    lower: Float[Array, " free"]  # bounds, −∞ where there is none
    upper: Float[Array, " free"]
    widths: Float[Array, " free"]  # of the priors, ∞ where there is none

    @staticmethod
    def of(potential: AbstractPotential, trainable: Trainable = None) -> Parametrization:
        """All parameters, or those named; a name of several, as `readout` of `readout.weight`, stands for each of them.

        **Raises** `ValueError` for a name that the potential has not, a positive parameter that starts negative, and a
        start that is not inside its bounds.
        """
        known = parameters(potential)
        held = {name: Free() for name in known} if trainable is None else _held(trainable, tuple(known))
        if not held:
            raise ValueError("nothing to fit: name at least one trainable parameter")
        check_names(potential, tuple(held), known)
        places, columns, used = [], [], 0
        for name, free in held.items():
            value, positive = np.asarray(known[name].value), known[name].positive
            place, first = _places(value, positive, _species(potential, name))
            places.append(jnp.asarray(np.where(place < 0, -1, place + used), jnp.int32))
            begun = value.reshape(-1)[first].astype(float)
            limits = np.reshape(_limits(name, free, positive), (3, 1))
            columns.append(np.vstack([np.log(begun) if positive else begun, np.tile(limits, len(first))]))
            used += len(first)
        if not used:
            raise ValueError(f"nothing to fit: {', '.join(held)} are zero, and zeros of positive parameters stay")
        start, lower, upper, widths = np.hstack(columns)
        logs = tuple(known[name].positive for name in held)
        made = Parametrization(tuple(held), logs, tuple(places), *map(jnp.asarray, (start, lower, upper, widths)))
        for number in bounds.outside(start, lower, upper):
            label = made.labels[number]
            raise ValueError(f"parameter {label!r} does not start inside its bounds: move the start or the bounds")
        return made

    @property
    def labels(self) -> tuple[str, ...]:
        """What each free number stands for: `epsilon`, `sigma[0,1]`."""
        found: list[str] = []
        for name, place in zip(self.names, map(np.asarray, self.places), strict=True):
            entries = [*np.ndindex(place.shape)]
            found += [_label(name, entries[first]) for first in _first(place)]
        return tuple(found)

    @property
    def logarithmic(self) -> np.ndarray:
        """Which free numbers are logarithms."""
        each = [np.full(len(_first(np.asarray(p))), log) for p, log in zip(self.places, self.logs, strict=True)]
        return np.concatenate(each)

    def free(self, potential: AbstractPotential) -> Float[Array, " free"]:
        """The free numbers of a potential."""
        found = []
        for name, place, log in zip(self.names, self.places, self.logs, strict=True):
            value = np.asarray(get(potential, name), float).reshape(-1)[_first(np.asarray(place))]
            found.append(np.log(value) if log else value)
        return jnp.asarray(np.concatenate(found))

    def inside(self, free: Float[Array, " free"]) -> Float[Array, " free"]:
        """The nearest free numbers within the bounds."""
        return jnp.clip(free, self.lower, self.upper)

    def rebuild(self, potential: AbstractPotential, free: Float[Array, " free"]) -> AbstractPotential:
        """The potential with the free numbers put in."""
        new = []
        for name, place, log in zip(self.names, self.places, self.logs, strict=True):
            old = get(potential, name)
            moved = free[jnp.maximum(place, 0)]
            new.append(jnp.where(place >= 0, jnp.exp(moved) if log else moved, old).astype(old.dtype))
        return eqx.tree_at(lambda p: [get(p, name) for name in self.names], potential, new)


def named(wanted: Sequence[str], known: Sequence[str]) -> tuple[str, ...]:
    """Parameters by name; that of a part stands for all that are inside of it."""
    return tuple(name for one in wanted for name in [k for k in known if k.startswith(f"{one}.")] or [one])


def check_names(potential: AbstractPotential, names: tuple[str, ...], known: Mapping[str, Parameter]) -> None:
    for name in names:
        if name not in known:
            near = difflib.get_close_matches(name, known, 1)
            hint = f": did you mean {near[0]!r}?" if near else ""
            raise ValueError(f"{type(potential).__name__} has no parameter {name!r}{hint} It has {', '.join(known)}")
        if known[name].positive and (np.asarray(known[name].value) < 0).any():
            raise ValueError(f"parameter {name!r} must not be negative, got {known[name].value}")


def _limits(name: str, free: Free, log: bool) -> tuple[float, float, float]:
    """Bounds and prior of a free number."""
    lower, upper = (-np.inf if free.lower is None else free.lower), (np.inf if free.upper is None else free.upper)
    if log:
        if upper <= 0:
            raise ValueError(f"parameter {name!r} is positive: its upper bound cannot be {upper}")
        lower, upper = (np.log(lower) if lower > 0 else -np.inf), np.log(upper)
    return lower, upper, np.inf if free.prior is None else free.prior


def _held(trainable: Sequence[str] | Mapping[str, Free], known: Sequence[str]) -> dict[str, Free]:
    """How each parameter may move."""
    held = trainable if isinstance(trainable, Mapping) else dict.fromkeys(trainable, Free())
    return {name: free for one, free in held.items() for name in named([one], known)}


def _label(name: str, place: tuple[int, ...]) -> str:
    return name + (f"[{','.join(map(str, place))}]" if place else "")


def _species(potential: AbstractPotential, name: str) -> int:
    """How many species the module has that holds a parameter; a network's weights are no tables over species."""
    owner = name.rpartition(".")[0]
    return len(getattr(get(potential, owner) if owner else potential, "species", ()))


def _places(value: np.ndarray, positive: bool, n_species: int) -> tuple[np.ndarray, np.ndarray]:
    """Which free number each entry is, counted from 0, and the first entry of each free number."""
    leader = np.arange(value.size).reshape(value.shape)  # the first of the entries that move together
    if value.ndim in (2, 3) and set(value.shape) == {n_species}:
        mirror = (1, 0) if value.ndim == 2 else (0, 2, 1)
        same = value == value.transpose(mirror)
        leader = np.where(same, np.minimum(leader, leader.transpose(mirror)), leader)
    leader = np.where(positive & (value == 0), -1, leader)
    first = np.unique(leader[leader >= 0])
    return np.where(leader < 0, -1, np.searchsorted(first, leader)), first


def _first(place: np.ndarray) -> np.ndarray:
    """The first entry of each free number, counted flat."""
    numbers, entries = np.unique(place.reshape(-1), return_index=True)
    return entries[numbers >= 0]
