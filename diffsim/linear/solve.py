"""Weighted, regularised linear least squares on energies, forces and stresses, a block of structures at a time."""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from diffsim.data.batching import batch_for
from diffsim.fields import ArrayLike, parameters, require_x64
from diffsim.linear.labels import Labelled, Scales, labelled
from diffsim.linear.rows import Linear, rows
from diffsim.potentials.base import AbstractPotential, check_cutoff, check_species
from diffsim.system import System

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


def solve_linear(
    potential: AbstractPotential,
    systems: Sequence[System],
    energies: Sequence[float | None] | ArrayLike | None,
    *,
    forces: Sequence[ArrayLike | None] | ArrayLike | None = None,
    stresses: Sequence[ArrayLike | None] | ArrayLike | None = None,
    scales: Scales,
    ridge: Mapping[str, float],
    prior: ArrayLike | None = None,
) -> LinearSolution:
    """The values of parameters that the energy is linear in which fit labels best; the other parameters stay.

    min_c Σ_n w_n² (y_n − y⁰_n − Σ_k A_nk c_k)² + Σ_k ridge_k |a_k|² c_k² + |P c|²

    y are energies in eV, forces `[atoms 3]` in eV/Å and stresses `[3 3]` in eV/Å³, tension positive; None stands for
    what is not known, of all structures or of one. w is 1/scale, of energies 1/(atoms · scale). `ridge` names the
    parameters to solve for, as `diffsim.fields.parameters` does, and says how much each array is drawn to zero in units
    of what labels say of it, |a_k|, the length of the weighted column: `{"coefficients": 1e-8, "reference": 0.0}`. P,
    if given, are rows more, `[rows coefficients]`, like the square root of a kernel matrix.

    Done by QR of a block of rows under the triangle of all blocks before, and a singular value decomposition of the
    last triangle. Normal equations, which square the condition, are never made, and of the structures only their
    neighbour lists are all held at once.

    **Raises** `ValueError` for parameters that are not there or that the energy is not linear in, labels that do not
    fit the structures, and 32-bit floats.
    """
    unknown = set(ridge) - set(parameters(potential))
    if unknown or not ridge:
        raise ValueError(f"ridge must name parameters of {', '.join(parameters(potential))}, got {[*ridge]}")
    require_x64(systems[0].positions, "a linear fit")
    check_cutoff(potential.cutoff)
    for system in systems:
        check_species(potential, system)
    linear = Linear(potential, tuple(ridge))
    size = len(linear.vector)
    structures = labelled(systems, energies, forces, stresses, scales)
    triangle = np.zeros((0, size + 1))
    for block in _blocks(linear, structures):
        triangle = np.linalg.qr(np.concatenate([triangle, block]), mode="r")
    prior = np.zeros((0, size)) if prior is None else np.asarray(prior, float)
    found, root, values = _solved(triangle, linear.spread([*ridge.values()]), prior)
    count = sum(np.count_nonzero(one.weights) for one in structures)
    misfit = np.linalg.norm(triangle @ np.append(found, -1.0)) / math.sqrt(max(count, 1))
    solved = linear.at(jnp.asarray(found))
    return LinearSolution(solved, float(misfit), float(values[0] / values[-1]), len(values), root)


def _solved(triangle: np.ndarray, ridge: np.ndarray, prior: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Coefficients, a root of their covariance, and the singular values that count."""
    size = len(ridge)
    lengths = np.linalg.norm(triangle[:, :size], axis=0)
    lengths = np.where(lengths > 0, lengths, 1.0)
    matrix = np.concatenate([triangle[:, :size] / lengths, np.diag(np.sqrt(ridge)), prior / lengths])
    right = np.pad(triangle[:, size], (0, size + len(prior)))
    left, values, combinations = np.linalg.svd(matrix, full_matrices=False)
    known = values > size * np.finfo(float).eps * values[0]
    root = (combinations[known] / lengths).T / values[known]
    return root @ (left[:, known].T @ right), root, values[known]


def _blocks(linear: Linear, structures: list[Labelled]) -> Iterator[Float[np.ndarray, "rows columns"]]:
    """Weighted rows of the design matrix, and labels less what is there without it as the last column."""
    zeros = jnp.zeros_like(linear.vector)
    for together in _alike(structures):
        atoms = max(len(one.system.numbers) for one in together)
        together = [one.padded(atoms) for one in together]
        batched = batch_for(linear.potential, [one.system for one in together])
        step = min(len(together), math.ceil(max(_ROWS, 2 * len(zeros)) / (3 * atoms + 7)))
        for start in range(0, len(together), step):
            here = np.minimum(np.arange(start, start + step), len(together) - 1)  # the last one again: one shape
            chosen = jax.tree.map(lambda leaf: leaf[here], batched)  # noqa: B023
            found = rows(linear, zeros, *chosen)
            if not start:
                _check_linear(linear, found[0], rows(linear, zeros + 1.0, *chosen)[0])
            for n, matrix, fixed in zip(range(start, len(together)), *map(np.asarray, found), strict=False):
                one = together[n]
                yield one.weights[:, None] * np.column_stack([matrix, one.values - fixed])


def _alike(structures: list[Labelled]) -> list[list[Labelled]]:
    """Structures that can be a batch without much padding: sizes differ by a factor of two at most."""
    found: dict[Any, list[Labelled]] = {}
    for one in structures:
        kind = one.system.pbc, len(one.system.numbers).bit_length()
        found.setdefault(kind, []).append(one)
    return [*found.values()]


def _check_linear(linear: Linear, matrix: Array, elsewhere: Array) -> None:
    """Refuses parameters at whose other values the derivatives by them are others."""
    if not np.allclose(matrix, elsewhere, rtol=0, atol=1e-8 * np.abs(matrix).max()):
        raise ValueError(f"the energy is not linear in {', '.join(linear.names)}: no linear fit can find them")
