"""What a table is made of, found on the host: edges in their columns, and how compiled code will find them again."""

import numpy as np

from diffsim.neighbors.all_pairs import AllPairs
from diffsim.neighbors.cells import Grid
from diffsim.neighbors.columns import Edges
from diffsim.neighbors.images import Images, how_many, numbered
from diffsim.neighbors.nearest import Nearest
from diffsim.neighbors.search import find_edges, images_within

Search = AllPairs | Nearest | Grid


def allocated(
    positions: np.ndarray,
    cell: np.ndarray,
    numbers: np.ndarray,
    pbc: tuple[bool, bool, bool],
    radius: float,
    spare: float,
) -> tuple[Edges, Search]:
    """Edges of at most `radius` Å, and a search that will find them where atoms come to lie denser by `spare`.

    **Raises** `ValueError` for coincident atoms, and where the cell is too skewed to number the images.
    """
    real = np.flatnonzero(numbers > 0)  # padding has no neighbours
    i, j, shifts = find_edges(positions[real], cell, pbc, radius)
    search = _search_for(positions, cell, pbc, radius, spare)
    wraps = _wraps(positions, cell, pbc)
    return _in_columns(real[i], real[j], shifts, wraps, search.images), search


def _search_for(
    positions: np.ndarray, cell: np.ndarray, pbc: tuple[bool, bool, bool], radius: float, spare: float
) -> Search:
    axes, wide = list(pbc), 1.02 * spare ** (1 / 3) * radius  # the cell may shrink a little
    counts = np.zeros(3, int)
    counts[axes] = images_within(np.linalg.pinv(cell[axes]), spare * radius)
    images = (int(counts[0]), int(counts[1]), int(counts[2]))
    grid = Grid.of(positions, cell, pbc, wide, images, spare)
    return grid or Nearest.of(cell, pbc, wide, images) or AllPairs(images)


def _wraps(positions: np.ndarray, cell: np.ndarray, pbc: tuple[bool, bool, bool]) -> np.ndarray:
    wraps, axes = np.zeros(positions.shape, np.int32), list(pbc)
    wraps[:, axes] = np.floor(positions @ np.linalg.pinv(cell[axes]))
    return wraps


def _in_columns(i: np.ndarray, j: np.ndarray, shifts: np.ndarray, wraps: np.ndarray, images: Images) -> Edges:
    """Edges in the order of i, j, S_z, S_y, S_x."""
    if how_many(images) > np.iinfo(np.int32).max:
        raise ValueError(f"the cell is so skewed that neighbours are up to {max(images)} cells apart: reduce it first")
    order = np.lexsort((*shifts.T, j, i))
    i, j, shifts = i[order], j[order], shifts[order]
    row = np.arange(len(i)) - np.searchsorted(i, i)  # rank of the edge among those of its atom
    shape = max(int(row.max(initial=0)) + 1, 1), len(wraps)
    index, image, mask, back = (np.zeros(shape, t) for t in (np.int32, np.int32, bool, np.int32))
    backwards = np.lexsort((*(-shifts).T, i, j))  # the m-th edge by its reverse's key is the reverse of the m-th
    back[row[backwards], i[backwards]] = row
    index[row, i], mask[row, i] = j, True
    image[row, i] = numbered((shifts + wraps[j] - wraps[i]).T, images)
    return Edges(index, image, mask, back, wraps)
