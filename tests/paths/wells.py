"""Two minima and the pass between them, of two atoms that see each other alone: everything is known."""

import jax.numpy as jnp
import numpy as np

from diffsim import System
from diffsim.potentials import FunctionOfPositions

WIDTH, BEND, STIFFNESS = 0.9, 0.4, 2.0  # Å, Å, eV/Å²
HEIGHT = 0.3  # eV
MASSES = (4.0, 12.0)  # amu


def _energy(weights, positions, numbers, cell):
    """Of r = x₂ − x₁: minima at (±w, 0, 0), the saddle at (0, b, 0), a bent valley between them."""
    x, y, z = positions[1] - positions[0]
    bottom = BEND * (1 - (x / WIDTH) ** 2)
    return weights["height"] * ((x / WIDTH) ** 2 - 1) ** 2 + 0.5 * STIFFNESS * ((y - bottom) ** 2 + z**2)


def double_well(height: float = HEIGHT) -> FunctionOfPositions:
    return FunctionOfPositions(weights={"height": jnp.asarray(height)}, function=_energy)


def pair(*relative: float) -> System:
    """Two atoms, the second `relative` to the first, in a cell that they do not see."""
    positions = np.array([[1.0, 2.0, 3.0], [1.0, 2.0, 3.0]]) + np.array([[0.0, 0.0, 0.0], relative])
    return System(positions=positions, cell=20 * np.eye(3), numbers=[2, 6], masses=MASSES, pbc=(True, True, True))
