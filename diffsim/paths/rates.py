"""How often a barrier is passed: harmonic transition-state theory."""

from typing import NamedTuple

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from diffsim import units
from diffsim.fields import concrete, require_x64
from diffsim.mechanics import energy, hessian
from diffsim.potentials.base import AbstractPotential
from diffsim.system import System

_SOFT = 1e-9  # of the stiffest ω²: below, a mode is a translation, or a rotation of what is not periodic


class HarmonicRate(NamedTuple):
    """What harmonic transition-state theory says of one pass."""

    prefactor: Float[Array, ""]  # THz, of one exit
    barrier: Float[Array, ""]  # eV
    rate: Float[Array, ""]  # 1/s, of all exits


def harmonic_rate(
    potential: AbstractPotential, minimum: System, saddle: System, temperature: float, *, exits: int = 1
) -> HarmonicRate:
    """The rate of leaving a minimum over a saddle point at a temperature in K, both harmonic and classical.

    k = n ν* exp(−ΔE/k_B T),  ν* = Π ν_i(minimum) / Π' ν_i(saddle), the second product without the imaginary one,
    neither with translations (G. H. Vineyard, doi:10.1016/0022-3697(57)90059-8). Frequencies are those of full
    Hessians; n = `exits` equivalent saddles (12 for a vacancy in fcc). Differentiable in the potential and in both
    structures: with `relax` and `saddle_point` inside, the derivative is that of the rate.

    **Raises** `ValueError` for structures of different atoms, a minimum with a negative mode, a saddle with none or
    more than one, and a temperature that is not positive.
    """
    require_x64(minimum.positions, "a rate")
    if minimum.positions.shape != saddle.positions.shape:
        raise ValueError(
            f"minimum and saddle must hold the same atoms, got {len(minimum.numbers)} and {len(saddle.numbers)}"
        )
    if not temperature > 0:
        raise ValueError(f"the temperature must be positive, got {temperature} K")
    low, high = (_curvatures(potential, system) for system in (minimum, saddle))
    for (_, _, negative), expected, name in ((low, 0, "minimum"), (high, 1, "saddle")):
        found = concrete(negative)
        if found is not None and found != expected:
            raise ValueError(
                f"the {name} has {int(found)} modes of negative curvature, where it must have {expected}: "
                "find it again with relax or saddle_point"
            )
    prefactor = jnp.sqrt(high[1]) * jnp.exp(0.5 * (low[0] - high[0])) / (2 * jnp.pi * units.THz)
    barrier = energy(potential, saddle) - energy(potential, minimum)
    return HarmonicRate(prefactor, barrier, 1e12 * exits * prefactor * jnp.exp(-barrier / (units.kB * temperature)))


def _curvatures(potential: AbstractPotential, system: System) -> tuple[Array, Array, Array]:
    return _of_modes(hessian(potential, system), system.masses)


@eqx.filter_jit
def _of_modes(second: Float[Array, "atoms 3 atoms 3"], masses: Float[Array, " atoms"]) -> tuple[Array, Array, Array]:
    """Of the eigenvalues λ = ω² of M^−½ H M^−½, translations left out: Σ ln |λ|, |lowest|, how many negative."""
    light = jnp.repeat(1 / jnp.sqrt(masses), 3)
    matrix = light[:, None] * second.reshape(len(light), len(light)) * light
    squares = jnp.linalg.eigvalsh(0.5 * (matrix + matrix.T))
    moving = jnp.abs(squares) > _SOFT * jnp.max(jnp.abs(squares))
    logarithms = jnp.where(moving, jnp.log(jnp.where(moving, jnp.abs(squares), 1.0)), 0.0)
    return jnp.sum(logarithms), jnp.abs(squares[0]), jnp.sum(moving & (squares < 0))
