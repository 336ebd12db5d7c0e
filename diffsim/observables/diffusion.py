"""How far atoms get: mean-square displacements, and the diffusion coefficient in two ways."""

from typing import ClassVar, NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from diffsim import units
from diffsim.fields import constant
from diffsim.observables.base import AbstractObservable, require_motion
from diffsim.observables.correlation import autocorrelation, check_lags, spacing
from diffsim.observables.species import check_tuples, selections
from diffsim.observables.velocities import Velocities, VelocityAutocorrelation, velocities_of
from diffsim.potentials.base import AbstractPotential
from diffsim.simulators.state import State


class Places(NamedTuple):
    """What displacements keep of a frame."""

    time: Float[Array, "*frames"]
    positions: Float[Array, "*frames atoms 3"]  # Å, not wrapped
    numbers: Int[Array, "*frames atoms"]


def places_of(state: State) -> Places:
    """Positions without the motion of the centre of mass, unless atoms are held.

    **Raises** `ValueError` for a state at rest.
    """
    require_motion(state, "displacements need")
    x, system = state.system.positions, state.system
    if state.mobile is None:
        masses = jnp.where(system.numbers > 0, system.masses, 0.0)
        x = x - masses @ x / jnp.sum(masses)
    return Places(state.time, x, system.numbers)


def mean_square_displacement(
    positions: Float[Array, "frames atoms 3"], shares: Float[Array, "kinds atoms"], lags: int
) -> Float[Array, "kinds lags"]:
    """Σ_a share_a ⟨|x_a(t₀ + t) − x_a(t₀)|²⟩ over all origins, in Å².

    |x − x₀|² = x² + x₀² − 2 x·x₀: two running sums and a correlation (doi:10.1016/0010-4655(95)00048-K).
    """
    frames = len(positions)
    x = positions - jnp.mean(positions, axis=0)
    squares = jnp.cumsum(jnp.sum(x**2, axis=2) @ shares.T, axis=0).T  # [kinds frames]
    before = jnp.pad(squares, ((0, 0), (1, 0)))
    number = jnp.arange(lags)
    ends = before[:, frames - number] + before[:, -1:] - before[:, number]
    overlap = autocorrelation(x.reshape(frames, -1), jnp.repeat(shares, 3, axis=1), lags)
    return ends / (frames - number) - 2 * overlap


class MeanSquareDisplacement(AbstractObservable):
    """⟨|x(t₀ + t) − x(t₀)|²⟩ over atoms and origins, the centre of mass at rest; in a cell that keeps its size.

    At lags of 0, 1, … `lags` − 1 times the time between frames, for each of `species`: "total" or a symbol.
    """

    correlates_times: ClassVar[bool] = True
    lags: int = constant()
    species: tuple[str, ...] = constant(converter=lambda names: check_tuples(names, 1), default=("total",))
    unit: str = constant(default="Å²")

    def __check_init__(self) -> None:
        check_lags(self.lags)

    @property
    def labels(self) -> tuple[str, ...]:
        return self.species

    def record(self, potential: AbstractPotential, state: State) -> Places:
        return places_of(state)

    def estimate(self, records: Places, weights: Float[Array, " frames"]) -> Float[Array, "species lags"]:
        spacing(records.time, weights, self.lags)
        chosen = jnp.concatenate([selections(name, records.numbers[0], 1) for name in self.species])
        shares = chosen / jnp.maximum(jnp.sum(chosen, axis=1, keepdims=True), 1)
        return mean_square_displacement(records.positions, shares, self.lags)


class Diffusion(AbstractObservable):
    """Einstein's D = ⅙ d⟨|x(t) − x(0)|²⟩/dt: the slope of a line through lags `skip` … `lags` − 1, 1 Å²/ps = 10⁻⁸ m²/s.

    Skip what is ballistic. Not corrected for the size of the cell (doi:10.1021/jp0477147).
    """

    correlates_times: ClassVar[bool] = True
    lags: int = constant()
    skip: int = constant()
    species: tuple[str, ...] = constant(converter=lambda names: check_tuples(names, 1), default=("total",))
    unit: str = constant(default="Å²/ps")

    def __check_init__(self) -> None:
        check_lags(self.lags, 2)
        if not 0 <= self.skip <= self.lags - 2:
            raise ValueError(f"a line needs two lags: skip at most {self.lags - 2} of {self.lags}, got {self.skip}")

    @property
    def labels(self) -> tuple[str, ...]:
        return self.species

    def record(self, potential: AbstractPotential, state: State) -> Places:
        return places_of(state)

    def estimate(self, records: Places, weights: Float[Array, " frames"]) -> Float[Array, " species"]:
        dt = spacing(records.time, weights, self.lags) / units.ps
        squares = MeanSquareDisplacement(self.lags, self.species).estimate(records, weights)
        number = jnp.arange(self.skip, self.lags)
        away = number - jnp.mean(number)
        return squares[:, self.skip :] @ away / (6 * dt * jnp.sum(away**2))


class GreenKuboDiffusion(AbstractObservable):
    """D = ⅓ ∫ ⟨v(0)·v(t)⟩ dt over `lags` frames, by trapezia; 1 Å²/ps = 10⁻⁸ m²/s."""

    correlates_times: ClassVar[bool] = True
    lags: int = constant()
    species: tuple[str, ...] = constant(converter=lambda names: check_tuples(names, 1), default=("total",))
    unit: str = constant(default="Å²/ps")

    def __check_init__(self) -> None:
        check_lags(self.lags, 2)

    @property
    def labels(self) -> tuple[str, ...]:
        return self.species

    def record(self, potential: AbstractPotential, state: State) -> Velocities:
        return velocities_of(state)

    def estimate(self, records: Velocities, weights: Float[Array, " frames"]) -> Float[Array, " species"]:
        dt = spacing(records.time, weights, self.lags) / units.ps
        return jnp.trapezoid(VelocityAutocorrelation(self.lags, self.species).estimate(records, weights), dx=dt) / 3
