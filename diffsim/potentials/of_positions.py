"""Any function of positions, atomic numbers and cell as a potential."""

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
from jaxtyping import Array, Float

from diffsim.fields import constant, fixed, weights
from diffsim.graph import Graph, padded
from diffsim.potentials.base import AbstractPotential, atomic_numbers, check_cutoff


class FunctionOfPositions(AbstractPotential):
    """E of a function of all positions, `function(weights, positions, numbers, cell) -> energy`.

    `positions [atoms 3]` in Å are wherever atoms have gone, in the cell or not; rows of `cell [3 3]` are the lattice
    vectors; `numbers [atoms]`. The result is the energy in eV, `[]`, or the energies of the atoms, `[atoms]`. An energy
    alone is shared out evenly: only the sum of `atomic_energies` has a meaning then. Atoms of number 0 are the padding
    of a batch, all in one place: what is to be batched must leave them out.

    The function finds its own neighbours and images, also in cells smaller than its range. Energy, forces, stress,
    Hessian, elastic constants, force constants and dynamics are exact derivatives by positions and cell. What is taken
    apart by edges (phonons at a wave vector, energies of isolated atoms, elastic constants at finite temperature) is
    refused. `weights` is a tree of arrays (dictionaries, lists, modules), all of them parameters.

    **Raises** `ValueError` for weights that are not arrays of floating-point numbers, an energy of another
    shape, and where edges are given without positions.
    """

    weights: Any = weights()
    function: Callable[..., Array] = constant()
    cutoff: Float[Array, ""] = fixed("Å", default=1.0)  # how far lists reach; the function itself needs none
    species: tuple[int, ...] = constant(converter=atomic_numbers, default=())

    def __check_init__(self) -> None:
        check_cutoff(self.cutoff)

    @property
    def of_positions(self) -> bool:
        return True

    @property
    def reach(self) -> Float[Array, ""]:
        return jnp.asarray(jnp.inf, self.cutoff.dtype)

    def atomic_energies(self, graph: Graph) -> Float[Array, " atoms"]:
        if graph.system is None:
            raise ValueError("a function of positions has no energy of edges alone, which this quantity is made of")
        system, columns = graph.system, len(graph.numbers)
        energies = jnp.asarray(self.function(self.weights, system.positions, system.numbers, system.cell))
        real = system.numbers > 0
        if energies.shape not in ((), real.shape):
            raise ValueError(
                f"a function of the positions of {len(real)} atoms must give one energy or {len(real)}, "
                f"got an array of shape {energies.shape}"
            )
        share = energies / jnp.maximum(jnp.sum(real), 1) if energies.ndim == 0 else energies
        return padded(jnp.where(real, share, 0.0), columns)
