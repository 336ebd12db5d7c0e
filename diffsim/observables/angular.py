"""Angles between bonds."""

from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from diffsim.fields import as_array, concrete, constant
from diffsim.graph import graph
from diffsim.observables.base import AbstractObservable
from diffsim.observables.bins import edges_of, smeared, span_of
from diffsim.observables.species import check_tuples, selections
from diffsim.potentials.base import AbstractPotential
from diffsim.potentials.smoothing import mollifier
from diffsim.simulators.state import State

_STRAIGHT = 1e-14  # of sin²θ: below, the angle is 0 or 180° and has no direction to change in


class AngularDistribution(AbstractObservable):
    """Distribution of bond angles, ∫ P dθ = 1 over 0 … 180°, with a derivative.

    P(θ) ∝ ⟨Σ_i Σ_{j≠k} f(r_ij) f(r_ik) δ(θ − θ_jik)⟩, f = 1 up to `onset` and smoothly 0 at `cutoff`

    Angles are smeared by a Gaussian of `width`, mirrored at 0 and 180°; not divided by sin θ. `triplets` are "total" or
    such as "O-Si-O", the centre in the middle; each is normalised on its own. Frames are averaged before P is
    normalised, so they count by their angles. Zero where there are none.

    Bonds are taken from the potential's neighbours: NaN where the cutoff is longer than the potential's.

    **Raises** `ValueError` for bins that do not ascend within 0 … 180°, a width that is not positive, an onset that is
    not below the cutoff, and, outside of `jit`, a cutoff longer than the potential's.
    """

    centers: Float[Array, " bins"]  # degrees
    onset: Float[Array, ""]  # Å
    cutoff: Float[Array, ""]  # Å
    width: Float[Array, ""]  # degrees, standard deviation of the Gaussian; the least distance of centers by default
    triplets: tuple[str, ...] = constant()
    span: int = constant()
    unit: str = constant(default="1/degree")

    def __init__(self, centers: Any, onset: Any, cutoff: Any, *, width: Any = None, triplets: Any = ("total",)):
        self.centers = as_array(centers)
        self.onset, self.cutoff = as_array(onset), as_array(cutoff)
        self.width = jnp.min(jnp.diff(self.centers), initial=jnp.inf) if width is None else as_array(width)
        self.triplets = check_tuples(triplets, 3)
        self.span = span_of(self.centers, self.width)
        self.unit = "1/degree"
        edges = edges_of(self.centers)
        if edges[0] < -1e-9 or edges[-1] > 180 + 1e-9:
            raise ValueError(f"bins must lie within 0 and 180°, got {edges[0]:.4g} to {edges[-1]:.4g}°")
        if not 0 < self.onset < self.cutoff:
            raise ValueError(f"bonds need 0 < onset < cutoff, got {self.onset} and {self.cutoff} Å")

    @property
    def labels(self) -> tuple[str, ...]:
        return self.triplets

    def record(
        self, potential: AbstractPotential, state: State
    ) -> tuple[Float[Array, "triplets bins"], Float[Array, " triplets"]]:
        """Angles in each bin, and all of them."""
        known, reach = concrete(self.cutoff), concrete(potential.cutoff)
        if known is not None and reach is not None and known > reach:
            raise ValueError(f"bonds up to {known:.4g} Å are not all among the neighbours within {reach:.4g} Å")
        seen = graph(state.system, state.neighbors)
        edges = edges_of(self.centers)
        bonds = jnp.where(seen.mask, mollifier(seen.squares, self.onset, self.cutoff), 0.0)
        chosen = jnp.stack([selections(name, seen.numbers, 3) for name in self.triplets])  # [triplets 3 atoms]
        upper = jnp.triu(jnp.ones((len(bonds), len(bonds))), 1)

        @jax.checkpoint
        def around(atom: Array) -> tuple[Float[Array, "triplets bins"], Float[Array, " triplets"]]:
            vectors = jnp.stack([component[:, atom] for component in seen.vectors], -1)
            strength, ends = bonds[:, atom], chosen[..., seen.index[:, atom]]  # ends [triplets 3 neighbors]
            both = lambda first, last: first[:, :, None] * last[:, None, :]  # noqa: E731
            kinds = 0.5 * (both(ends[:, 0], ends[:, 2]) + both(ends[:, 2], ends[:, 0]))
            amounts = kinds * chosen[:, 1, atom, None, None] * strength[:, None] * strength * upper
            amounts = amounts.reshape(len(self.triplets), -1)
            angles = _angles(vectors).reshape(-1)
            return smeared(angles, amounts, edges, self.width, self.span, (0.0, 180.0)), jnp.sum(amounts, axis=1)

        nothing = jnp.zeros((len(self.triplets), len(self.centers))), jnp.zeros(len(self.triplets))
        atoms = jnp.arange(len(state.system.numbers))
        (found, every), _ = jax.lax.scan(lambda sums, i: (jax.tree.map(jnp.add, sums, around(i)), None), nothing, atoms)
        return jnp.where(self.cutoff <= potential.cutoff, found, jnp.nan), every

    def estimate(
        self, records: tuple[Float[Array, "frames triplets bins"], Float[Array, "frames triplets"]], weights: Array
    ) -> Float[Array, "triplets bins"]:
        found, every = (jnp.tensordot(weights, part, axes=1) for part in records)
        some = every > 0
        return found / (jnp.where(some, every, 1.0)[:, None] * jnp.diff(edges_of(self.centers)))


def _angles(vectors: Float[Array, "neighbors 3"]) -> Float[Array, "neighbors neighbors"]:
    """Angles between all vectors in degrees; at 0 and 180° with derivative zero."""
    unit = vectors / jnp.linalg.norm(vectors, axis=1, keepdims=True)
    cosine = unit @ unit.T
    bent = 1 - cosine**2 > _STRAIGHT
    angle = jnp.arccos(jnp.where(bent, cosine, 0.0))
    return jnp.degrees(jnp.where(bent, angle, jnp.where(cosine > 0, 0.0, jnp.pi)))
