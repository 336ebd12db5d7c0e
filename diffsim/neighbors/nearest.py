"""The neighbour table made in compiled code: all pairs of atoms, of each the one image that can be near."""

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from diffsim.neighbors.bits import WORD, chosen
from diffsim.neighbors.columns import Edges
from diffsim.neighbors.images import Images, numbered
from diffsim.neighbors.search import heights
from diffsim.system import System


class Nearest(NamedTuple):
    """A search through all pairs where no atom can have two images of another inside the radius."""

    images: Images

    @staticmethod
    def of(cell: np.ndarray, pbc: tuple[bool, bool, bool], width: float, images: Images) -> "Nearest | None":
        """None where the cell is narrower than twice that width."""
        return Nearest(images) if (2 * width <= heights(cell[list(pbc)])).all() else None

    def tabulate(self, system: System, radius: Float[Array, ""], capacity: int) -> tuple[Edges, Bool[Array, ""]]:
        """The edges inside `radius` where `Neighbors.allocate` puts them, and whether they cannot be trusted."""
        n, x = len(system.numbers), system.positions.T
        axes = np.flatnonzero(system.pbc)
        dual = jnp.linalg.pinv(system.cell[axes])
        inner = (system.positions @ dual).T  # [periodic atoms]
        wraps = jnp.zeros((n, 3), jnp.int32).at[:, axes].set(jnp.floor(inner.T).astype(jnp.int32))
        # S of the image of j that is nearest to i
        away = lambda i, j: [jnp.rint(inner[a, i] - inner[a, j]) for a in range(len(axes))]  # noqa: E731
        own = jnp.arange(n, dtype=jnp.int32)
        square = jnp.zeros((), x.dtype)
        shifts = away(own, own[:, None])  # [j i]
        for axis in range(3):
            offset = sum((s * system.cell[a, axis] for s, a in zip(shifts, axes, strict=True)), jnp.zeros((), x.dtype))
            square += ((x[axis][:, None] - x[axis]) + offset) ** 2
        real = system.numbers > 0
        inside = (jnp.sqrt(square) <= radius) & real & real[:, None] & ~jnp.eye(n, dtype=bool)
        bits, candidate, mask = chosen(inside, capacity)
        index = jnp.where(mask, candidate, own)
        cells = jnp.zeros((3, capacity, n), jnp.int32)
        for s, a in zip(away(own, index), axes, strict=True):
            cells = cells.at[a].set(s.astype(jnp.int32) + wraps[index, a] - wraps[:, a])
        back = bits.before(jnp.broadcast_to(own // WORD, index.shape), jnp.broadcast_to(own % WORD, index.shape), index)
        sound = jnp.isfinite(system.positions).all() & (bits.most() <= capacity)
        sound &= (radius <= 0.5 / jnp.linalg.norm(dual, axis=0)).all()
        return Edges(index, numbered(cells, self.images), mask, back, wraps), ~sound
