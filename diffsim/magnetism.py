"""Magnetic moments of atoms, of the potentials that know of them."""

import equinox as eqx
from jaxtyping import Array, Float

from diffsim.graph import graph
from diffsim.mechanics import neighbors_of
from diffsim.neighbors import Neighbors
from diffsim.potentials.base import AbstractPotential
from diffsim.system import System


def magnetic_moments(
    potential: AbstractPotential, system: System, neighbors: Neighbors | None = None
) -> Float[Array, " atoms"]:
    """|m_i| of each atom in Bohr magnetons; differentiable in potential and system, as energies are.

    **Raises** `ValueError` for a potential that knows of none: it has no `magnetic_moments(graph)`.
    """
    if not hasattr(potential, "magnetic_moments"):
        raise ValueError(f"{type(potential).__name__} knows of no magnetic moments; CHGNet does")
    return _moments(potential, system, neighbors_of(potential, system, neighbors))


@eqx.filter_jit
def _moments(potential: AbstractPotential, system: System, neighbors: Neighbors) -> Float[Array, " atoms"]:
    return potential.magnetic_moments(graph(system, neighbors))[: len(system.numbers)]  # type: ignore[attr-defined]
