"""Images of the periodic cell, numbered: which of them an atom is in takes one small integer."""

import math
from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

Images = tuple[int, int, int]  # how many cells away to look, along each vector


def how_many(images: Images) -> int:
    """How many cells that are."""
    return math.prod(2 * count + 1 for count in images)


def kind(images: Images) -> np.dtype:
    """The smallest integers that hold their numbers, and one number more, that of no image at all."""
    return np.min_scalar_type(how_many(images))


def numbered(cells: Any, images: Images) -> Any:
    """The number of the image that is so many cells away, `[3 …]`; those of S and −S add up to the last number."""
    a, b, c = (cell + count for cell, count in zip(cells, images, strict=True))
    return (a * (2 * images[1] + 1) + b) * (2 * images[2] + 1) + c


def cells_away(number: Any, images: Images) -> tuple[Any, ...]:
    """How many cells away an image is, along each vector; arrays of integers."""
    rest, c = divmod(number.astype(np.int32), 2 * images[2] + 1)
    a, b = divmod(rest, 2 * images[1] + 1)
    return a - images[0], b - images[1], c - images[2]


def offsets(cell: Float[Array, "3 3"], images: Images, nowhere: Float[Array, ""]) -> Float[Array, "3 images"]:
    """S·cell in Å of every image, by x, y and z; that of the number behind the last is `nowhere` Å away along x."""
    grid = np.indices([2 * count + 1 for count in images]).reshape(3, -1) - np.array(images)[:, None]
    a, b, c = jnp.asarray(grid, cell.dtype)
    away = (nowhere.astype(cell.dtype), 0.0, 0.0)
    return jnp.stack([jnp.append(a * x + b * y + c * z, far) for (x, y, z), far in zip(cell.T, away, strict=True)])
