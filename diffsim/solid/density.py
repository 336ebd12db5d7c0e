"""The density of states of the perfect crystal at rest, as a trajectory of any length would show it."""

import numpy as np
from jaxtyping import Float

from diffsim import units
from diffsim.observables import reciprocal_mesh
from diffsim.observables.harmonic_vibrations import windowed_density
from diffsim.solid.lattice import Lattice

_MESH = 24  # points along each axis
_COARSER = 12  # where potentials pass messages


def mesh_modes(lattice: Lattice) -> tuple[Float[np.ndarray, "q modes"], Float[np.ndarray, " q"]]:
    """Frequencies in THz on a Γ-centred mesh, and the weights of its points."""
    size = _COARSER if lattice.exact and lattice.potential.depth > 1 else _MESH
    points, weights = reciprocal_mesh((size, size, size))
    return lattice.frequencies(points), weights


def density_at_rest(
    modes: Float[np.ndarray, "q modes"],
    weights: Float[np.ndarray, " q"],
    frequencies: Float[np.ndarray, " points"],
    every: float,
    lags: int,
) -> Float[np.ndarray, " points"]:
    """States per THz and atom behind the window of `lags` frames that are `every` ps apart: ∫ g dν = 3."""
    given = np.asarray(modes), np.asarray(weights), np.asarray(frequencies), np.asarray(every * units.ps)
    atoms = modes.shape[1] / 3
    return np.asarray(windowed_density(*given, lags)) / atoms
