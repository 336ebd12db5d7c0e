"""Which site of a lattice is empty: what a long run with a vacancy keeps of a frame."""

from __future__ import annotations

import itertools

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from diffsim.mechanics import require_periodic
from diffsim.potentials.base import AbstractPotential
from diffsim.simulators.state import State
from diffsim.system import System

_EMPTY = 0.75  # of the distance between neighbouring sites: the nearest atom of an empty site is further away
_ROUNDS = 3  # of finding the sites of the atoms and from them where the lattice is


class VacancySite(eqx.Module):
    """The empty site of a crystal that lacks one atom, or −1 while none can be named.

    Empty is the site that has no atom within ¾ of the distance d between neighbouring sites, if there is one only. So
    an atom has hopped once it is within d/4 of its new site along the way, and on the way neither site is empty:
    vibrations to the saddle and back are no hops (core sets, doi:10.1063/1.3590108). The lattice goes where the centre
    of mass goes. It also recoils from each hop, by d over the number of atoms, which `following` accounts for.
    """

    sites: Float[Array, "sites 3"]  # Å, where the lattice was when `centre` was the mean position
    cell: Float[Array, "3 3"]
    centre: Float[Array, 3]  # Å
    spacing: Float[Array, ""]  # d, Å

    @staticmethod
    def of(perfect: System, missing: int) -> VacancySite:
        """For `perfect` without its atom `missing`.

        **Raises** `ValueError` for a cell that is not periodic in three directions or is narrower than three d.
        """
        require_periodic(perfect, "counting hops")
        sites, cell, spacing = np.asarray(perfect.positions), np.asarray(perfect.cell), spacing_of(perfect, missing)
        narrow = 1 / np.linalg.norm(np.linalg.inv(cell), axis=0).max()
        if not narrow > 3 * spacing:
            raise ValueError(
                f"a cell with {narrow:.3g} Å between faces is too small to follow a vacancy among sites that are "
                f"{spacing:.3g} Å apart: repeat it to three times that at least"
            )
        centre = np.delete(sites, missing, axis=0).mean(axis=0)
        return VacancySite(*map(jnp.asarray, (sites, cell, centre, spacing)))

    def record(self, potential: AbstractPotential, state: State) -> Int[Array, ""]:
        """For `simulate`."""
        del potential
        return self.seen(state.system.positions)

    def seen(self, positions: Float[Array, "atoms 3"]) -> Int[Array, ""]:
        """The empty site or −1."""
        away = self._between(positions - jnp.mean(positions, axis=0) + self.centre)
        nearest = jnp.min(jnp.sum(away**2, axis=-1), axis=0)
        alone = jnp.sum(nearest > (_EMPTY * self.spacing) ** 2) == 1
        return jnp.where(alone, jnp.argmax(nearest), -1).astype(jnp.int32)

    def following(self, positions: Float[Array, "atoms 3"]) -> VacancySite:
        """The same sites where the lattice is now: after some hundred hops, and before some more.

        That is where the mean deviation of the atoms from their nearest sites vanishes.
        """
        moved = jnp.mean(positions, axis=0) - self.centre
        for _ in range(_ROUNDS):
            away = self._between(positions - moved)
            nearest = jnp.argmin(jnp.sum(away**2, axis=-1), axis=1)
            moved = moved + jnp.mean(away[jnp.arange(len(positions)), nearest], axis=0)
        places = self.sites + moved, jnp.mean(positions, axis=0)
        return eqx.tree_at(lambda self: (self.sites, self.centre), self, places)

    def _between(self, positions: Float[Array, "atoms 3"]) -> Float[Array, "atoms sites 3"]:
        """From each site to each atom, the nearest image."""
        inverse = jnp.linalg.inv(self.cell)
        away = (positions @ inverse)[:, None] - (self.sites @ inverse)[None]
        return (away - jnp.rint(away)) @ self.cell


def spacing_of(perfect: System, atom: int = 0) -> float:
    """The distance in Å from an atom to the nearest other, its own images included."""
    cell, places = np.asarray(perfect.cell), np.asarray(perfect.positions)
    away = places - places[atom]
    away -= np.rint(away @ np.linalg.inv(cell)) @ cell
    images = np.array(list(itertools.product((0, -1, 1), repeat=3))) @ cell  # the first is none
    lengths = np.linalg.norm(away[:, None] + images, axis=2)
    lengths[atom, 0] = np.inf
    return float(lengths.min())
