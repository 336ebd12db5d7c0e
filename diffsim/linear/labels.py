"""What structures are labelled with, in the order of the rows of the design matrix."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float

from diffsim.fields import ArrayLike
from diffsim.mechanics import require_periodic
from diffsim.system import System, check_finite

_VOIGT = ([0, 1, 2, 1, 0, 0], [0, 1, 2, 2, 2, 1])


class Scales(NamedTuple):
    """The uncertainty of labels: a residual of this size counts 1. One for all structures, or one for each."""

    energy: float | Sequence[float]  # eV/atom
    force: float | Sequence[float]  # eV/Å, of each component
    stress: float | Sequence[float]  # eV/Å³, of each component


class Labelled(NamedTuple):
    """A structure, its labels as rows, and the weight of each: 0 where there is no label."""

    system: System
    values: Float[np.ndarray, " rows"]
    weights: Float[np.ndarray, " rows"]

    def padded(self, atoms: int) -> "Labelled":
        """With rows of weight 0 for more atoms."""
        place = 1 + 3 * len(self.system.numbers)
        missing = np.zeros(3 * atoms - place + 1)
        longer = lambda rows: np.concatenate([rows[:place], missing, rows[place:]])  # noqa: E731
        return self._replace(values=longer(self.values), weights=longer(self.weights))


def labelled(
    systems: Sequence[System],
    energies: Sequence[float | None] | ArrayLike | None,
    forces: Sequence[ArrayLike | None] | ArrayLike | None,
    stresses: Sequence[ArrayLike | None] | ArrayLike | None,
    scales: Scales,
) -> list[Labelled]:
    """Each structure with what is known of it.

    **Raises** `ValueError` for labels that are not as many as structures, of another shape, or not finite, scales that
    are not positive, and stresses where there is no volume.
    """
    given = {"energies": energies, "forces": forces, "stresses": stresses}
    for name, known in given.items():
        if known is not None and len(known) != len(systems):
            raise ValueError(f"there are {len(systems)} structures, but {len(known)} {name}")
    sizes = [np.broadcast_to(np.asarray(scale, float), (len(systems),)) for scale in scales]
    if not all((size > 0).all() for size in sizes):
        raise ValueError(f"scales must be positive, got {scales}")
    known = lambda n: [None if labels is None else labels[n] for labels in given.values()]  # noqa: E731
    return [_one(system, known(n), [size[n] for size in sizes]) for n, system in enumerate(systems)]


def _one(system: System, known: Sequence[Any], scales: Sequence[float]) -> Labelled:
    atoms, values, weights = len(system.numbers), [], []
    if known[2] is not None:
        require_periodic(system, "a stress")
    shapes = {"energy": (), "forces": (atoms, 3), "stress": (3, 3)}
    for (name, shape), label, scale in zip(shapes.items(), known, scales, strict=True):
        filled = np.zeros(shape) if label is None else np.asarray(label, float)
        if filled.shape != shape:
            raise ValueError(f"the {name} of a structure of {atoms} atoms must be {shape}, got an array {filled.shape}")
        check_finite(name, filled)
        rows = filled[_VOIGT] if name == "stress" else filled.reshape(-1)
        per = atoms * scale if name == "energy" else scale
        values.append(rows)
        weights.append(np.full(len(rows), 0.0 if label is None else 1 / per))
    return Labelled(system, np.concatenate(values), np.concatenate(weights))
