"""Which site of a lattice is empty: what a long run with a vacancy keeps of a frame."""

from __future__ import annotations

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from diffsim.mechanics import require_periodic
from diffsim.potentials.base import AbstractPotential
from diffsim.simulators.state import State
from diffsim.system import System

_COMMITTED = 0.75  # of the distance between neighbouring sites: nearer to the empty site, an atom is on its way there
_ROUNDS = 3  # of finding the sites of the atoms and from them where the lattice is


class VacancySite(eqx.Module):
    """The empty site of a crystal that lacks one atom, or −1 while none can be named.

    Each atom belongs to its nearest site. A frame names the site that no atom belongs to, if there is one only, and if
    no atom is closer to it than ¾ of the distance d between neighbouring sites. So an atom has hopped once it is within
    d/4 of its new site along the way: vibrations to the saddle and back are no hops (core sets,
    doi:10.1063/1.3590108). The lattice is taken to be where the atoms' mean deviation from their sites vanishes: it
    may drift with the centre of mass, and it recoils from each hop by d over the number of atoms.
    """

    sites: Float[Array, "sites 3"]  # Å, where the lattice was when `centre` was the mean position
    cell: Float[Array, "3 3"]
    centre: Float[Array, "3"]  # Å
    spacing: Float[Array, ""]  # d, Å

    @staticmethod
    def of(perfect: System, missing: int) -> VacancySite:
        """For `perfect` without its atom `missing`.

        **Raises** `ValueError` for a cell that is not periodic in three directions or is narrower than three d.
        """
        require_periodic(perfect, "counting hops")
        sites, cell = np.asarray(perfect.positions), np.asarray(perfect.cell)
        away = sites - sites[missing]
        away -= np.rint(away @ np.linalg.inv(cell)) @ cell
        spacing = float(np.sort(np.linalg.norm(away, axis=1))[1]) if len(sites) > 1 else np.inf
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
        return self.seen(state.system.positions)[0]

    def seen(self, positions: Float[Array, "atoms 3"]) -> tuple[Int[Array, ""], Float[Array, "3"]]:
        """The empty site or −1, and how far the lattice has moved since, in Å."""
        count, moved = len(self.sites), jnp.mean(positions, axis=0) - self.centre
        for _ in range(_ROUNDS):
            away = self._between(positions - moved)
            nearest = jnp.argmin(jnp.sum(away**2, axis=-1), axis=1)
            moved = moved + jnp.mean(away[jnp.arange(len(positions)), nearest], axis=0)
        atoms = jnp.zeros(count, jnp.int32).at[nearest].add(1)
        site = jnp.argmin(atoms).astype(jnp.int32)
        closest = jnp.min(jnp.linalg.norm(self._between(positions - moved)[:, site], axis=-1))
        named = (jnp.sum(atoms == 0) == 1) & (closest > _COMMITTED * self.spacing)
        return jnp.where(named, site, -1), moved

    def following(self, positions: Float[Array, "atoms 3"]) -> VacancySite:
        """The same sites where the lattice is now: for stretches of a run with very many hops."""
        moved = self.seen(positions)[1]
        places = self.sites + moved, jnp.mean(positions, axis=0)
        return eqx.tree_at(lambda self: (self.sites, self.centre), self, places)

    def _between(self, positions: Float[Array, "atoms 3"]) -> Float[Array, "atoms sites 3"]:
        """From each site to each atom, the nearest image."""
        inverse = jnp.linalg.inv(self.cell)
        away = (positions @ inverse)[:, None] - (self.sites @ inverse)[None]
        return (away - jnp.rint(away)) @ self.cell
