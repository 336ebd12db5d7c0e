"""What a linear fit leaves open: the covariance of its coefficients, and of all that follows from them."""

from collections.abc import Callable

import jax
from jaxtyping import Array, Float

from diffsim.fields import constant, fixed
from diffsim.graph import Graph
from diffsim.linear.rows import Linear
from diffsim.neighbors import Neighbors
from diffsim.potentials.base import AbstractPotential
from diffsim.potentials.composed import AbstractComposed
from diffsim.potentials.uncertain import AbstractUncertain
from diffsim.system import System

_AT_ONCE = 16  # derivatives, each of which takes the memory of some evaluations


class LinearPosterior(AbstractComposed, AbstractUncertain):
    """A potential whose energy is linear in coefficients that are normally distributed, c ~ N(mean, R Rᵀ).

    A prediction A(c), linear in c too, then has the covariance (∂A/∂c) R Rᵀ (∂A/∂c)ᵀ: exact, a derivative along each
    column of R. R is the root of (AᵀA + PᵀP)⁻¹ that `solve_linear` finds, in units of its scales: these are taken for
    standard deviations of independent errors, and the prior for what is known without labels.

    Of a `GAP` it is the variance of the process as far as its sparse points span it. What atoms unlike all of them
    would add, k(q, q) − k_qM K_MM⁻¹ k_Mq, is not in it (doi:10.5555/1046920.1194909).
    """

    mean: AbstractPotential
    root: Float[Array, "coefficients ways"] = fixed()  # R
    names: tuple[str, ...] = constant(converter=tuple)  # of the coefficients: parameters of `mean`

    @property
    def made_of(self) -> tuple[AbstractPotential, ...]:
        return (self.mean,)

    def standardised(self, systems: System, neighbors: Neighbors) -> "LinearPosterior":
        """Itself: the coefficients are those of inputs that are standardised already."""
        del systems, neighbors
        return self

    def atomic_energies(self, graph: Graph) -> Float[Array, " atoms"]:
        return self.mean.atomic_energies(graph)

    def spread(self, function: Callable[[AbstractPotential], Array]) -> Float[Array, "ways *shape"]:
        """The derivative along each column of R."""
        linear = Linear(self.mean, self.names)
        along = lambda way: jax.jvp(lambda c: function(linear.at(c)), (linear.vector,), (way,))[1]  # noqa: E731
        return jax.lax.map(along, self.root.T, batch_size=_AT_ONCE)
