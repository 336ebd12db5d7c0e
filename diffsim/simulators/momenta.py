"""Momenta: drawn at a temperature, and what they say of it."""

from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from diffsim import units
from diffsim.fields import concrete
from diffsim.simulators.state import State
from diffsim.system import System


def kinetic_energy(state: State) -> Float[Array, ""]:
    """Σ p²/2m in eV."""
    return 0.5 * jnp.sum(state.momenta**2 / state.system.masses[:, None])


def kinetic_tensor(state: State) -> Float[Array, "3 3"]:
    """Σ p⊗p/m in eV."""
    return state.momenta.T @ (state.momenta / state.system.masses[:, None])


def degrees_of_freedom(state: State) -> Float[Array, ""]:
    """3 (N − 1) where all atoms move and their total momentum is kept; 3 for each mobile atom where others are held."""
    real = state.system.numbers > 0
    if state.mobile is None:
        return 3.0 * jnp.maximum(jnp.sum(real) - 1, 1)
    return 3.0 * jnp.maximum(jnp.sum(real & state.mobile[:, 0]), 1)


def temperature(state: State) -> Float[Array, ""]:
    """2 E_kin / (k_B · degrees of freedom) in K."""
    return 2 * kinetic_energy(state) / (units.kB * degrees_of_freedom(state))


def maxwell(
    system: System, key: Array, temperature: Float[Array, ""] | float, mobile: Bool[Array, "atoms 1"] | None = None
) -> Float[Array, "atoms 3"]:
    """Momenta from the Maxwell–Boltzmann distribution, √(m k_B T) ξ; their total is zero unless some atoms are held.

    **Raises** `ValueError` for a temperature below zero.
    """
    value = concrete(jnp.asarray(temperature))
    if value is not None and not (value >= 0).all():
        raise ValueError(f"the temperature must not be negative, got {value} K")
    noise = jax.random.normal(key, system.positions.shape, system.positions.dtype)
    return thermal(system, noise, temperature, mobile)


def thermal(system: System, noise: Array, temperature: Any, mobile: Array | None) -> Float[Array, "atoms 3"]:
    """√(m k_B T) ξ without the motion of the centre of mass: distributed as momenta whose total is zero."""
    masses = jnp.where(system.numbers > 0, system.masses, 0.0)[:, None]
    momenta = jnp.sqrt(masses * units.kB * temperature) * noise
    if mobile is not None:
        return jnp.where(mobile, momenta, 0.0)
    return momenta - masses / jnp.sum(masses) * jnp.sum(momenta, axis=0)


def thermal_noise(state: State, step: Array, temperature: Any) -> Float[Array, "atoms 3"]:
    """√(m k_B T) ξ of a step, the same whenever it is drawn."""
    noise = jax.random.normal(jax.random.fold_in(state.key, step), state.momenta.shape, state.momenta.dtype)
    return thermal(state.system, noise, temperature, state.mobile)
