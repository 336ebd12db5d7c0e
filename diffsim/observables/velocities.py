"""How velocities remember themselves, and at which frequencies."""

from typing import ClassVar, NamedTuple

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from diffsim import units
from diffsim.fields import as_array, constant
from diffsim.observables.base import AbstractObservable, require_motion
from diffsim.observables.correlation import Window, autocorrelation, check_lags, check_window, spacing, spectrum
from diffsim.observables.species import check_tuples, selections
from diffsim.potentials.base import AbstractPotential
from diffsim.simulators.momenta import degrees_of_freedom
from diffsim.simulators.state import State


class Velocities(NamedTuple):
    """What velocity correlations keep of a frame."""

    time: Float[Array, "*frames"]
    velocities: Float[Array, "*frames atoms 3"]
    numbers: Int[Array, "*frames atoms"]
    masses: Float[Array, "*frames atoms"]
    freedom: Float[Array, "*frames"]  # degrees of freedom


def velocities_of(state: State) -> Velocities:
    """Of a state that moves.

    **Raises** `ValueError` for one at rest.
    """
    require_motion(state, "velocities need")
    system = state.system
    velocities = state.momenta / system.masses[:, None]
    return Velocities(state.time, velocities, system.numbers, system.masses, degrees_of_freedom(state))


class VelocityAutocorrelation(AbstractObservable):
    """C(t) = ⟨v(t₀)·v(t₀ + t)⟩ over atoms and origins; C(0) = 3kT/m.

    At lags of 0, 1, … `lags` − 1 times the time between frames, for each of `species`: "total" or a symbol.
    """

    correlates_times: ClassVar[bool] = True
    lags: int = constant()
    species: tuple[str, ...] = constant(converter=lambda names: check_tuples(names, 1), default=("total",))
    unit: str = constant(default="Å²/ps²")

    def __check_init__(self) -> None:
        check_lags(self.lags)

    @property
    def labels(self) -> tuple[str, ...]:
        return self.species

    def record(self, potential: AbstractPotential, state: State) -> Velocities:
        return velocities_of(state)

    def estimate(self, records: Velocities, weights: Float[Array, " frames"]) -> Float[Array, "species lags"]:
        spacing(records.time, weights, self.lags)
        chosen = jnp.concatenate([selections(name, records.numbers[0], 1) for name in self.species])
        shares = jnp.repeat(chosen / jnp.maximum(jnp.sum(chosen, axis=1, keepdims=True), 1), 3, axis=1)
        series = records.velocities.reshape(len(records.time), -1)
        return autocorrelation(series, shares, self.lags) * units.ps**2


class VibrationalDensityOfStates(AbstractObservable):
    """g(ν) = f · 2 ∫ C(t) w(t) cos(2πνt) dt / C(0), C(t) = Σ m ⟨v(t₀)·v(t₀ + t)⟩: states per THz.

    The spectrum of the mass-weighted velocities (doi:10.1103/PhysRev.188.1407), normalised to the f = 3N − 3 degrees of
    freedom: ∫ g dν = f over all ν > 0 when every mode has its kT, as in a long run. The window w ends after `lags`
    frames, and 1/(lags × the time between frames) is the resolution. Frames must be closer than half a period of the
    fastest mode. `species` "total" or a symbol: its atoms' part of the total.
    """

    correlates_times: ClassVar[bool] = True
    frequencies: Float[Array, " points"] = eqx.field(converter=as_array)  # THz
    lags: int = constant()
    species: tuple[str, ...] = constant(converter=lambda names: check_tuples(names, 1), default=("total",))
    window: Window = constant(default="hann")
    unit: str = constant(default="1/THz")

    def __check_init__(self) -> None:
        check_lags(self.lags, 2)
        check_window(self.window)

    @property
    def labels(self) -> tuple[str, ...]:
        return self.species

    def record(self, potential: AbstractPotential, state: State) -> Velocities:
        return velocities_of(state)

    def estimate(self, records: Velocities, weights: Float[Array, " frames"]) -> Float[Array, "species points"]:
        dt = spacing(records.time, weights, self.lags)
        chosen = jnp.concatenate([selections(name, records.numbers[0], 1) for name in (*self.species, "total")])
        heavy = jnp.repeat(chosen * records.masses[0], 3, axis=1)
        correlation = autocorrelation(records.velocities.reshape(len(records.time), -1), heavy, self.lags)
        density = spectrum(correlation[:-1], dt, self.frequencies, self.window)
        return records.freedom[0] * density / correlation[-1, 0]
