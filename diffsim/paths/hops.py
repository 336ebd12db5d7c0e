"""The elementary hop of a crystal: an atom goes into a vacancy beside it."""

from collections.abc import Sequence

import jax.numpy as jnp
import numpy as np

from diffsim.mechanics import require_periodic
from diffsim.observables.pieces import Piece
from diffsim.paths.string import shortest_ways
from diffsim.system import System

_SHELL = 1e-3  # Å: neighbours this close in distance count as equally far


def vacancy_hop(
    crystal: System, repeats: Sequence[int], *, vacancy: int = 0, neighbor: int = 0
) -> tuple[System, System]:
    """Supercells, not relaxed, in which an atom is missing and in which a neighbour has gone into its place.

    `vacancy` is the atom of the crystal's cell that is missing, `neighbor` which of those of its own element hops: 0 is
    the nearest; equally near ones are counted in the order of the supercell's atoms.

    **Raises** `ValueError` for a crystal that is not periodic, and an atom or neighbour that is not there.
    """
    piece, mover, step = hop(crystal, repeats, vacancy, neighbor)
    start = piece.of(crystal)
    return start, start.replace(positions=start.positions.at[mover].add(jnp.asarray(step) @ crystal.cell))


def hop(crystal: System, repeats: Sequence[int], vacancy: int, neighbor: int) -> tuple[Piece, int, np.ndarray]:
    """The piece with the vacancy, the number in it of the atom that hops, and its way in the crystal's vectors."""
    require_periodic(crystal, "a vacancy")
    whole = Piece.supercell(crystal, repeats)
    places = np.asarray(whole.places)
    if not 0 <= vacancy < len(crystal.numbers):
        raise ValueError(f"the vacancy must be one of the {len(crystal.numbers)} atoms of the cell, got {vacancy}")
    missing = int(np.flatnonzero(places == vacancy)[0])
    system = whole.of(crystal)
    positions, numbers = np.asarray(system.positions), np.asarray(system.numbers)
    ways = shortest_ways(system, np.broadcast_to(positions[missing], positions.shape))
    lengths = np.linalg.norm(ways, axis=1)
    alike = [i for i in np.lexsort((np.arange(len(lengths)), np.round(lengths / _SHELL))) if i != missing]
    alike = [i for i in alike if numbers[i] == numbers[missing]]
    if not 0 <= neighbor < len(alike):
        raise ValueError(
            f"the vacancy has {len(alike)} neighbours of its own element in a supercell of {tuple(repeats)}: "
            f"neighbor must be 0 … {len(alike) - 1}, got {neighbor}; or raise repeats"
        )
    mover = int(alike[neighbor])
    step = ways[mover] @ np.linalg.inv(np.asarray(crystal.cell))
    return whole.without(missing), mover - (mover > missing), step
