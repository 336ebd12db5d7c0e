"""Structure factors."""

from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from diffsim.fields import as_array, constant
from diffsim.mechanics import require_periodic
from diffsim.neighbors.search import heights
from diffsim.observables.base import AbstractStatic
from diffsim.observables.species import check_tuples, selections
from diffsim.potentials.base import AbstractPotential
from diffsim.simulators.state import State
from diffsim.system import System


class StructureFactor(AbstractStatic):
    """Static structure factor at wave vectors of the cell, averaged over shells of them: what diffraction sees.

    S_ab(q) = (N_a N_b)^−½ ⟨Re ρ_a(q) ρ_b(q)*⟩, ρ_a(q) = Σ_{j∈a} e^{−iq·r_j}: Ashcroft–Langreth's partials
    (doi:10.1103/PhysRev.156.685), for q ≠ 0 S_ab → δ_ab at large q. "total" counts all atoms alike.

    `StructureFactor.of` finds the wave vectors q = 2π h·cell⁻¹ of a system up to `q_max`, one of each pair ±q; where
    the cell changes, h stay and q follow.

    **Raises** `ValueError` where no wave vector of the cell is that short.
    """

    indices: Int[Array, "waves 3"]  # h
    shells: Int[Array, " waves"]  # which shell each wave vector belongs to
    q: Float[Array, " shells"]  # 1/Å, mean of each shell, 2π included
    pairs: tuple[str, ...] = constant()
    unit: str = constant(default="")

    def __init__(self, indices: Any, shells: Any, q: Any, pairs: Any = ("total",)):
        self.indices = jnp.asarray(np.asarray(indices, np.int32))
        self.shells = jnp.asarray(np.asarray(shells, np.int32))
        self.q = as_array(q)
        self.pairs = check_tuples(pairs, 2)
        self.unit = ""

    @staticmethod
    def of(system: System, q_max: float, width: float, pairs: Any = ("total",)) -> "StructureFactor":
        """All wave vectors up to `q_max`, in shells of `width`, both in 1/Å; empty shells are left out."""
        require_periodic(system, "a structure factor")
        cell = np.asarray(system.cell)
        reciprocal = 2 * np.pi * np.linalg.inv(cell).T
        most = np.floor(q_max / heights(reciprocal)).astype(int)
        grid = np.stack(np.meshgrid(*(np.arange(-n, n + 1) for n in most), indexing="ij"), -1).reshape(-1, 3)
        grid = grid[len(grid) // 2 + 1 :]  # the second half: one of ±h, without zero
        lengths = np.linalg.norm(grid @ reciprocal, axis=1)
        grid, lengths = grid[lengths <= q_max], lengths[lengths <= q_max]
        if not len(grid):
            least = 2 * np.pi / np.max(heights(cell))
            raise ValueError(
                f"no wave vector of the cell is shorter than {q_max} 1/Å: the shortest is near {least:.4g}"
            )
        _, shells = np.unique(np.floor(lengths / width), return_inverse=True)
        return StructureFactor(grid, shells, np.bincount(shells, lengths) / np.bincount(shells), pairs)

    @property
    def labels(self) -> tuple[str, ...]:
        return self.pairs

    def record(self, potential: AbstractPotential, state: State) -> Float[Array, "pairs shells"]:
        return self(state.system)

    def __call__(self, system: System) -> Float[Array, "pairs shells"]:
        """S(q) of one frame."""
        fractional = system.positions @ jnp.linalg.inv(system.cell)
        phase = jnp.exp(-2j * jnp.pi * (fractional @ self.indices.T))  # [atoms waves]
        return jnp.stack([self._partial(selections(name, system.numbers, 2), phase) for name in self.pairs])

    def _partial(self, chosen: Float[Array, "2 atoms"], phase: Array) -> Float[Array, " shells"]:
        first, second = chosen.astype(phase.dtype) @ phase
        present = jnp.maximum(jnp.sqrt(jnp.prod(jnp.sum(chosen, axis=1))), 1.0)
        waves = jnp.real(first * second.conj()) / present
        sums = lambda x: jnp.zeros_like(self.q).at[self.shells].add(x)  # noqa: E731
        return sums(waves) / sums(jnp.ones_like(waves))
