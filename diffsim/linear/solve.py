"""Weighted, regularised linear least squares on energies, forces and stresses, a block of structures at a time."""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from scipy.linalg import block_diag

from diffsim.data.configurations import Configuration
from diffsim.data.labels import labelled
from diffsim.fields import ArrayLike, get, parameters, require_x64
from diffsim.linear.labels import Scales, check_labels, weighted
from diffsim.linear.posterior import LinearPosterior
from diffsim.linear.rows import Linear, rows
from diffsim.potentials.base import AbstractPotential, check_cutoff

_ROWS = 2000  # of the design matrix to be held at once, or twice its columns


class LinearSolution(NamedTuple):
    """What least squares found.

    `misfit` is the root mean square of the residuals of all labels, in units of their scales. `condition` is the ratio
    of the largest to the smallest singular value of what was solved, its columns scaled to one length; `rank` how many
    combinations of the coefficients were determined at all, the others being set to zero.
    """

    potential: AbstractPotential
    misfit: float
    condition: float
    rank: int
    covariance_root: Float[np.ndarray, "coefficients rank"]  # times its transpose: the covariance, for scales as given
    names: tuple[str, ...]  # of what was solved for

    @property
    def posterior(self) -> LinearPosterior:
        """The potential that knows how sure it is."""
        return LinearPosterior(self.potential, self.covariance_root, self.names)


def solve_linear(
    potential: AbstractPotential,
    configurations: Sequence[Configuration],
    scales: Scales,
    *,
    ridge: Mapping[str, float],
    prior: Mapping[str, ArrayLike] | None = None,
) -> LinearSolution:
    """The values of parameters that the energy is linear in which fit labels best; the other parameters stay.

    min_c Σ_n w_n² (y_n − y⁰_n − Σ_k A_nk c_k)² + Σ_k ridge_k |a_k|² c_k² + |P c|²

    y are energies in eV, forces in eV/Å and stresses in eV/Å³; labels that are NaN, and stresses of what has no volume,
    do not count. w is 1/scale, of energies 1/(atoms · scale). `ridge` names the parameters to solve for, as
    `diffsim.fields.parameters` does, and says how much each array is drawn to zero in units of what labels say of it,
    |a_k|, the length of the weighted column: `{"coefficients": 1e-8, "reference": 0.0}`. P are rows more for some of
    them, `[rows entries]` each, like the square root of a kernel matrix: `{"coefficients": root}`.

    Done by QR of a block of rows under the triangle of all blocks before, and a singular value decomposition of the
    last triangle. Normal equations, which square the condition, are never made, and of the structures only their
    neighbour lists are all held at once.

    **Raises** `ValueError` for parameters that are not there or that the energy is not linear in, labels that do not
    fit the structures or do not depend on any of the parameters, no structures, and 32-bit floats.
    """
    prior = prior or {}
    if set(ridge) - set(parameters(potential)) or not ridge:
        raise ValueError(f"ridge must name parameters of {', '.join(parameters(potential))}, got {[*ridge]}")
    if set(prior) - set(ridge):
        raise ValueError(f"prior must name parameters that ridge names too, {', '.join(ridge)}, got {[*prior]}")
    if not configurations:
        raise ValueError("there are no structures to fit: give at least one")
    require_x64(configurations[0].system.positions, "a linear fit")
    check_cutoff(potential.cutoff)
    check_labels(configurations)
    linear = Linear(potential, tuple(ridge))
    triangle, count = np.zeros((0, len(linear.vector) + 1)), 0
    for block in _blocks(linear, configurations, scales.of_each(len(configurations))):
        triangle = np.linalg.qr(np.concatenate([triangle, block]), mode="r")
        count += len(block)
    found, root, values = _solved(triangle, linear.spread([*ridge.values()]), _beside(linear, prior))
    misfit = np.linalg.norm(triangle @ np.append(found, -1.0)) / math.sqrt(max(count, 1))
    solved = linear.at(jnp.asarray(found))
    return LinearSolution(solved, float(misfit), float(values[0] / values[-1]), len(values), root, linear.names)


def _beside(linear: Linear, prior: Mapping[str, ArrayLike]) -> Float[np.ndarray, "rows coefficients"]:
    """Rows of each array in its own columns."""
    sizes = {name: get(linear.potential, name).size for name in linear.names}
    blocks = [np.reshape(np.asarray(prior.get(name, ()), float), (-1, size)) for name, size in sizes.items()]
    return np.asarray(block_diag(*blocks))


def _solved(triangle: np.ndarray, ridge: np.ndarray, prior: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Coefficients, a root of their covariance, and the singular values that count."""
    size = len(ridge)
    lengths = np.linalg.norm(triangle[:, :size], axis=0)
    lengths = np.where(lengths > 0, lengths, 1.0)
    matrix = np.concatenate([triangle[:, :size] / lengths, np.diag(np.sqrt(ridge)), prior / lengths])
    right = np.pad(triangle[:, size], (0, size + len(prior)))
    left, values, combinations = np.linalg.svd(matrix, full_matrices=False)
    known = values > size * np.finfo(float).eps * values[0]
    if not known.any():
        raise ValueError("no label says anything of these parameters: give labels that are not NaN, or a ridge above 0")
    root = (combinations[known] / lengths).T / values[known]
    return root @ (left[:, known].T @ right), root, values[known]


def _blocks(
    linear: Linear, configurations: Sequence[Configuration], scales: Float[np.ndarray, "3 structures"]
) -> Iterator[Float[np.ndarray, "rows columns"]]:
    """Weighted rows of the design matrix, and labels less what is there without it as the last column."""
    zeros = jnp.zeros_like(linear.vector)
    for data in labelled(configurations, linear.potential):
        values, weights = weighted(data, scales)
        step = min(len(values), math.ceil(max(_ROWS, 2 * len(zeros)) / values.shape[1]))
        for start in range(0, len(values), step):
            here = np.minimum(np.arange(start, start + step), len(values) - 1)  # the last one again: one shape
            chosen = jax.tree.map(lambda leaf: leaf[here], (data.systems, data.neighbors))  # noqa: B023
            found = rows(linear, zeros, *chosen)
            if not start:
                _check_linear(linear, found[0], rows(linear, zeros + 1.0, *chosen)[0])
            for n, matrix, fixed in zip(range(start, len(values)), *map(np.asarray, found), strict=False):
                known = weights[n] > 0
                yield (weights[n][:, None] * np.column_stack([matrix, values[n] - fixed]))[known]


def _check_linear(linear: Linear, matrix: Array, elsewhere: Array) -> None:
    """Refuses parameters at whose other values the derivatives by them are others."""
    if not np.allclose(matrix, elsewhere, rtol=0, atol=1e-8 * np.abs(matrix).max()):
        raise ValueError(f"the energy is not linear in {', '.join(linear.names)}: no linear fit can find them")
