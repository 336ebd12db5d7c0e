"""Forces that are told, and not derived: what has no energy."""

import abc
from collections.abc import Iterable

from jaxtyping import Array, Float

from diffsim.graph import Graph
from diffsim.potentials.base import AbstractPotential


class AbstractDirectForces(AbstractPotential):
    """A force field that is not the gradient of anything: it has forces, and no energy.

    Dynamics, training on forces, and the derivatives of both go as with every potential. −∂F_i/∂x_j, which `hessian`
    and `force_constants` give, is not symmetric, and dynamics at constant energy has no energy to keep. What is made of
    the energy or of the stress is refused.
    """

    @property
    def of_positions(self) -> bool:
        return True

    @abc.abstractmethod
    def atomic_forces(self, graph: Graph) -> Float[Array, "3 atoms"]:
        """Force on each atom in eV/Å; of those beyond the atoms of the graph, which are padding, anything finite."""

    def atomic_energies(self, graph: Graph) -> Float[Array, " atoms"]:
        """**Raises** `ValueError`: there is none."""
        del graph
        raise ValueError(no_energy(self))


def no_energy(potential: AbstractPotential) -> str:
    """The sentence that says so."""
    return (
        f"{type(potential).__name__} predicts forces directly and has no energy, so what is made of energies or "
        "stresses is not defined: take a potential whose forces are derivatives, such as SchNet"
    )


def require_energies(potentials: Iterable[AbstractPotential]) -> None:
    """Refuses those that have none."""
    for potential in potentials:
        if isinstance(potential, AbstractDirectForces):
            raise ValueError(no_energy(potential))
