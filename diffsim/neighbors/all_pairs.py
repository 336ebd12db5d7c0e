"""The neighbour table made in compiled code: all pairs of atoms, all images, a fixed shape."""

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from diffsim.neighbors.bits import WORD, chosen
from diffsim.neighbors.columns import Edges
from diffsim.neighbors.images import Images, numbered
from diffsim.system import System


class AllPairs(NamedTuple):
    """A search through all pairs of atoms and all images up to so many cells away."""

    images: Images

    def tabulate(self, system: System, radius: Float[Array, ""], capacity: int) -> tuple[Edges, Bool[Array, ""]]:
        """The edges inside `radius` where `Neighbors.allocate` puts them, and whether they cannot be trusted.

        Candidates of atom i are numbered m = j·G + g over atoms j and the G images g of the home cell, in the order of
        the table. The reverse of (i, j, g) is candidate i·G + G − 1 − g of atom j.
        """
        n = len(system.numbers)
        axes = np.flatnonzero(system.pbc)
        dual = jnp.linalg.pinv(system.cell[axes])
        wraps = jnp.zeros((n, 3), jnp.int32).at[:, axes].set(jnp.floor(system.positions @ dual).astype(jnp.int32))
        grid = np.indices([2 * c + 1 for c in reversed(self.images)]).reshape(3, -1)[::-1].T - np.array(
            self.images
        )  # x runs fastest
        inside = _inside(system, wraps, grid, radius).reshape(-1, n)
        bits, candidate, mask = chosen(inside, capacity)
        own = jnp.arange(n, dtype=jnp.int32)
        index, image = jnp.divmod(candidate, len(grid))
        index = jnp.where(mask, index, own)
        reverse = own * len(grid) + (len(grid) - 1 - image)
        back = bits.before(reverse // WORD, reverse % WORD, index)
        needed = jnp.ceil(radius * jnp.linalg.norm(dual, axis=0) + 1e-6)
        sound = jnp.isfinite(system.positions).all() & (bits.most() <= capacity)
        sound &= (needed <= np.array(self.images)[axes]).all()
        return Edges(index, numbered(jnp.asarray(grid, jnp.int32).T, self.images)[image], mask, back, wraps), ~sound


def _inside(
    system: System, wraps: Int[Array, "atoms 3"], grid: np.ndarray, radius: Float[Array, ""]
) -> Bool[Array, "atoms images atoms"]:
    """Whether x_j − x_i + S·cell is inside the radius, S the image g as seen from atoms that need not be wrapped.

    Products and sums that change nothing but their sign in reverse: an edge is there with its reverse.
    """
    x, n = system.positions, len(system.numbers)
    shifts = grid[None, :, :, None] - wraps[:, None, :, None] + wraps.T[None, None]  # [j g 3 i]
    square = jnp.zeros((), x.dtype)
    for axis in range(3):
        apart = (x[:, axis, None] - x[:, axis])[:, None]
        square += (apart + sum(shifts[:, :, a].astype(x.dtype) * system.cell[a, axis] for a in range(3))) ** 2
    real = system.numbers > 0
    itself = np.eye(n, dtype=bool)[:, None] & (grid == 0).all(1)[:, None]
    return (jnp.sqrt(square) <= radius) & ~itself & real[:, None, None] & real
