"""The edges of a structure, found on the host with a k-d tree over the atoms and their images."""

import numpy as np
from scipy.spatial import KDTree

_TOO_CLOSE = 1e-3  # Å: two atoms at one place have no direction between them
_SLACK = 1e-6  # candidates may lie this much outside (Å, or cells); the last comparison is exact


def find_edges(
    positions: np.ndarray, cell: np.ndarray, pbc: tuple[bool, bool, bool], radius: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """All ordered pairs (i, j, S) with |x_j − x_i + S·cell| ≤ radius, without i = j at S = 0.

    Any cell: triclinic, left-handed, as skewed as you like, smaller than the radius, partly periodic; atoms anywhere.
    The reverse (j, i, −S) of every edge is there: whether a candidate counts is decided by an expression that changes
    nothing but its sign.

    **Raises** `ValueError` for coincident atoms, images included.
    """
    positions, cell = np.asarray(positions, float), np.asarray(cell, float)
    axes = np.flatnonzero(pbc)
    reduction = reduce_lattice(cell[axes])
    lattice = reduction @ cell[axes]  # the same lattice in short vectors: few images, however skewed the cell
    dual = np.linalg.pinv(lattice)
    wraps = np.floor(positions @ dual).astype(int)
    homes = positions - wraps @ lattice
    counts = images_within(dual, radius)
    grid = np.array(list(np.ndindex(*(2 * counts + 1))), int) - counts
    # an image can matter only within `radius` of the box of wrapped atoms
    inner = homes @ dual
    reach = radius * np.linalg.norm(dual, axis=0) + _SLACK
    ghosts = inner[None] + grid[:, None]  # [images atoms periodic]
    near = ((ghosts > inner.min(0, initial=0.0) - reach) & (ghosts < inner.max(0, initial=0.0) + reach)).all(-1)
    image, atom = np.nonzero(near)
    tree = KDTree(homes[atom] + grid[image] @ lattice)
    pairs = KDTree(homes).sparse_distance_matrix(tree, radius + _SLACK, output_type="ndarray")
    i, j = pairs["i"], atom[pairs["j"]]
    shifts = np.zeros((len(i), 3), int)
    shifts[:, axes] = (grid[image[pairs["j"]]] - wraps[j] + wraps[i]) @ reduction
    x, y, z = shifts.T[:, :, None] * cell[:, None]  # products, not a matrix product: every row is rounded alike
    distances = np.linalg.norm((positions[j] - positions[i]) + (x + y + z), axis=1)
    kept = (distances <= radius) & ~((i == j) & (shifts == 0).all(1))
    i, j, shifts, distances = i[kept], j[kept], shifts[kept], distances[kept]
    _check_distances(i, j, shifts, distances)
    return i, j, shifts


def images_within(dual: np.ndarray, radius: float) -> np.ndarray:
    """How many cells away, along each lattice vector, an atom of the home cell can have a neighbour.

    `dual` is the pseudo-inverse of the lattice vectors: its columns are as long as the cell's heights are short.
    """
    return np.ceil(radius * np.linalg.norm(dual, axis=0) + _SLACK).astype(int)


def heights(vectors: np.ndarray) -> np.ndarray:
    """How far the planes are apart between which each lattice vector leads, in Å."""
    return 1 / np.linalg.norm(np.linalg.pinv(vectors), axis=0)


def reduce_lattice(vectors: np.ndarray) -> np.ndarray:
    """Integers M, |det M| = 1, such that M @ vectors is a nearly orthogonal basis of the same lattice.

    Each vector in turn loses the nearest lattice point in the span of the others, until none gets shorter.
    """
    reduction = np.eye(len(vectors), dtype=int)
    shortened = len(vectors) > 1
    while shortened:
        shortened = False
        for one in range(len(vectors)):
            others = [other for other in range(len(vectors)) if other != one]
            basis = reduction @ vectors
            nearest = np.rint(basis[one] @ np.linalg.pinv(basis[others])).astype(int)
            shorter = reduction[one] - nearest @ reduction[others]
            if np.linalg.norm(shorter @ vectors) < (1 - 1e-9) * np.linalg.norm(basis[one]):
                reduction[one] = shorter
                shortened = True
    return reduction


def _check_distances(i: np.ndarray, j: np.ndarray, shifts: np.ndarray, distances: np.ndarray) -> None:
    if not len(distances) or distances.min() >= _TOO_CLOSE:
        return
    k = int(np.argmin(distances))
    where = f" through the periodic image {shifts[k].tolist()}" if shifts[k].any() else ""
    raise ValueError(
        f"atoms {min(i[k], j[k])} and {max(i[k], j[k])} coincide{where}: they are {distances[k]:.2g} Å apart; "
        "remove one, or check the positions and the cell"
    )
