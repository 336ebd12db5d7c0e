"""From frequencies to densities of states and harmonic thermodynamics."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from diffsim import units
from diffsim.fields import ArrayLike, concrete

_STILL = 1e-3  # THz: slower modes are translations (or imaginary) and carry no harmonic energy


class Thermodynamics(NamedTuple):
    """Harmonic quantum thermodynamics of one cell."""

    free_energy: Float[Array, "..."]  # eV
    entropy: Float[Array, "..."]  # eV/K
    heat_capacity: Float[Array, "..."]  # eV/K, at constant volume


def reciprocal_mesh(mesh: tuple[int, int, int]) -> tuple[Float[np.ndarray, "q 3"], Float[np.ndarray, " q"]]:
    """A Γ-centred mesh of fractional wave vectors with q and −q counted once, and their weights (sum 1)."""
    if min(mesh) < 1:
        raise ValueError(f"a mesh needs at least one point along each axis, got {mesh}")
    sizes = np.array(mesh)
    grid = np.indices(mesh).reshape(3, -1).T
    flat = np.ravel_multi_index(tuple(grid.T), mesh)
    partner = np.ravel_multi_index(tuple((-grid % sizes).T), mesh)
    kept = flat <= partner
    return grid[kept] / sizes, np.where(flat < partner, 2.0, 1.0)[kept] / len(grid)


def phonon_dos(
    frequencies: Float[Array, "q modes"],
    weights: ArrayLike,
    at: ArrayLike,
    width: float,
) -> Float[Array, " points"]:
    """g(ν) = Σ_q w_q Σ_s N(ν − ν_qs; width) in states per THz and cell, ∫g dν = number of modes; `width` in THz."""
    if not width > 0:
        raise ValueError(f"the width of the Gaussian must be positive, got {width} THz")
    normalise = 1 / (width * np.sqrt(2 * np.pi))

    shares = jnp.asarray(weights, frequencies.dtype)

    def density(point: Float[Array, ""]) -> Float[Array, ""]:
        return normalise * jnp.sum(shares[:, None] * jnp.exp(-0.5 * ((point - frequencies) / width) ** 2))

    return jax.lax.map(density, jnp.asarray(at, frequencies.dtype))


def harmonic_thermodynamics(
    frequencies: Float[Array, "q modes"], weights: ArrayLike, temperature: float | Float[Array, ""]
) -> Thermodynamics:
    """F = Σ [ħω/2 + kT ln(1 − e^−x)], S = k Σ [x/(eˣ − 1) − ln(1 − e^−x)], C_v = k Σ x² eˣ/(eˣ − 1)², x = ħω/kT.

    Sums run over modes above 1e-3 THz, averaged over wave vectors with `weights`.

    **Raises** `ValueError` for a temperature that is not positive.
    """
    value = concrete(temperature)
    if value is not None and not (np.isfinite(value).all() and (value > 0).all()):
        raise ValueError(f"temperature must be positive, got {value} K")
    kT = units.kB * temperature
    moving = frequencies > _STILL
    quantum = 2 * np.pi * units.hbar * units.THz * jnp.where(moving, frequencies, 1.0)
    x = quantum / kT
    log_term = jnp.log1p(-jnp.exp(-x))
    occupation = jnp.exp(-x) / -jnp.expm1(-x)

    shares = jnp.asarray(weights, frequencies.dtype)

    def total(per_mode: Array) -> Float[Array, ""]:
        return jnp.sum(shares[:, None] * jnp.where(moving, per_mode, 0.0))

    return Thermodynamics(
        free_energy=total(0.5 * quantum + kT * log_term),
        entropy=units.kB * total(x * occupation - log_term),
        heat_capacity=units.kB * total(x**2 * occupation * (1 + occupation)),
    )
