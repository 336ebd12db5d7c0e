"""Pair correlations."""

from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from diffsim.fields import as_array, concrete, constant
from diffsim.mechanics import require_periodic
from diffsim.neighbors.images import Images
from diffsim.observables.base import AbstractStatic
from diffsim.observables.bins import edges_of, smeared, span_of
from diffsim.observables.images import images_within, reach_of, vectors_from
from diffsim.observables.species import check_tuples, selections
from diffsim.potentials.base import AbstractPotential
from diffsim.simulators.state import State
from diffsim.system import System

_TOGETHER = 1e-12  # Å²: closer than that, atoms have no direction to be pulled apart in


class RadialDistribution(AbstractStatic):
    """Pair correlation g(r) of species a around b, or of all atoms, with a derivative: pairs are smeared by a Gaussian.

    g_ab(r) = V / (N_a N_b 4πr²) ⟨Σ_{i∈a} Σ_{j∈b}' δ(r − r_ij)⟩, the sum over all images but not i itself

    N², not N(N − 1), also for like atoms: then g does not depend on how often the cell is repeated; an ideal gas of N
    atoms has 1 − 1/N short of its first image. Each bin is the share of pairs smeared into it over the volume of its
    shell smeared alike, (4π/3) Δ(e³ + 3 w² e) with borders e: exact for an ideal gas at any width, the plain histogram
    for width → 0, and finite where atoms collapse. Frames are averaged.

    `pairs` are "total" or such as "Si-O". `images` says how many cells around the nearest image to look in: (0, 0, 0)
    serves up to half of the cell, `RadialDistribution.of` counts them for a system. NaN where the cell has become too
    small for that.

    **Raises** `ValueError` for bins that do not ascend from above zero, a width that is not positive, and, outside of
    `jit`, a cell too small for the images.
    """

    centers: Float[Array, " bins"]  # Å
    width: Float[Array, ""]  # Å, standard deviation of the Gaussian; the least distance of centers by default
    pairs: tuple[str, ...] = constant()
    images: Images = constant()
    span: int = constant()
    unit: str = constant(default="")

    def __init__(
        self, centers: Any, width: Any = None, pairs: Any = ("total",), *, images: Images = (0, 0, 0), unit: str = ""
    ):
        self.centers = as_array(centers)
        self.width = jnp.min(jnp.diff(self.centers), initial=jnp.inf) if width is None else as_array(width)
        self.pairs = check_tuples(pairs, 2)
        self.images = (int(images[0]), int(images[1]), int(images[2]))
        self.span = span_of(self.centers, self.width)
        self.unit = unit
        if edges_of(self.centers)[0] < -1e-9:
            raise ValueError(f"the first bin must not begin below zero, got {edges_of(self.centers)[0]:.4g} Å")

    @staticmethod
    def of(system: System, centers: Any, width: Any = None, pairs: Any = ("total",)) -> "RadialDistribution":
        """For this cell and those up to 5 % smaller, however far the bins reach."""
        one = RadialDistribution(centers, width, pairs)
        images = images_within(system, 1.05 * float(one.reach))
        return RadialDistribution(centers, width, pairs, images=images)

    @property
    def labels(self) -> tuple[str, ...]:
        return self.pairs

    @property
    def reach(self) -> Float[Array, ""]:
        """How far apart pairs still matter, in Å: to the last bin and the tail of the Gaussian."""
        return edges_of(self.centers)[-1] + 6 * self.width

    def record(self, potential: AbstractPotential, state: State) -> Float[Array, "pairs bins"]:
        return self(state.system)

    def __call__(self, system: System) -> Float[Array, "pairs bins"]:
        """g(r) of one frame."""
        require_periodic(system, "g(r)")
        complete = reach_of(system, self.images)
        known, wanted = concrete(complete), concrete(self.reach)
        if known is not None and wanted is not None and known < wanted:
            raise ValueError(
                f"g(r) up to {wanted:.4g} Å needs images further than the {known:.4g} Å that "
                f"images={self.images} serve in this cell: take RadialDistribution.of(system, ...)"
            )
        edges = edges_of(self.centers)
        chosen = jnp.stack([selections(name, system.numbers, 2) for name in self.pairs])  # [pairs 2 atoms]

        @jax.checkpoint
        def around(atom: Array) -> Float[Array, "pairs bins"]:
            vectors, counts = vectors_from(system, atom, self.images)
            square = jnp.sum(vectors**2, axis=-1)
            near = counts & (jax.lax.stop_gradient(square) < self.reach**2)
            apart = near & (square > _TOGETHER)
            r = jnp.where(apart, jnp.sqrt(jnp.where(apart, square, 1.0)), 0.0)
            amounts = chosen[:, 0, atom, None, None] * chosen[:, 1, None, :] * near
            amounts = amounts.reshape(len(self.pairs), -1)
            return smeared(r.reshape(-1), amounts, edges, self.width, self.span, (0.0,))

        atoms = jnp.arange(len(system.numbers))
        pairs, _ = jax.lax.scan(
            lambda sums, i: (sums + around(i), None), jnp.zeros((len(self.pairs), len(self.centers))), atoms
        )
        shells = 4 * jnp.pi / 3 * jnp.diff(edges**3 + 3 * self.width**2 * edges)
        present = jnp.prod(jnp.sum(chosen, axis=2), axis=1)  # N_a N_b
        g = system.volume * pairs / (jnp.maximum(present, 1.0)[:, None] * shells)
        return jnp.where(complete >= self.reach, g, jnp.nan)
