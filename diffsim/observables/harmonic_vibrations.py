"""Harmonic vibrations as a trajectory would show them: lattice dynamics behind the window of a time correlation."""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from diffsim import units
from diffsim.fields import as_array, constant
from diffsim.observables.base import AbstractStatic
from diffsim.observables.correlation import Window, check_lags, check_window, spectrum
from diffsim.observables.phonons import phonon_frequencies
from diffsim.observables.thermodynamics import reciprocal_mesh
from diffsim.potentials.base import AbstractPotential
from diffsim.simulators.base import check_positive
from diffsim.simulators.state import State

_STILL = 1e-3  # THz: slower modes are translations, which a cell at rest has not


def windowed_density(
    modes: Float[Array, "q modes"],
    weights: Float[Array, " q"],
    at: Float[Array, " points"],
    dt: Float[Array, ""],
    lags: int,
    window: Window = "hann",
) -> Float[Array, " points"]:
    """g(ν) = 2 ∫ c(t) w(t) cos(2πνt) dt, c(t) = Σ_q w_q Σ_s cos(2πν_qs t): states per THz; modes and ν in THz."""
    shares = weights[:, None] * (jnp.abs(modes) > _STILL)
    time = jnp.arange(lags) * dt / units.ps
    correlation = jnp.sum(shares * jnp.cos(2 * jnp.pi * time[:, None, None] * modes), axis=(1, 2))
    return spectrum(correlation[None], dt, at, window)[0]


class HarmonicDensityOfStates(AbstractStatic):
    """The density of states that `VibrationalDensityOfStates` finds in a cold crystal, from lattice dynamics alone.

    g(ν) = 2 ∫ c(t) w(t) cos(2πνt) dt, c(t) = Σ_qs cos(2πν_qs t): every mode with kT, at the wave vectors that fit into
    `repeats` of the structure, behind the window of `lags` frames that are `dt` apart; ∫ g dν = 3N − 3.
    """

    frequencies: Float[Array, " points"] = eqx.field(converter=as_array)  # THz
    dt: Float[Array, ""] = eqx.field(converter=as_array)  # Å √(amu/eV), between frames
    repeats: tuple[int, int, int] = constant(converter=tuple)
    lags: int = constant()
    window: Window = constant(default="hann")
    unit: str = constant(default="1/THz")

    def __check_init__(self) -> None:
        check_lags(self.lags, 2)
        check_window(self.window)
        check_positive("dt", self.dt, "Å √(amu/eV)")

    @property
    def labels(self) -> tuple[str, ...]:
        return tuple(f"{frequency:g} THz" for frequency in np.asarray(self.frequencies))

    def record(self, potential: AbstractPotential, state: State) -> Float[Array, " points"]:
        points, weights = reciprocal_mesh(self.repeats)
        modes = phonon_frequencies(potential, state.system, points, state.neighbors)
        counts = jnp.asarray(weights * np.prod(self.repeats))
        return windowed_density(modes, counts, self.frequencies, self.dt, self.lags, self.window)
