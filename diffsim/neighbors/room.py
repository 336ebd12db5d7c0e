"""Room for angles: how many of an atom's neighbours may be so near that pairs of them are looked at, one by one."""

from __future__ import annotations

import dataclasses
import functools
from typing import TYPE_CHECKING, NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool

from diffsim.neighbors.within import squares

if TYPE_CHECKING:
    from diffsim.neighbors.table import Neighbors
    from diffsim.system import System


class Room(NamedTuple):
    """Rows for the edges of an atom shorter than a cutoff; static, since pairs of rows decide shapes.

    In many crystals atoms of one element have many more near neighbours than the others, and pairs of them grow with
    the square: so at most `crowd` atoms have up to `rows` near neighbours, all others up to `rest`.
    """

    cutoff: float  # Å
    rows: int
    crowd: int
    rest: int

    @staticmethod
    def of(cutoff: float, counts: np.ndarray) -> Room:
        """Just enough for so many near neighbours of each atom; all alike where a crowd would not save a quarter."""
        rows = int(np.max(counts, initial=0))
        crowds = {int(rest): int(np.sum(counts > rest)) for rest in np.unique(counts)}
        cost = lambda rest: crowds[rest] * rows**2 + (len(counts) - crowds[rest]) * rest**2  # noqa: E731
        rest = min(crowds, key=cost, default=rows)
        if not crowds or cost(rest) > 0.75 * len(counts) * rows**2:
            return Room(cutoff, rows, 0, rows)
        return Room(cutoff, rows, crowds[rest], rest)

    def holds(self, other: Room) -> bool:
        """Whether there is as much as in another."""
        return self.with_that_of(other) == self

    def with_that_of(self, other: Room) -> Room:
        """What is enough for both."""
        return Room(*map(max, self, other))

    def step(self, atoms: int, longest: int) -> Room:
        """A quarter more."""
        more = lambda rows: min(rows + max(2, rows // 4), longest)  # noqa: E731
        crowd = min(self.crowd + max(2, self.crowd // 4), atoms) if self.crowd else 0
        return Room(self.cutoff, more(self.rows), crowd, more(self.rest))


def roomed(neighbors: Neighbors, system: System, cutoff: float, ahead: float, least: Room | None) -> Neighbors:
    """The list with room for the edges shorter than `cutoff` plus `ahead`, what may come near, in Å."""
    room = Room.of(cutoff, _counts_within(neighbors, system, cutoff + ahead))
    return dataclasses.replace(neighbors, near=room if least is None else room.with_that_of(least))


def _counts_within(neighbors: Neighbors, system: System, cutoff: float) -> np.ndarray:
    """How many edges shorter than `cutoff` each atom has: on the host, where nothing is compiled."""
    n, images = len(neighbors.positions), np.array(neighbors.search.images)
    cell = np.asarray(system.cell)
    homes = np.asarray(system.positions) - np.asarray(neighbors.wraps) @ cell
    index, image, mask = (np.asarray(table)[:, :n] for table in (neighbors.index, neighbors.image, neighbors.mask))
    cells = np.stack(np.unravel_index(np.where(mask, image, 0), 2 * images + 1), axis=-1) - images
    separation = homes[np.where(mask, index, 0)] - homes + cells @ cell
    return np.sum(mask & (np.sum(separation**2, axis=-1) < cutoff**2), axis=0)


def crowded(neighbors: Neighbors, system: System) -> Bool[Array, ""]:
    """Whether atoms have more near neighbours than there is room for."""
    room = neighbors.near
    if room is None:
        return jnp.zeros((), bool)
    counts = jnp.sum(neighbors.mask & (squares(neighbors, system) < room.cutoff**2), axis=0)
    return (jnp.max(counts, initial=0) > room.rows) | (jnp.sum(counts > room.rest) > room.crowd)


def grown(room: Room | None, last: Room | None, more: int, table: tuple[int, ...]) -> Room | None:
    """At least as much as the last room and so many steps more; a step more, too, where that was too small."""
    if room is None or last is None:
        return room
    longest, atoms = table
    steps, room = more + (not last.holds(room)), room.with_that_of(last)
    for _ in range(steps):
        room = room.step(atoms, longest)
    return room


def roomiest(lists: list[Neighbors]) -> Room | None:
    """The room that is enough for all lists; None where one of them has none."""
    rooms = [neighbors.near for neighbors in lists]
    known = [room for room in rooms if room is not None]
    return functools.reduce(Room.with_that_of, known) if known and len(known) == len(rooms) else None
