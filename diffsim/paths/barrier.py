"""The barrier that an atom beside a vacancy has to pass, with its derivatives."""

from collections.abc import Sequence

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from diffsim.fields import ArrayLike, constant
from diffsim.neighbors import Neighbors
from diffsim.observables.base import AbstractStatic
from diffsim.observables.pieces import Piece
from diffsim.observables.stationary import AbstractLandscape, Displaced, stationary_energy
from diffsim.paths.hops import hop
from diffsim.paths.saddle import climb
from diffsim.paths.string import shortest_ways
from diffsim.potentials.base import AbstractPotential
from diffsim.simulators.state import State
from diffsim.system import System


class MigrationBarrier(AbstractStatic):
    """E(saddle) − E(minimum) in eV of a vacancy's hop: N − 1 atoms at fixed cell, relaxed at both.

    The hop is that of `vacancy_hop(structure, repeats, vacancy=…, neighbor=…)`. The minimum is the one nearest to the
    perfect places, the saddle the one nearest to `guess`, positions in that supercell in Å; without it, to the
    structure in which the atom is halfway and all others are at their perfect places. That finds the pass of a short
    hop in a simple crystal. Otherwise look for it once, and give `path.image(path.highest).positions` of a
    `minimum_energy_path`.

    The cell is that of the experiment's relaxed crystal, and the derivative knows. That of the relaxation is not
    needed, neither at the minimum nor at the saddle: forces vanish at both (envelope theorem). Second derivatives are
    by the implicit function theorem. NaN where no minimum, or no saddle with exactly one negative mode, is found, or a
    list of `radius` Å (the cutoff and room to relax) is outgrown.

    **Raises** as `vacancy_hop`, and where `guess` has not the supercell's atoms.
    """

    minimum: Displaced
    saddle: "AroundPass"
    unit: str = constant(default="eV")

    def __init__(
        self,
        structure: System,
        repeats: Sequence[int],
        radius: float,
        *,
        vacancy: int = 0,
        neighbor: int = 0,
        guess: ArrayLike | None = None,
    ):
        piece, mover, step = hop(structure, repeats, vacancy, neighbor)
        start = piece.of(structure)
        direction = jnp.zeros_like(start.positions).at[mover].set(jnp.asarray(step) @ structure.cell)
        halfway = 0.5 * direction if guess is None else _displacement(start, guess)
        displaced = halfway @ jnp.linalg.inv(structure.cell)
        there = start.replace(positions=start.positions + halfway)
        self.minimum = Displaced(piece, Neighbors.allocate(start, radius))
        self.saddle = AroundPass(piece, Neighbors.allocate(there, radius), displaced, direction)
        self.unit = "eV"

    @property
    def labels(self) -> tuple[str, ...]:
        return ("barrier",)

    def record(self, potential: AbstractPotential, state: State) -> Float[Array, ""]:
        top = stationary_energy(self.saddle, potential, state.system)
        return top - stationary_energy(self.minimum, potential, state.system)


class AroundPass(AbstractLandscape):
    """A piece of which every atom may move, at first displaced to near a pass; stationary there."""

    piece: Piece
    neighbors: Neighbors
    displaced: Float[Array, "atoms 3"]  # in terms of the crystal's vectors
    direction: Float[Array, "atoms 3"]  # of the way over the pass

    @property
    def free(self) -> Float[Array, "coordinates 3"]:
        return Displaced(self.piece, self.neighbors).free

    def structure(self, crystal: System, z: Float[Array, " coordinates"]) -> System:
        whole = self.piece.of(crystal)
        return whole.replace(positions=whole.positions + self.displaced @ crystal.cell + z.reshape(-1, 3))

    def find(self, potential: AbstractPotential, crystal: System) -> tuple[Float[Array, " coordinates"], Array]:
        energy = lambda z: self.energy(potential, crystal, z)  # noqa: E731
        start = jnp.zeros(len(self.free), crystal.cell.dtype)
        return climb(energy, start, self.direction.reshape(-1), self.free @ self.free.T)


def _displacement(start: System, guess: ArrayLike) -> Float[Array, "atoms 3"]:
    if np.shape(guess) != start.positions.shape:
        raise ValueError(
            f"guess must hold positions of the supercell's {len(start.numbers)} atoms, got shape {np.shape(guess)}"
        )
    return jnp.asarray(shortest_ways(start, np.asarray(guess)))
