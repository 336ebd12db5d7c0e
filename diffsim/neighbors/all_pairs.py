"""The neighbour table made in compiled code: all pairs of atoms, all images, a fixed shape."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from diffsim.neighbors.columns import Edges
from diffsim.neighbors.images import Images, numbered
from diffsim.system import System


class AllPairs(NamedTuple):
    """A search through all pairs of atoms and all images up to so many cells away."""

    images: Images

    def tabulate(self, system: System, radius: Float[Array, ""], capacity: int) -> tuple[Edges, Bool[Array, ""]]:
        """The edges inside `radius` where `Neighbors.allocate` puts them, and whether they cannot be trusted.

        Candidates of atom i are numbered m = j·G + g over atoms j and the G images g of the home cell, in the order of
        the table; with c_i(m) the number of edges up to m, the k-th edge is the first m with c_i(m) = k, and the
        reverse of (i, j, g) is edge number c_j(i·G + G − 1 − g): nothing is sorted.
        """
        n, dtype = len(system.numbers), system.positions.dtype
        axes = np.flatnonzero(system.pbc)
        dual = jnp.linalg.pinv(system.cell[axes])
        wraps = jnp.zeros((n, 3), jnp.int32).at[:, axes].set(jnp.floor(system.positions @ dual).astype(jnp.int32))
        grid = np.indices([2 * c + 1 for c in reversed(self.images)]).reshape(3, -1)[::-1].T - np.array(
            self.images
        )  # x runs fastest
        grid = jnp.asarray(grid, jnp.int32)
        n_images = len(grid)
        inside = _inside(system, radius, grid, wraps)
        inside &= jnp.swapaxes(inside, 0, 1)[:, :, ::-1]  # an edge only with its reverse, however distances are rounded
        count = jnp.cumsum(inside.reshape(n, -1), axis=1, dtype=jnp.int32)
        longest = count[:, -1] if n else jnp.zeros(0, jnp.int32)
        place = jnp.arange(capacity, dtype=jnp.int32)
        found = jax.vmap(lambda c: jnp.searchsorted(c, place + 1), out_axes=1)(count)  # [capacity atoms]
        own = jnp.broadcast_to(jnp.arange(n, dtype=jnp.int32), (capacity, n))
        mask = place[:, None] < longest
        found = jnp.where(mask, found, 0)
        index = jnp.where(mask, (found // n_images).astype(jnp.int32), own)
        image = found % n_images
        back = count[index, own * n_images + n_images - 1 - image] - 1
        needed = jnp.ceil(radius * jnp.linalg.norm(dual, axis=0) + 1e-6)
        sound = jnp.isfinite(system.positions).all() & (jnp.max(longest, initial=0) <= capacity)
        sound &= (needed <= jnp.asarray(np.array(self.images)[axes], dtype)).all()
        return Edges(index, numbered(grid.T, self.images)[image], mask, back, wraps), ~sound


def _inside(system: System, radius: Array, grid: Array, wraps: Array) -> Bool[Array, "atoms atoms images"]:
    """Whether x_j − x_i + S·cell is inside the radius, S the image g as seen from atoms that need not be wrapped."""
    x = system.positions
    shifts = grid[None, None] - wraps[None, :, None] + wraps[:, None, None]  # [i j g 3]
    offsets = sum(shifts[..., a, None].astype(x.dtype) * system.cell[a] for a in range(3))
    vectors = (x[None, :, None] - x[:, None, None]) + offsets
    real = system.numbers > 0
    itself = jnp.eye(len(x), dtype=bool)[:, :, None] & (grid == 0).all(1)
    near = jnp.sqrt(jnp.sum(vectors**2, axis=-1)) <= radius
    return near & ~itself & real[:, None, None] & real[None, :, None]
