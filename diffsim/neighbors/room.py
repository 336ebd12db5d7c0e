"""Room for angles: how many of an atom's neighbours may be so near that pairs of them are looked at, one by one."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool

from diffsim.neighbors.within import squares

if TYPE_CHECKING:
    from diffsim.neighbors.table import Neighbors
    from diffsim.system import System


class Room(NamedTuple):
    """So many rows for the edges of an atom shorter than a cutoff; static, since pairs of rows decide shapes."""

    cutoff: float  # Å
    rows: int


def roomed(
    neighbors: Neighbors, system: System, cutoff: float | None, *, ahead: float = 0.0, least: int = 0
) -> Neighbors:
    """The list with at least so many rows for the edges shorter than `cutoff` plus `ahead`, what may come near, in Å.

    Without a cutoff the list as it is: nobody asks for angles.
    """
    if cutoff is None:
        return neighbors
    rows = max(_most_within(neighbors, system, cutoff + ahead), least)
    return dataclasses.replace(neighbors, near=Room(cutoff, min(rows, len(neighbors.index))))


def _most_within(neighbors: Neighbors, system: System, cutoff: float) -> int:
    """How many edges shorter than `cutoff` the atom with the most has: on the host, where nothing is compiled."""
    n, images = len(neighbors.positions), np.array(neighbors.search.images)
    cell = np.asarray(system.cell)
    homes = np.asarray(system.positions) - np.asarray(neighbors.wraps) @ cell
    index, image, mask = (np.asarray(table)[:, :n] for table in (neighbors.index, neighbors.image, neighbors.mask))
    cells = np.stack(np.unravel_index(np.where(mask, image, 0), 2 * images + 1), axis=-1) - images
    separation = homes[np.where(mask, index, 0)] - homes + cells @ cell
    return int(np.max(np.sum(mask & (np.sum(separation**2, axis=-1) < cutoff**2), axis=0), initial=0))


def crowded(neighbors: Neighbors, system: System) -> Bool[Array, ""]:
    """Whether an atom has more near neighbours than there is room for."""
    if neighbors.near is None:
        return jnp.zeros((), bool)
    near = neighbors.mask & (squares(neighbors, system) < neighbors.near.cutoff**2)
    return jnp.max(jnp.sum(near, axis=0), initial=0) > neighbors.near.rows


def grown(room: Room | None, last: Room | None, more: int, longest: int) -> Room | None:
    """At least as much as the last room and so many steps more; a step more, too, where that was too small."""
    if room is None or last is None:
        return room
    step = lambda rows: rows + max(2, rows // 4)  # noqa: E731
    rows = last.rows if room.rows <= last.rows else step(room.rows)
    for _ in range(more):
        rows = step(rows)
    return room._replace(rows=min(rows, longest))


def roomiest(lists: list[Neighbors]) -> Room | None:
    """The room that is enough for all lists; None where one of them has none."""
    rooms = [neighbors.near for neighbors in lists]
    known = [room for room in rooms if room is not None]
    if len(known) < len(rooms):
        return None
    return Room(max(room.cutoff for room in known), max(room.rows for room in known))
