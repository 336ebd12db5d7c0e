"""What CHGNet knows of bonds and angles before anything was said."""

import math

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from diffsim.fields import constant, parameter
from diffsim.potentials.chgnet_layers import Surroundings
from diffsim.potentials.near_edges import Ordered, others
from diffsim.potentials.radial import Length, envelope

_NOT_STRAIGHT = 1 - 1e-6  # cosines are multiplied by it, as in the original: acos has no derivative at ±1


class ChgnetBasis(eqx.Module):
    """b_ij = B e(r_ij), weights of messages w = W e(r), v = V e′(r), and a_jik = A f(θ).

    e_n(r) = √(2/r_c) sin(ω_n r/r_c) u(r) / r, with the cutoff r_c of bonds, and e′ likewise with that of angles
    f(θ) = (1/√2, sin ν_m θ …, cos ν_m θ …) / √π

    u is the polynomial `envelope` with its power p.
    """

    bond: Float[Array, "radial features"] = parameter("")  # B
    weight: Float[Array, "radial features"] = parameter("")  # W
    near_weight: Float[Array, "radial features"] = parameter("")  # V
    angle: Float[Array, "angular features"] = parameter("")  # A
    frequencies: Float[Array, " radial"] = parameter("")  # ω of e
    near_frequencies: Float[Array, " radial"] = parameter("")  # ω of e′
    angle_frequencies: Float[Array, " half_angular"] = parameter("")  # ν
    power: int = constant()  # p
    angular_cutoff: float = constant("Å")

    def __call__(self, edges: Ordered, cutoff: Length) -> tuple[Surroundings, Float[Array, "others near atoms features"]]:
        """All of that for the edges of a graph; angles of each near edge with all others."""
        near = len(edges.near_reverse)
        x, y, z = edges.vectors
        r = jnp.sqrt(x * x + y * y + z * z)
        radial = self._radial(r, edges.mask, self.frequencies, cutoff)
        short, inside = r[:near], edges.mask[:near] & (r[:near] < self.angular_cutoff)
        near_radial = self._radial(short, edges.mask[:near], self.near_frequencies, self.angular_cutoff)
        features = self.bond.shape[1]
        around = Surroundings(
            basis=radial,
            embedding=self.bond,
            shift=jnp.zeros(features, r.dtype),
            told=jnp.zeros((near, r.shape[1], features), r.dtype),
            weights=radial @ self.weight,
            near_weights=near_radial @ self.near_weight,
            angular=jnp.any(jnp.sum(inside, axis=0) > 1),
            reverse=edges.reverse,
            near_reverse=edges.near_reverse,
        )
        if near < 2:
            return around, jnp.zeros((0, near, r.shape[1], self.angle.shape[1]), r.dtype)
        unit = [part[:near] / short for part in edges.vectors]
        cosine = sum(part * others(part) for part in unit)
        return around, self._angular(jnp.arccos(_NOT_STRAIGHT * cosine)) @ self.angle

    def _radial(self, r: Array, mask: Array, frequencies: Array, cutoff: Length) -> Float[Array, "*edges radial"]:
        u = jnp.where(mask, envelope(r, cutoff, self.power), 0.0)
        return jnp.sqrt(2 / jnp.asarray(cutoff)) * jnp.sin((r / cutoff)[..., None] * frequencies) * (u / r)[..., None]

    def _angular(self, theta: Array) -> Float[Array, "*angles angular"]:
        phase = theta[..., None] * self.angle_frequencies
        constant = jnp.full((*theta.shape, 1), math.sqrt(0.5), theta.dtype)
        return jnp.concatenate([constant, jnp.sin(phase), jnp.cos(phase)], axis=-1) / math.sqrt(math.pi)
