"""The embedded-atom method with tabulated functions, as setfl files hold them."""

from pathlib import Path

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from diffsim.fields import constant, parameter
from diffsim.graph import Graph
from diffsim.potentials.base import AbstractPotential, atomic_numbers, check_cutoff
from diffsim.potentials.pairs import inside
from diffsim.potentials.setfl import Setfl, read_setfl, write_setfl
from diffsim.potentials.splines import extrapolate, interpolate


class EAM(AbstractPotential):
    """Embedded-atom method (doi:10.1103/PhysRevB.29.6443), its functions interpolated as LAMMPS does (`splines`).

    E_i = F(ρ_i) + ½ Σ_j φ(r_ij),   ρ_i = Σ_j f(r_ij),   r < r_c

    What is trained are the values in the tables, at the knots 0, 1, 2 … times a step: the embedding energy F(ρ) of
    each species; the density f(r) that a neighbour gives, `[source]` (`eam/alloy`) or `[source at]` where it depends
    on who receives it (`eam/fs`); and r·φ(r) of the pairs (0, 0), (1, 0), (1, 1), (2, 0) … of species. The steps and
    the cutoff are constants, since nothing is known between or beyond the knots. Past its last knot F goes on as a
    straight line, the functions of r as a constant. Interpolated functions have two derivatives, the second with kinks
    at the knots.

    **Raises** `ValueError` for tables that do not fit the species or have fewer than 5 knots, and for steps or a
    cutoff that are not positive.
    """

    embedding: Float[Array, "species density_knots"] = parameter("eV")
    density: Float[Array, "*source_at knots"] = parameter("")
    pair: Float[Array, "pairs knots"] = parameter("eV Å")
    density_step: float = constant(converter=float)
    distance_step: float = constant("Å", converter=float)
    table_cutoff: float = constant("Å", converter=float)
    species: tuple[int, ...] = constant(converter=atomic_numbers)
    remarks: tuple[str, ...] = constant(converter=tuple, default=())  # a setfl file's lines on its elements

    def __check_init__(self) -> None:
        check_cutoff(jnp.asarray(self.table_cutoff))
        if min(self.density_step, self.distance_step) <= 0:
            raise ValueError(f"steps must be positive, got {self.density_step} and {self.distance_step} Å")
        n = len(self.species)
        rows = {"embedding": [(n,)], "density": [(n,), (n, n)], "pair": [(n * (n + 1) // 2,)]}
        for name, allowed in rows.items():
            shape = getattr(self, name).shape
            if shape[:-1] not in allowed or shape[-1] < 5:
                raise ValueError(f"{name} of {n} species must be {allowed[-1]} tables of 5 knots or more, got {shape}")

    @property
    def cutoff(self) -> Float[Array, ""]:
        return jnp.asarray(self.table_cutoff, self.pair.dtype)

    @property
    def light(self) -> bool:
        return True

    def atomic_energies(self, graph: Graph) -> Float[Array, " atoms"]:
        middle, end = graph.kinds(self.species)
        r = graph.distances
        near = inside(graph, r, self.cutoff)
        source = (end,) if self.density.ndim == 2 else (end, jnp.broadcast_to(middle, end.shape))
        high, low = jnp.maximum(middle, end), jnp.minimum(middle, end)
        density = interpolate(self.density, source, r, self.distance_step)
        pair = interpolate(self.pair, (high * (high + 1) // 2 + low,), r, self.distance_step) / r
        embedded = jnp.sum(jnp.where(near, density, 0.0), axis=0)
        energy = extrapolate(self.embedding, (middle,), embedded, self.density_step)
        return energy + 0.5 * jnp.sum(jnp.where(near, pair, 0.0), axis=0)

    @staticmethod
    def from_setfl(path: str | Path) -> "EAM":
        """Reads a file of `pair_style eam/alloy` or `eam/fs`; which of them it is shows in its length."""
        file = read_setfl(path)
        return EAM(
            embedding=file.embedding,
            density=file.density,
            pair=file.pair,
            density_step=file.density_step,
            distance_step=file.distance_step,
            table_cutoff=file.cutoff,
            species=file.elements,
            remarks=file.remarks,
        )

    def to_setfl(self, path: str | Path) -> None:
        """Writes a file that LAMMPS reads back to the last digit, with `eam/fs` where the density is `[source at]`."""
        from ase.data import atomic_masses, chemical_symbols

        file = Setfl(
            elements=tuple(chemical_symbols[z] for z in self.species),
            remarks=self.remarks or tuple(f"{z} {atomic_masses[z]:.17g} 0.0 none" for z in self.species),
            density_step=self.density_step,
            distance_step=self.distance_step,
            cutoff=self.table_cutoff,
            embedding=np.asarray(self.embedding),
            density=np.asarray(self.density),
            pair=np.asarray(self.pair),
        )
        write_setfl(path, "EAM potential", file)
