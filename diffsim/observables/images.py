"""Vectors from an atom to all others and their images, as far as asked for: beyond what a potential sees."""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from diffsim.neighbors.images import Images
from diffsim.neighbors.search import heights
from diffsim.system import System


def images_within(system: System, radius: float) -> Images:
    """How many cells around the nearest image to look in along each vector so that none inside the radius is missed.

    (0, 0, 0), the nearest image alone, serves up to half of the least distance between faces of the cell.
    """
    counts = np.zeros(3, int)
    axes = list(system.pbc)
    counts[axes] = np.floor(radius / heights(np.asarray(system.cell)[axes]) + 0.5)
    return int(counts[0]), int(counts[1]), int(counts[2])


def reach_of(system: System, images: Images) -> Float[Array, ""]:
    """How far the vectors to so many images are complete, in Å: (n + ½) × the distance between faces, at the least."""
    axes = np.flatnonzero(system.pbc)
    if not len(axes):
        return jnp.asarray(jnp.inf, system.cell.dtype)
    apart = 1 / jnp.linalg.norm(jnp.linalg.pinv(system.cell[axes]), axis=0)
    return jnp.min((jnp.asarray(images)[axes] + 0.5) * apart)


def vectors_from(
    system: System, atom: Array, images: Images
) -> tuple[Float[Array, "images atoms 3"], Bool[Array, "images atoms"]]:
    """r = x_j − x_i + S·cell in Å from atom i to every j and its images, and which of them count.

    Images are counted from the nearest one, so atoms may be anywhere. The atom itself and padding do not count.
    """
    axes, dtype = np.flatnonzero(system.pbc), system.positions.dtype
    away = system.positions - system.positions[atom]
    fractional = jax.lax.stop_gradient(away @ jnp.linalg.pinv(system.cell[axes])) if len(axes) else away[:, :0]
    nearest = jnp.zeros_like(away).at[:, axes].set(-jnp.rint(fractional))
    grid = np.stack(np.meshgrid(*(np.arange(-n, n + 1) for n in images), indexing="ij"), -1).reshape(-1, 1, 3)
    shifts = nearest + jnp.asarray(grid, dtype)
    itself = (jnp.arange(len(away)) == atom) & (grid == 0).all(-1)
    real = system.numbers > 0
    return away + shifts @ system.cell, real & real[atom] & ~itself
