"""Labels as rows: in the order of the design matrix, each with the weight that its scale gives it."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from diffsim.data.configurations import Configuration
from diffsim.data.labels import Labelled

_VOIGT = ([0, 1, 2, 1, 0, 0], [0, 1, 2, 2, 2, 1])


class Scales(NamedTuple):
    """The uncertainty of labels: a residual of this size counts 1. One for all structures, or one for each."""

    energy: float | Sequence[float]  # eV/atom
    force: float | Sequence[float]  # eV/Å, of each component
    stress: float | Sequence[float]  # eV/Å³, of each component

    def of_each(self, count: int) -> Float[np.ndarray, "3 structures"]:
        """Those of so many structures.

        **Raises** `ValueError` for scales that are not positive, or not as many as structures.
        """
        for name, given in self._asdict().items():
            if np.ndim(given) and len(given) != count:
                raise ValueError(f"there are {count} structures, but {len(given)} scales of {name}")
        found = np.stack([np.broadcast_to(np.asarray(given, float), count) for given in self])
        if not (found > 0).all():
            raise ValueError(f"scales must be positive, got {self}")
        return found


def check_labels(configurations: Sequence[Configuration]) -> None:
    """Refuses labels of another shape, and those of which a part alone is not known."""
    for number, one in enumerate(configurations):
        atoms = len(one.system.numbers)
        for name, shape in {"energy": (), "forces": (atoms, 3), "stress": (3, 3)}.items():
            label = np.asarray(getattr(one, name))
            if label.shape != shape:
                raise ValueError(f"the {name} of structure {number} must be {shape}, got an array {label.shape}")
            if not (np.isfinite(label).all() or np.isnan(label).all()):
                raise ValueError(f"the {name} of structure {number} is not finite: give all of it, or NaN for unknown")


def weighted(data: Labelled, scales: Float[np.ndarray, "3 structures"]) -> tuple[np.ndarray, np.ndarray]:
    """Of each structure of a batch its labels as rows and their weights, 0 where there is no label, both `[structures
    rows]`: the energy, the forces atom by atom, the stress in Voigt order.
    """
    count = len(data.present)
    energy, forces, stress = (np.asarray(label) for label in data.labels)
    values = np.concatenate([energy[:, None], forces.reshape(count, -1), stress[:, *_VOIGT]], axis=1)
    per_energy, per_force, per_stress = 1 / scales[:, np.asarray(data.number)]
    there = np.repeat(np.asarray(data.systems.numbers) > 0, 3, axis=1)
    rows = [
        (per_energy / np.asarray(data.atoms))[:, None],
        np.where(there, per_force[:, None], 0.0),
        np.repeat((per_stress * np.asarray(data.stressed))[:, None], 6, axis=1),
    ]
    weights = np.where(np.isnan(values), 0.0, np.concatenate(rows, axis=1))
    return np.nan_to_num(values, nan=0.0), weights
