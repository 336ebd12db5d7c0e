"""Size and stress of a crystal."""

import jax.numpy as jnp
from jaxtyping import Array, Float

from diffsim import units
from diffsim.fields import constant
from diffsim.mechanics import stress
from diffsim.observables.base import AbstractStatic
from diffsim.potentials.base import AbstractPotential
from diffsim.simulators.state import State


class LatticeConstant(AbstractStatic):
    """Edge of the cubic conventional cell, (n V)^⅓, whose volume is n times that of the cell (4 for primitive fcc)."""

    multiplicity: int = constant(default=1)
    unit: str = constant(default="Å")

    @property
    def labels(self) -> tuple[str, ...]:
        return ("a",)

    def record(self, potential: AbstractPotential, state: State) -> Float[Array, ""]:
        return jnp.cbrt(self.multiplicity * state.system.volume)


class Stress(AbstractStatic):
    """Cauchy stress in GPa, tension positive, in Voigt order. With a zero reference it keeps a crystal at its size."""

    unit: str = constant(default="GPa")

    @property
    def labels(self) -> tuple[str, ...]:
        return ("xx", "yy", "zz", "yz", "xz", "xy")

    def record(self, potential: AbstractPotential, state: State) -> Float[Array, "6"]:
        return voigt(stress(potential, state.system, state.neighbors)) / units.GPa


def voigt(s: Float[Array, "3 3"]) -> Float[Array, "6"]:
    """xx, yy, zz, yz, xz, xy of a symmetric tensor."""
    return jnp.stack([s[0, 0], s[1, 1], s[2, 2], s[1, 2], s[0, 2], s[0, 1]])
