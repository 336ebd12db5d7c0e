"""What a prediction must reproduce: a reference, how far off it may be, and a name for each of its numbers."""

from collections.abc import Sequence
from typing import Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from diffsim.fields import as_array, constant
from diffsim.observables.base import AbstractObservable


class Target(eqx.Module):
    """A prediction and the number it must reproduce: residual = √w (prediction − reference) / scale, dimensionless.

    `scale` is the uncertainty that is allowed, in the unit of the observable, one for all components or one for each.
    With a `bound` b a deviation of x scales counts as x / √(1 + (x/b)²): as itself while small, never as more than b
    (the loss of Geman and McClure): a number that runs away, as g(r) does where atoms collapse, drowns no other.

    **Raises** `ValueError` for a unit other than the observable's, a reference that is not finite, a scale ≤ 0, a
    bound ≤ 0.
    """

    observable: AbstractObservable
    reference: Float[Array, "..."] = eqx.field(converter=as_array)
    scale: Float[Array, "..."] = eqx.field(converter=as_array)
    weight: Float[Array, ""] = eqx.field(converter=as_array, default=1.0)
    unit: str | None = constant(default=None)  # where given, checked against the observable's
    bound: float | None = constant(default=None)  # in scales

    def __check_init__(self) -> None:
        name = type(self.observable).__name__
        if self.unit is not None and self.unit != self.observable.unit:
            raise ValueError(f"{name} is predicted in {self.observable.unit!r}, but its reference is in {self.unit!r}")
        if not np.isfinite(self.reference).all():
            raise ValueError(f"the reference of {name} must be finite, got {self.reference}")
        if not (np.isfinite(self.scale).all() and (np.asarray(self.scale) > 0).all()):
            raise ValueError(f"the scale of {name} must be positive, got {self.scale} {self.observable.unit}")
        if not (np.isfinite(self.weight) and self.weight >= 0):
            raise ValueError(f"the weight of {name} must not be negative, got {self.weight}")
        if self.bound is not None and not self.bound > 0:
            raise ValueError(f"the bound of {name} must be positive, got {self.bound} scales")
        if self.scale.ndim and self.scale.shape != self.reference.shape:
            raise ValueError(
                f"the scale of {name} must be one number or have the reference's shape "
                f"{list(self.reference.shape)}, got {list(self.scale.shape)}"
            )

    def residuals(self, prediction: Float[Array | np.ndarray, "..."]) -> Float[Array, " components"]:
        """Dimensionless residuals, flat."""
        scales = ((prediction - self.reference) / self.scale).reshape(-1)
        return jnp.sqrt(self.weight) * saturated(scales, self.bound)


def saturated(x: Any, bound: float | None) -> Any:
    """x / √(1 + (x/b)²): x where it is small, ±b where it is large; x itself without a bound."""
    return x if bound is None else x / (1 + (x / bound) ** 2) ** 0.5


def components(target: Target) -> list[tuple[str, float, float]]:
    """Label, reference and scale of each number of a target."""
    reference = np.asarray(target.reference)
    scale = np.broadcast_to(np.asarray(target.scale), reference.shape)
    names = component_names(target.observable.labels, reference.shape)
    return [
        (name, float(number), float(allowed))
        for name, number, allowed in zip(names, reference.flat, scale.flat, strict=True)
    ]


def component_names(labels: Sequence[str], shape: tuple[int, ...]) -> list[str]:
    """A name for each number of a prediction: its label, and its place along further axes counted from 1."""
    return [labels[place[0] if place else 0] + "".join(f" {i + 1}" for i in place[1:]) for place in np.ndindex(shape)]
