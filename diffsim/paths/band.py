"""Several images of one system, each with its own list of neighbours, looked at in one call."""

from __future__ import annotations

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from diffsim.mechanics import neighbors_of, total_energy, total_forces
from diffsim.neighbors import Neighbors
from diffsim.neighbors.table import alike
from diffsim.potentials.base import AbstractPotential
from diffsim.system import System, stack

Images = Float[Array, "images coordinates"]  # Å


class Band(eqx.Module):
    """What images share, and their lists, which must not be outgrown."""

    system: System
    lists: Neighbors  # along a first axis

    @staticmethod
    def of(potential: AbstractPotential, system: System, images: Images, skin: float, columns: int = 0) -> Band:
        """Lists that reach `skin` Å further than the cutoff, of at least so many columns: few shapes to compile."""
        lists = alike([neighbors_of(potential, _placed(system, x), None, skin) for x in images])
        width = max(columns, lists[0].index.shape[0])
        return Band(system, stack([neighbors.widened(width) for neighbors in lists]))

    @property
    def columns(self) -> int:
        return self.lists.index.shape[1]

    def forces(self, potential: AbstractPotential, images: Images) -> Images:
        """Of all images, in eV/Å."""
        one = lambda x, neighbors: total_forces(potential, _placed(self.system, x), neighbors)  # noqa: E731
        return jax.vmap(one)(images, self.lists).reshape(images.shape)

    def energies(self, potential: AbstractPotential, images: Images) -> Float[Array, " images"]:
        """Of all images, in eV."""
        one = lambda x, neighbors: total_energy(potential, _placed(self.system, x), neighbors)  # noqa: E731
        return jax.vmap(one)(images, self.lists)

    def outgrown(self, potential: AbstractPotential, images: Images) -> Bool[Array, ""]:
        """Whether a list no longer holds."""
        one = lambda x, neighbors: neighbors.overflow(_placed(self.system, x), potential.cutoff)  # noqa: E731
        return jnp.any(jax.vmap(one)(images, self.lists))


def _placed(system: System, x: Float[Array, " coordinates"]) -> System:
    return system.replace(positions=x.reshape(-1, 3))
