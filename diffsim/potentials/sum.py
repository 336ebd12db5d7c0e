"""Potentials that act together."""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from diffsim.graph import Graph
from diffsim.potentials.base import AbstractPotential
from diffsim.potentials.composed import AbstractComposed, check_together


class Sum(AbstractComposed):
    """E_i = Σ_p E_i^p: a short-range repulsion under a learned potential, charges on top of a short-ranged one.

    Each part ends at its own cutoff. Parameters are those of the parts, `parts.0.epsilon` and so on.

    **Raises** `ValueError` for fewer than two parts, for parts that have no element in common, and for one
    that has no energy (`AbstractDirectForces`).
    """

    parts: tuple[AbstractPotential, ...] = eqx.field(converter=tuple)

    def __check_init__(self) -> None:
        check_together(self.parts, "a sum", "parts")

    @property
    def made_of(self) -> tuple[AbstractPotential, ...]:
        return self.parts

    @property
    def prior(self) -> dict[str, Float[np.ndarray, "rows entries"]]:
        """What parts know of their coefficients before any data, for `diffsim.solve_linear`, as with `GAP`."""
        known = [(n, getattr(part, "prior", {})) for n, part in enumerate(self.parts)]
        return {f"parts.{n}.{name}": rows for n, prior in known for name, rows in prior.items()}

    def atomic_energies(self, graph: Graph) -> Float[Array, " atoms"]:
        return sum((part.atomic_energies(graph) for part in self.parts), jnp.zeros_like(graph.weights))
