"""The energy of a stacking fault, and of the way to it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from diffsim import units
from diffsim.fields import constant
from diffsim.mechanics import energy
from diffsim.neighbors import Neighbors
from diffsim.observables.base import AbstractStatic
from diffsim.observables.pieces import Piece, area, axes
from diffsim.observables.stationary import AbstractLandscape, stationary_energy
from diffsim.potentials.base import AbstractPotential
from diffsim.relax import minimize
from diffsim.simulators.state import State
from diffsim.system import System

_STRIDE = 0.1  # of the path: how finely it is looked through for a maximum
_STEEP = 1e-10  # eV per path: slope at which the maximum is found
_MAX_STEPS = 60


class StackingFaultEnergy(AbstractStatic):
    """(E_fault − N E_bulk/atom) / A in J/m²: one half of the crystal shifted against the other in a plane (hkl).

    The shift is `fraction` of the vector [uvw] (`direction`): in fcc and diamond 1/6 of [11̄2] … is written out as
    miller (1, 1, 1), direction (1, 1, -2), and leads to the intrinsic fault (the other sense puts atoms on top of each
    other). With `unstable` it is the first maximum on the straight way there, NaN if there is none. The atoms relax
    along the normal of the plane only, as V. Vitek has it (doi:10.1080/14786436808227500), and so does the distance of
    the planes. The derivative needs no derivative of that, nor of the place of the maximum (envelope theorem).

    One fault in a periodic cell of `layers` planes whose third vector is tilted by the shift: no faces, so half the
    atoms of a slab, and the reference is the bulk itself. The length of that vector along the normal is free, so that a
    fault may swell. `cut` says between which sheets of atoms it lies, counted from the widest gap: in diamond {111} 0
    is the shuffle set and 1 the glide set. `structure`, Miller indices and `radius` as in `SurfaceEnergy`.
    """

    faulted: AbstractLandscape
    label: str = constant()
    unit: str = constant(default="J/m²")

    def __init__(
        self,
        structure: System,
        miller: Sequence[int],
        direction: Sequence[int],
        *,
        fraction: float,
        layers: int,
        radius: float,
        cut: int = 0,
        unstable: bool = False,
    ):
        if np.dot(miller, direction) != 0:
            raise ValueError(
                f"direction {tuple(direction)} does not lie in the plane {tuple(miller)}: h u + k v + l w ≠ 0"
            )
        piece = Piece.planes(structure, miller, layers, cut=cut)
        shift = fraction * np.array(direction, float) @ axes(structure)
        halfway = stacked(
            piece.of(structure), jnp.asarray(shift / 2) @ structure.cell, jnp.zeros(1 + len(piece.places))
        )
        reach = radius + float(np.linalg.norm(shift @ np.asarray(structure.cell)))  # for both ends of the way
        kind = OnTheWay if unstable else Shifted
        self.faulted = kind(piece, Neighbors.allocate(halfway, reach), jnp.asarray(shift))
        plane, way = ("".join(str(index) for index in indices) for indices in (miller, direction))
        self.label = f"{'unstable ' if unstable else ''}({plane})[{way}]"
        self.unit = "J/m²"

    @property
    def labels(self) -> tuple[str, ...]:
        return (self.label,)

    def record(self, potential: AbstractPotential, state: State) -> Float[Array, ""]:
        crystal = state.system
        cut = self.faulted.piece.of(crystal)
        bulk = energy(potential, crystal, state.neighbors) / len(crystal.numbers)
        excess = stationary_energy(self.faulted, potential, crystal) - len(cut.numbers) * bulk
        return excess / area(cut) / units.J_per_m2


class Shifted(AbstractLandscape):
    """A stack whose images above are shifted; z is how much higher they stand, then how much higher each atom does."""

    piece: Piece
    neighbors: Neighbors
    shift: Float[Array, 3]  # in terms of the crystal's vectors

    @property
    def free(self) -> Float[Array, "coordinates 1"]:
        return _upwards(len(self.piece.places), 1)

    def structure(self, crystal: System, z: Float[Array, " coordinates"]) -> System:
        return stacked(self.piece.of(crystal), self.shift @ crystal.cell, z)


class OnTheWay(AbstractLandscape):
    """The same, with the fraction of the shift as z's first component: stationary at the first maximum over it."""

    piece: Piece
    neighbors: Neighbors
    shift: Float[Array, 3]  # in terms of the crystal's vectors

    @property
    def free(self) -> Float[Array, "coordinates 1"]:
        return _upwards(len(self.piece.places), 2)

    def structure(self, crystal: System, z: Float[Array, " coordinates"]) -> System:
        return stacked(self.piece.of(crystal), z[0] * (self.shift @ crystal.cell), z[1:])

    def find(self, potential: AbstractPotential, crystal: System) -> tuple[Float[Array, " coordinates"], Array]:
        def at(s: Float[Array, ""], y: Float[Array, " others"]) -> Float[Array, ""]:
            return self.energy(potential, crystal, jnp.concatenate([s[None], y]))

        def relaxed(s: Float[Array, ""], y: Float[Array, " others"]) -> tuple[Array, Array, Array]:
            y, left = minimize(lambda y: at(s, y), y)
            return jax.grad(at)(s, y), y, left

        s, slope, y, left = first_maximum(relaxed, jnp.zeros(len(self.free) - 1, crystal.cell.dtype))
        return jnp.concatenate([s[None], y]), jnp.maximum(left, jnp.abs(slope))


def stacked(bulk: System, shift: Float[Array, 3], z: Float[Array, " coordinates"]) -> System:
    """A stack whose third vector is tilted by `shift` Å and z[0] Å higher, its atoms z[1:] Å higher."""
    normal = jnp.cross(bulk.cell[0], bulk.cell[1])
    normal = normal / jnp.linalg.norm(normal)
    tilted = bulk.cell.at[2].add(shift + z[0] * normal)
    return bulk.replace(positions=bulk.positions + z[1:, None] * normal, cell=tilted)


def _upwards(n_atoms: int, n_others: int) -> Float[Array, "coordinates 1"]:
    return jnp.concatenate([jnp.zeros(n_others), jnp.ones(n_atoms) / jnp.sqrt(1.0 * n_atoms)])[:, None]


def first_maximum(slope: Callable, y: Array) -> tuple[Float[Array, ""], Float[Array, ""], Array, Array]:
    """Where on 0 < s ≤ 1 the slope first falls through zero: (s, slope, y, left) there; slope(s, y) → (slope, y, left).

    In strides until the slope is negative, then by false position, which keeps the zero between two points; where one
    of them stays twice its slope is halved (the Illinois variant, doi:10.1007/BF01934364: faster than linear
    convergence). y is handed from each point to the next.
    """

    def proceed(carry: tuple) -> Array:
        (low, _), (high, _), _, (_, steep, _, _), step = carry
        return (jnp.abs(steep) > _STEEP) & (step < _MAX_STEPS) & ((low < 1 - _STRIDE / 2) | jnp.isfinite(high))

    def update(carry: tuple) -> tuple:
        (low, rise), (high, fall), rose, (_, _, y, _), step = carry
        width = jnp.where(jnp.isfinite(high), high, low) - low
        s = low + jnp.where(jnp.isfinite(high), width * rise / (rise - fall), _STRIDE)
        steep, y, left = slope(s, y)
        rises = steep > 0
        again = jnp.where(rises == rose, 0.5, 1.0)
        left_end = (jnp.where(rises, s, low), jnp.where(rises, steep, again * rise))
        right_end = (jnp.where(rises, high, s), jnp.where(rises, again * fall, steep))
        return left_end, right_end, rises, (s, steep, y, left), step + 1

    one = jnp.ones((), y.dtype)
    nowhere = (0 * one, jnp.inf * one, y, 0 * one)
    *_, found, _ = jax.lax.while_loop(proceed, update, ((0 * one, one), (jnp.inf * one, -one), True, nowhere, 0))
    return found
