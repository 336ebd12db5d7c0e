"""Edges as sets, to be compared whatever their order."""

import numpy as np

from diffsim import Neighbors, System
from diffsim.neighbors import find_edges


def edges_of(system: System, radius: float) -> set:
    return as_set(*find_edges(np.asarray(system.positions), np.asarray(system.cell), system.pbc, radius))


def as_set(i, j, shifts) -> set:
    edges = list(zip(i.tolist(), j.tolist(), map(tuple, shifts.astype(int).tolist()), strict=True))
    assert len(edges) == len(set(edges)), "an edge is there twice"
    return set(edges)


def table_edges(neighbors: Neighbors) -> set:
    row, i = np.nonzero(neighbors.mask)
    return as_set(i, np.asarray(neighbors.index)[row, i], np.asarray(neighbors.shifts)[:, row, i].T)


def completed(system: System) -> np.ndarray:
    """A regular cell for oracles that want one also where nothing is periodic."""
    cell = np.array(system.cell)
    empty = ~cell.any(axis=1)
    cell[empty] = np.linalg.svd(np.where(empty[:, None], 0, cell))[2][3 - empty.sum() :]
    return cell


def assert_reverses(neighbors: Neighbors) -> None:
    """`reverse` is an involution that swaps i and j and turns S round; padding stays where it is."""
    index, mask, reverse = (np.asarray(x).reshape(-1) for x in (neighbors.index, neighbors.mask, neighbors.reverse))
    shifts = np.asarray(neighbors.shifts).reshape(3, -1)
    own = np.tile(np.arange(neighbors.index.shape[1]), neighbors.index.shape[0])
    np.testing.assert_array_equal(reverse[reverse], np.arange(len(reverse)))
    np.testing.assert_array_equal(mask[reverse], mask)
    np.testing.assert_array_equal(own[reverse][mask], index[mask])
    np.testing.assert_array_equal(shifts[:, reverse][:, mask], -shifts[:, mask])
    np.testing.assert_array_equal(reverse[~mask], np.flatnonzero(~mask))
