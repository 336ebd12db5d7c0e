"""Which structures lie outside what a potential has learned: the range of the descriptors of its training set."""

from collections.abc import Sequence
from typing import NamedTuple

import equinox as eqx
import jax
import numpy as np
from jaxtyping import Array, Float

from diffsim.data.batching import batch
from diffsim.graph import graph
from diffsim.neighbors import Neighbors
from diffsim.potentials.behler_parrinello import BehlerParrinello
from diffsim.system import System

_AT_ONCE = 32  # structures
_FLOOR = 0.01  # neighbours: symmetry functions that vary less are not resolved
_SHRINKAGE = 0.01  # at least, of the correlation matrix towards the identity: what is never seen has a width too
_FOLDS = 5
_LEAST = 1e-6  # smaller distances between structures are rounding
QUANTILE = 0.95  # of held-out structures lie inside


class Cloud(NamedTuple):
    """The environments of one element."""

    mean: Float[np.ndarray, " inputs"]
    inverse: Float[np.ndarray, "inputs inputs"]  # of the covariance, over the number of inputs


class Range(NamedTuple):
    """The environments of a training set, and how far from them is too far.

    d² = (G − mean)ᵀ C⁻¹ (G − mean) / n, Mahalanobis' distance of an atom's n symmetry functions G (those of
    `BehlerParrinello`, so it serves for any potential) from all atoms of its element in the training set.
    """

    descriptor: BehlerParrinello
    clouds: dict[int, Cloud]
    threshold: float

    def novelty(self, systems: Sequence[System]) -> list[Float[np.ndarray, " atoms"]]:
        """d of each atom over the threshold: above 1 it is outside. Infinite for elements that were never seen."""
        rows = _described(self.descriptor, systems)
        pairs = zip(rows, systems, strict=True)
        return [_distances(self.clouds, own, np.asarray(one.numbers)) / self.threshold for own, one in pairs]

    def warning(self, system: System) -> str | None:
        """A sentence for a structure outside the range; None inside."""
        found = self.novelty([system])[0]
        worst = int(np.argmax(found))
        if found[worst] <= 1:
            return None
        from ase.data import chemical_symbols

        return (
            f"atom {worst} ({chemical_symbols[int(system.numbers[worst])]}) has neighbours {found[worst]:.3g} times as "
            f"far from those of the training set as the threshold allows, {int(np.sum(found > 1))} of {len(found)} "
            "atoms lie outside: the potential extrapolates there"
        )


def training_range(systems: Sequence[System], *, cutoff: float = 5.0, seed: int = 0) -> Range:
    """The range of a training set; neighbours up to `cutoff` Å count.

    The threshold is what 95 of 100 structures do not exceed when they are held out: each fifth of the set is measured
    against the rest.

    **Raises** `ValueError` for fewer than two structures, for those that are all alike, and for those that have no
    element in common.
    """
    if len(systems) < 2:
        raise ValueError(f"the range of a training set needs at least two structures, got {len(systems)}")
    numbers = [np.asarray(one.numbers) for one in systems]
    species = sorted({int(z) for own in numbers for z in own} - {0})
    from ase.data import chemical_symbols

    descriptor = BehlerParrinello.init([chemical_symbols[z] for z in species], 0, cutoff=cutoff, angular_eta=(0.05,))
    rows = _described(descriptor, systems)
    folds = np.random.default_rng(seed).permutation(len(systems)) % min(_FOLDS, len(systems))
    farthest = []
    for fold in range(folds.max() + 1):
        clouds = _clouds([(rows[n], numbers[n]) for n in np.flatnonzero(folds != fold)])
        farthest += [_distances(clouds, rows[n], numbers[n]).max() for n in np.flatnonzero(folds == fold)]
    known = [distance for distance in farthest if np.isfinite(distance)]  # not where an element was lacking
    threshold = float(np.quantile(known, QUANTILE)) if known else np.nan
    if not threshold > _LEAST:
        raise ValueError(
            f"the threshold of the training set's range would be {threshold:.3g}: none of its {len(systems)} "
            "structures lies a measurable distance from the others of its elements, so take more and different ones"
        )
    return Range(descriptor, _clouds(list(zip(rows, numbers, strict=True))), threshold)


def _clouds(given: list[tuple[np.ndarray, np.ndarray]]) -> dict[int, Cloud]:
    rows, numbers = np.concatenate([row for row, _ in given]), np.concatenate([number for _, number in given])
    return {int(z): _cloud(rows[numbers == z]) for z in np.unique(numbers) if z > 0}


def _cloud(rows: Float[np.ndarray, "atoms inputs"]) -> Cloud:
    mean, width = rows.mean(0), np.maximum(rows.std(0), _FLOOR)
    scaled = (rows - mean) / width
    inputs = len(mean)
    share = max(_SHRINKAGE, inputs / (inputs + len(rows)))  # few atoms do not tell which combinations occur
    correlation = (1 - share) * scaled.T @ scaled / len(rows) + share * np.eye(inputs)
    return Cloud(mean, np.linalg.inv(correlation) / np.outer(width, width) / inputs)


def _distances(clouds: dict[int, Cloud], rows: np.ndarray, numbers: np.ndarray) -> Float[np.ndarray, " atoms"]:
    found = np.full(len(numbers), np.inf)
    for z, cloud in clouds.items():
        away = rows[numbers == z] - cloud.mean
        found[numbers == z] = np.sqrt(np.einsum("ai,ij,aj->a", away, cloud.inverse, away))
    found[numbers == 0] = 0.0
    return found


def _described(descriptor: BehlerParrinello, systems: Sequence[System]) -> list[Float[np.ndarray, "atoms inputs"]]:
    """Symmetry functions of every atom; structures of a similar number of atoms are one batch."""
    rows: dict[int, np.ndarray] = {}
    kinds: dict[tuple, list[int]] = {}
    for n, one in enumerate(systems):
        kinds.setdefault((len(one.numbers).bit_length(), one.pbc), []).append(n)
    for members in kinds.values():
        made = np.asarray(_functions(descriptor, *batch([systems[n] for n in members], float(descriptor.cutoff))))
        rows |= {n: one[:, : len(systems[n].numbers)].T for n, one in zip(members, made, strict=True)}
    return [rows[n] for n in range(len(systems))]


@eqx.filter_jit
def _functions(descriptor: BehlerParrinello, systems: System, neighbors: Neighbors) -> Array:
    functions = lambda given: descriptor.symmetry_functions(graph(*given))  # noqa: E731
    return jax.lax.map(functions, (systems, neighbors), batch_size=_AT_ONCE)
