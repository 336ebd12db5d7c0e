"""Several images of one system, each with its own list of neighbours, looked at in one call."""

from __future__ import annotations

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from diffsim.fields import concrete
from diffsim.mechanics import neighbors_of, total_energy, total_forces
from diffsim.neighbors import Neighbors
from diffsim.potentials.base import AbstractPotential
from diffsim.potentials.direct import AbstractDirectForces
from diffsim.system import System

_SPARE = (1.1, 1.5, 2.5)  # by how much denser than in the first image atoms may lie in another
Images = Float[Array, "images coordinates"]  # Å


class Band(eqx.Module):
    """What images share, and their lists, which must not be outgrown."""

    system: System
    lists: Neighbors  # along a first axis

    @staticmethod
    def of(potential: AbstractPotential, system: System, images: Images, skin: float, rows: int = 0) -> Band:
        """Lists that reach `skin` Å further than the cutoff, of at least so many rows: few shapes to compile.

        One is made on the host, the others in compiled code from that one.
        """
        for spare in _SPARE:
            one = neighbors_of(potential, _placed(system, images[0]), None, skin, spare)
            one = one.widened(max(rows, len(one.index)))
            lists, crowded = _listed(one, system, images)
            if not concrete(crowded):
                return Band(system, lists)
        raise ValueError("atoms come much closer to each other on the path than at its start: give closer ends")

    @property
    def rows(self) -> int:
        return self.lists.index.shape[1]

    def forces(self, potential: AbstractPotential, images: Images) -> Images:
        """Of all images, in eV/Å."""
        one = lambda x, neighbors: total_forces(potential, _placed(self.system, x), neighbors)  # noqa: E731
        return jax.vmap(one)(images, self.lists).reshape(images.shape)

    def energies(self, potential: AbstractPotential, images: Images) -> Float[Array, " images"]:
        """Of all images, in eV; NaN where forces are those of no energy."""
        if isinstance(potential, AbstractDirectForces):
            return jnp.full(len(images), jnp.nan)
        one = lambda x, neighbors: total_energy(potential, _placed(self.system, x), neighbors)  # noqa: E731
        return jax.vmap(one)(images, self.lists)

    def outgrown(self, potential: AbstractPotential, images: Images) -> Bool[Array, ""]:
        """Whether a list no longer holds."""
        one = lambda x, neighbors: neighbors.overflow(_placed(self.system, x), potential.cutoff)  # noqa: E731
        return jnp.any(jax.vmap(one)(images, self.lists))


@eqx.filter_jit
def _listed(one: Neighbors, system: System, images: Images) -> tuple[Neighbors, Bool[Array, ""]]:
    """The list made again for every image, and whether it is too small for one of them."""
    lists, crowded = jax.vmap(lambda x: one.update(_placed(system, x)))(images)
    return lists, jnp.any(crowded)


def _placed(system: System, x: Float[Array, " coordinates"]) -> System:
    return system.replace(positions=x.reshape(-1, 3))
