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
from jaxtyping import Array, Float

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
    places: tuple[tuple[int, ...], ...] = eqx.field(static=True)  # flat: index of the free number, −1 where fixed
    logs: tuple[bool, ...] = eqx.field(static=True)
    labels: tuple[str, ...] = eqx.field(static=True)  # what each free number stands for: `epsilon`, `sigma[0,1]`
    start: Float[Array, " free"]  # where the fit began
    lower: Float[Array, " free"]  # bounds, −∞ where there is none
    upper: Float[Array, " free"]
    widths: Float[Array, " free"]  # of the priors, ∞ where there is none

    @staticmethod
    def of(potential: AbstractPotential, trainable: Trainable = None) -> Parametrization:
        """All parameters, or those named.

        **Raises** `ValueError` for a name that the potential has not, a positive parameter that starts negative, and a
        start that is not inside its bounds.
        """
        known = parameters(potential)
        names = tuple(known) if trainable is None else tuple(trainable)
        if not names:
            raise ValueError("nothing to fit: name at least one trainable parameter")
        check_names(potential, names, known)
        places, used, labels = [], 0, {}
        for name in names:
            value = np.asarray(known[name].value)
            place, used = _places(value, known[name].positive, _species(potential, name), used)
            places.append(place)
            labels |= {i: _label(name, at) for i, at in reversed([*zip(place, np.ndindex(value.shape), strict=True)])}
        if not used:
            raise ValueError(f"nothing to fit: {', '.join(names)} are zero, and zeros of positive parameters stay")
        logs = tuple(known[name].positive for name in names)
        held = {name: trainable[name] if isinstance(trainable, Mapping) else Free() for name in names}
        start, columns = np.zeros(used), np.zeros((3, used))
        for name, place, log in zip(names, places, logs, strict=True):
            value = np.asarray(known[name].value, float).reshape(-1)[np.array(place) >= 0]
            own = np.array([index for index in place if index >= 0], int)
            start[own] = np.log(value) if log else value
            columns[:, own] = np.array(_limits(name, held[name], log))[:, None]
        lower, upper, widths = columns
        numbered = tuple(labels[index] for index in range(used))
        bounds.check(start, lower, upper, numbered)
        arrays = (jnp.asarray(array) for array in (start, lower, upper, widths))
        return Parametrization(names, tuple(places), logs, numbered, *arrays)

    @property
    def logarithmic(self) -> np.ndarray:
        """Which free numbers are logarithms."""
        found = np.zeros(len(self.start), bool)
        for place, log in zip(self.places, self.logs, strict=True):
            found[[index for index in place if index >= 0]] = log
        return found

    def free(self, potential: AbstractPotential) -> Float[Array, " free"]:
        """The free numbers of a potential."""
        found = np.array(self.start)
        for name, place, log in zip(self.names, self.places, self.logs, strict=True):
            value = np.asarray(get(potential, name)).reshape(-1)
            for number, index in zip(value, place, strict=True):
                if index >= 0:
                    found[index] = np.log(number) if log else number
        return jnp.asarray(found)

    def inside(self, free: Float[Array, " free"]) -> Float[Array, " free"]:
        """The nearest free numbers within the bounds."""
        return jnp.clip(free, self.lower, self.upper)

    def rebuild(self, potential: AbstractPotential, free: Float[Array, " free"]) -> AbstractPotential:
        """The potential with the free numbers put in."""
        new = []
        for name, place, log in zip(self.names, self.places, self.logs, strict=True):
            old = get(potential, name)
            index = np.array(place).reshape(old.shape)
            moved = free[np.maximum(index, 0)]
            new.append(jnp.where(index >= 0, jnp.exp(moved) if log else moved, old).astype(old.dtype))
        return eqx.tree_at(lambda p: [get(p, name) for name in self.names], potential, new)


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


def _label(name: str, place: tuple[int, ...]) -> str:
    return name + (f"[{','.join(map(str, place))}]" if place else "")


def _species(potential: AbstractPotential, name: str) -> int:
    """How many species the module has that holds a parameter; a network's weights are no tables over species."""
    owner = name.rpartition(".")[0]
    return len(getattr(get(potential, owner) if owner else potential, "species", ()))


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
