"""Minimum-energy paths by the simplified string method: from forces alone."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from diffsim.paths.band import Band, Images
from diffsim.paths.profile import MinimumEnergyPath, profile
from diffsim.paths.spline import Spline
from diffsim.potentials.base import AbstractPotential
from diffsim.system import System

_SKIN = 0.5  # Å: how much further lists reach than the cutoff
_FIRST_STEP = 0.05  # Å: how far the first step takes the coordinate with the largest force
_LONGEST_STEP = 0.1  # Å
_FORGOTTEN = 8  # steps after which the first estimate of the stiffness has lost half its weight
_SAME = 0.05  # Å: minima closer than this are one


def minimum_energy_path(
    potential: AbstractPotential,
    start: System,
    end: System,
    *,
    images: int = 15,
    tolerance: float = 1e-4,
    steps: int = 1000,
) -> MinimumEnergyPath:
    """The way of least energy from the minimum near `start` to the one near `end`, over the pass between them.

    The simplified string method (W. E, W. Ren and E. Vanden-Eijnden, doi:10.1063/1.2720838): images of the system, at
    first on the straight line between both ends, follow their forces downhill; after each step they are set at equal
    distances on a cubic spline through them. What is left is a curve whose tangent is everywhere the force. The two end
    images go to their minima in the same way. It asks for forces only: a potential without an energy has a path too.

    Atoms go the shorter way where periodicity leaves a choice; the centre of the atoms stays. It ends when forces that
    still bend the path are smaller than `tolerance` eV/Å. A path that is symmetric at the start stays so: where the
    true one is not, displace atoms of one end a little.

    **Raises** `ValueError` for ends of different atoms or cells, ends that are one structure or become one, fewer than
    three images, and where the path is not found within `steps`.
    """
    if images < 3:
        raise ValueError(f"a path needs at least 3 images, its two ends and one between them, got {images}")
    x = straight(start, end, images)
    rows, left, taken = 0, np.inf, 0
    while taken < steps:
        band = Band.of(potential, start, x, _SKIN, rows)
        x, bend, taken, outgrown = _evolved(potential, band, x, *map(jnp.asarray, (tolerance, taken, steps)))
        rows, left, taken = band.rows, float(bend), int(taken)
        if not np.isfinite(left):
            raise ValueError("forces on the path are not finite: do atoms meet on the straight way between both ends?")
        if float(jnp.linalg.norm(x[-1] - x[0])) < _SAME:
            raise ValueError("start and end relax to the same structure: there is no path between them")
        if left <= tolerance and not outgrown:
            return profile(potential, start, x)
    raise ValueError(
        f"no path found within {steps} steps: {left:.2g} eV/Å still bend it, more than the tolerance of {tolerance:g}; "
        "raise steps, images or tolerance; a path that leads through further minima is best found piece by piece"
    )


def straight(start: System, end: System, images: int) -> Images:
    """Images at equal distances on the straight line from start to end, the shorter way for each atom."""
    if not np.array_equal(start.numbers, end.numbers):
        raise ValueError("start and end must hold the same atoms in the same order: their atomic numbers differ")
    if start.pbc != end.pbc or not np.allclose(start.cell, end.cell, rtol=0, atol=1e-8):
        raise ValueError("start and end must have the same cell and periodicity: a path moves atoms only")
    ways = shortest_ways(start, np.asarray(end.positions))
    ways = (ways - ways.mean(axis=0)).reshape(-1)
    length = float(np.linalg.norm(ways))
    if length < _SAME:
        raise ValueError(f"start and end are the same structure, {length:.2g} Å apart: there is no path between them")
    return start.positions.reshape(-1) + jnp.asarray(np.linspace(0, 1, images)[:, None] * ways, start.positions.dtype)


def shortest_ways(start: System, positions: np.ndarray) -> np.ndarray:
    """How far each atom is from `positions` in Å, the shortest way that periodicity allows."""
    from ase.geometry import find_mic

    return find_mic(positions - np.asarray(start.positions), np.asarray(start.cell), start.pbc)[0]


@eqx.filter_jit
def _evolved(
    potential: AbstractPotential, band: Band, images: Images, tolerance: Array, taken: Array, steps: Array
) -> tuple[Images, Float[Array, ""], Array, Bool[Array, ""]]:
    """Images, the forces that still bend the path in eV/Å, steps taken, and whether a list was outgrown before.

    A step is F/k, k the largest stiffness |ΔF|/|Δx| seen of any image lately. It is one for all of them: the curve
    moves as a whole, and is carried along itself towards both minima, which keeps it from folding.
    """

    def proceed(carry: tuple) -> Bool[Array, ""]:
        _, _, _, bend, step, outgrown = carry
        return (bend > tolerance) & (step < steps) & ~outgrown

    def update(carry: tuple) -> tuple:
        x, (x_last, f_last), stiffness, _, step, _ = carry
        f = band.forces(potential, x)
        moved = jnp.linalg.norm(x - x_last, axis=1)
        seen = jnp.linalg.norm(f - f_last, axis=1) / jnp.where(moved > 1e-7, moved, jnp.inf)
        first = jnp.max(jnp.abs(f)) / _FIRST_STEP + 1e-3
        age = step - taken
        stiffness = jnp.where(age == 0, first, jnp.maximum(stiffness * (1 - 1 / (_FORGOTTEN + age)), jnp.max(seen)))
        move = f / stiffness
        move = move * jnp.minimum(1.0, _LONGEST_STEP / (jnp.max(jnp.abs(move)) + 1e-300))
        new = Spline.through(x + move).evenly(len(x))
        bend = stiffness * jnp.max(jnp.abs(new - x))
        return new, (x, f), stiffness, bend, step + 1, band.outgrown(potential, new)

    one = jnp.ones((), images.dtype)
    nowhere = (images, jnp.zeros_like(images))
    x, _, _, bend, step, outgrown = jax.lax.while_loop(
        proceed, update, (images, nowhere, one, jnp.inf * one, taken, jnp.zeros((), bool))
    )
    return x, bend, step, outgrown
