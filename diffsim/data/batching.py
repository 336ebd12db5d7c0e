"""Structures of different size as one pytree of arrays, for `vmap`."""

from collections.abc import Sequence

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from diffsim.neighbors import Neighbors, alike
from diffsim.potentials.base import AbstractPotential
from diffsim.system import System, stack


def batch_for(potential: AbstractPotential, systems: Sequence[System]) -> tuple[System, Neighbors]:
    """`batch` with the neighbours that a potential needs, and room for its angles."""
    return batch(systems, float(potential.cutoff), potential.angular_cutoff)


def batch(
    systems: Sequence[System], radius: Float[Array, ""] | float, angular_cutoff: float | None = None
) -> tuple[System, Neighbors]:
    """All structures and their neighbours within `radius` Å, stacked along a new first axis.

    With an `angular_cutoff` in Å lists have room for the angles between edges shorter than that, and no more.

    Shorter structures are filled up with atoms of number 0 and mass 1 amu, which have no edges, no energy and no
    forces: `jax.vmap(energy, (None, 0, 0))(potential, *batch(systems, radius))` are the energies one by one.

    **Raises** `ValueError` for an empty batch, and where structures differ in their periodic directions.
    """
    if not systems:
        raise ValueError("a batch needs at least one structure, got none")
    kinds = {system.pbc for system in systems}
    if len(kinds) > 1:
        raise ValueError(f"structures of one batch must be periodic in the same directions, got {sorted(kinds)}")
    longest = max(len(system.numbers) for system in systems)
    padded = [_padded(system, longest) for system in systems]
    lists = [Neighbors.allocate(system, radius).for_angles(system, angular_cutoff) for system in padded]
    return stack(padded), stack(alike(lists))


def _padded(system: System, atoms: int) -> System:
    missing = atoms - len(system.numbers)
    fill = lambda array, value: np.concatenate([array, np.full((missing, *array.shape[1:]), value, array.dtype)])  # noqa: E731
    return System(
        positions=jnp.asarray(fill(np.asarray(system.positions), 0.0)),
        cell=system.cell,
        numbers=fill(np.asarray(system.numbers), 0),
        masses=jnp.asarray(fill(np.asarray(system.masses), 1.0)),
        pbc=system.pbc,
    )
