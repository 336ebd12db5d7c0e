"""How hot a thermostat keeps a system: one number, or a ramp in time."""

from typing import Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from diffsim import units
from diffsim.fields import as_array, concrete


class Ramp(eqx.Module):
    """From `start` to `stop` in K, linearly over `duration` in Å √(amu/eV) from time 0 on, and `stop` ever after."""

    start: Float[Array, ""] = eqx.field(converter=as_array)  # K
    stop: Float[Array, ""] = eqx.field(converter=as_array)  # K
    duration: Float[Array, ""] = eqx.field(converter=as_array)  # Å √(amu/eV)

    def __check_init__(self) -> None:
        if (duration := concrete(self.duration)) is not None and not duration > 0:
            raise ValueError(f"the duration of a ramp must be positive, got {duration} Å √(amu/eV)")

    def __call__(self, time: Float[Array, ""]) -> Float[Array, ""]:
        """The temperature in K at a time."""
        return self.start + (self.stop - self.start) * jnp.clip(time / self.duration, 0.0, 1.0)


Temperature = Float[Array, ""] | Ramp


def as_temperature(value: Any) -> Temperature:
    """A number in K as an array, a ramp as it is.

    **Raises** `ValueError` for temperatures that are negative or not finite.
    """
    value = value if isinstance(value, Ramp) else as_array(value)
    for number in (value.start, value.stop) if isinstance(value, Ramp) else (value,):
        known = concrete(number)
        if known is not None and not (np.isfinite(known).all() and (known >= 0).all()):
            raise ValueError(f"the temperature must not be negative, got {known} K")
    return value


def kelvin(temperature: Temperature, time: Any) -> Float[Array, ""]:
    """The temperature in K at a time."""
    return temperature(jnp.asarray(time)) if isinstance(temperature, Ramp) else temperature


def thermal_energy(temperature: Temperature, time: Any) -> Float[Array, ""]:
    """k_B T in eV at a time."""
    return units.kB * kelvin(temperature, time)
