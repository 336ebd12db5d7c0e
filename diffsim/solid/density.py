"""The density of states of the perfect crystal at rest, as a trajectory of any length would show it."""

import math

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from diffsim import units
from diffsim.observables import VibrationalDensityOfStates, reciprocal_mesh
from diffsim.observables.harmonic_vibrations import windowed_density
from diffsim.observables.supercell import frequencies_of, supercell_constants, supercell_dynamical_matrix
from diffsim.solid.lattice import Lattice

_MESH = 24  # points along each axis for a cell of one atom
_COARSER = 12  # where wave vectors are costly
_AT_ONCE = 1000  # wave vectors


def mesh_modes(lattice: Lattice) -> tuple[Float[np.ndarray, "q modes"], Float[np.ndarray, " q"]]:
    """Frequencies in THz on a Γ-centred mesh, and the weights of its points.

    Where wave vectors are costly they are computed on a coarser mesh and interpolated: exact as far as forces reach no
    further than half of a supercell of as many cells.
    """
    points, weights = reciprocal_mesh(_mesh(lattice, _MESH))
    if not lattice.costly:
        return lattice.frequencies(points), weights
    size = _mesh(lattice, _COARSER)
    few, shares = reciprocal_mesh(size)
    constants = supercell_constants(lattice.matrices(few), lattice.crystal, size, few, shares)
    return frequencies_of(supercell_dynamical_matrix(constants, lattice.crystal, size, points)), weights


def _mesh(lattice: Lattice, points: int) -> tuple[int, int, int]:
    size = math.ceil(points / np.cbrt(len(lattice.crystal.numbers)))
    return size, size, size


def density_at_rest(
    modes: Float[np.ndarray, "q modes"],
    weights: Float[np.ndarray, " q"],
    density: VibrationalDensityOfStates,
    every: float,
) -> Float[np.ndarray, " points"]:
    """States per THz and atom at the frequencies and behind the window of `density`, frames `every` ps apart.

    ∫ g dν = 3.
    """
    at, dt, lags = density.frequencies, jnp.asarray(every * units.ps), density.lags
    parts = [
        windowed_density(jnp.asarray(modes[n : n + _AT_ONCE]), jnp.asarray(weights[n : n + _AT_ONCE]), at, dt, lags)
        for n in range(0, len(modes), _AT_ONCE)
    ]
    return np.asarray(sum(parts)) / (modes.shape[1] / 3)
