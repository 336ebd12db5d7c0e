"""Force constants of a supercell as an observable, from the edges of one cell: no list of the supercell is needed.

With the second derivatives H_i of an atom's energy by its own edges r_ij = x_j − x_i, ∂²E/∂x∂x is the sum of their
parts: an edge moves with its end and against its atom. Cells beyond the supercell fold back into it.
"""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from diffsim.fields import constant
from diffsim.graph import graph
from diffsim.neighbors import Neighbors
from diffsim.observables.base import AbstractStatic
from diffsim.observables.phonons import checked_qpoints, edge_hessians
from diffsim.potentials.base import AbstractPotential
from diffsim.simulators.state import State
from diffsim.system import System, lattice_points


def _three_positive(supercell: tuple[int, int, int]) -> tuple[int, ...]:
    return tuple(int(n) for n in supercell)


class ForceConstants(AbstractStatic):
    """Φ_ij = ∂²E/∂x_i∂x_j of the repeated cell, `[i j 3 3]` in phonopy's order (doi:10.7566/JPSJ.92.012001).

    `atoms` is the number of atoms in the cell. All atoms of the supercell stand in the rows, or with `compact` those of
    the cell alone, which tell the rest by translation: a full matrix counts each of them once for every cell.

    **Raises** `ValueError` for a supercell or a number of atoms that is not positive or not the system's, in 32-bit,
    without periodicity in three directions, and for potentials that pass messages.
    """

    atoms: int = constant()
    supercell: tuple[int, int, int] = constant(converter=_three_positive, default=(1, 1, 1))
    compact: bool = constant(default=False)
    unit: str = constant(default="eV/Å²")

    def __check_init__(self) -> None:
        if len(self.supercell) != 3 or min(self.supercell) < 1:
            raise ValueError(f"supercell must be three positive integers, got {self.supercell}")
        if self.atoms < 1:
            raise ValueError(f"atoms must be the number of atoms in the cell, got {self.atoms}")

    @property
    def labels(self) -> tuple[str, ...]:
        """The atoms of the rows, counted from 1 as phonopy counts those of its supercell."""
        cells = int(np.prod(self.supercell))
        rows = range(0, self.atoms * cells, cells if self.compact else 1)
        return tuple(f"atom {row + 1}" for row in rows)

    def record(self, potential: AbstractPotential, state: State) -> Float[Array, "rows columns 3 3"]:
        if len(state.system.numbers) != self.atoms:
            raise ValueError(f"force constants of {self.atoms} atoms were asked of {len(state.system.numbers)}")
        checked_qpoints(potential, state.system, np.zeros((0, 3)))  # what lattice dynamics refuses is refused here
        blocks = lattice_blocks(potential, state.system, state.neighbors, self.supercell)
        return compact_matrix(blocks) if self.compact else full_matrix(blocks, self.supercell)


def lattice_blocks(
    potential: AbstractPotential, system: System, neighbors: Neighbors, supercell: tuple[int, int, int]
) -> Float[Array, "cells atoms atoms 3 3"]:
    """Φ(i 0, j L) for the cells L of the supercell in phonopy's order, in eV/Å²."""
    seen = graph(system, neighbors)
    edges = edge_hessians(potential, seen)
    # a node more for each atom: itself, against which its edges move
    middle = -jnp.sum(edges, axis=1, keepdims=True)
    rows = jnp.concatenate([edges, middle], axis=1)
    nodes = jnp.concatenate([rows, -jnp.sum(rows, axis=3, keepdims=True)], axis=3)  # [atoms node 3 node 3]
    atom = jnp.concatenate([seen.index, jnp.arange(len(system.numbers))[None]]).T  # [atoms node]
    home = jnp.zeros((3, 1, len(system.numbers)), neighbors.shifts.dtype)
    cell = jnp.concatenate([neighbors.shifts, home], axis=1).T.astype(int)  # [atoms node 3]
    apart = (cell[:, None, :, :] - cell[:, :, None, :]) % jnp.array(supercell)
    which = apart @ jnp.array([1, supercell[0], supercell[0] * supercell[1]])
    size = (int(np.prod(supercell)), len(system.numbers), len(system.numbers), 3, 3)
    places = which, atom[:, :, None], atom[:, None, :]
    return jnp.zeros(size, edges.dtype).at[places].add(jnp.swapaxes(nodes, 2, 3))


def compact_matrix(blocks: Float[Array, "cells atoms atoms 3 3"]) -> Float[Array, "atoms columns 3 3"]:
    """Rows of the cell's atoms against all of the supercell, atom by atom."""
    n_atoms = blocks.shape[1]
    return jnp.moveaxis(blocks, 0, 2).reshape(n_atoms, -1, 3, 3)


def full_matrix(
    blocks: Float[Array, "cells atoms atoms 3 3"], supercell: tuple[int, int, int]
) -> Float[Array, "rows columns 3 3"]:
    """All rows, each a translation of one of the cell's."""
    cells = lattice_points(supercell)
    apart = (cells[None, :] - cells[:, None]) % np.array(supercell)  # [from to 3]
    which = apart @ np.array([1, supercell[0], supercell[0] * supercell[1]])
    size = blocks.shape[0] * blocks.shape[1]
    return jnp.transpose(blocks[which], (2, 0, 3, 1, 4, 5)).reshape(size, size, 3, 3)
