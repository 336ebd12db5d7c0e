"""What CHGNet knows of bonds and angles before anything was said."""

import math
from collections.abc import Sequence

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from diffsim.fields import constant, parameter
from diffsim.graph import Graph
from diffsim.potentials.chgnet_layers import Angles, CHGNetEmbedding, Surroundings
from diffsim.potentials.near_edges import Ordered, by_blocks, others
from diffsim.potentials.radial import Length, bessel_frequencies, envelope
from diffsim.potentials.waves import sine_and_cosine

_NOT_STRAIGHT = 1 - 1e-6  # cosines are multiplied by it, as in the original: acos has no derivative at ±1


class CHGNetBasis(eqx.Module):
    """b_ij = B e(r_ij), weights of messages w = W e(r) and v = V e′(r), and a_jik = A f(θ).

    e_n(r) = √(2/r_c) sin(ω_n r/r_c) u(r) / r, with the cutoff r_c of bonds, and e′ likewise with that of angles
    f(θ) = (1/√2, sin ν_m θ …, cos ν_m θ …) / √π

    u is the polynomial `envelope` with its power p.
    """

    embedding: CHGNetEmbedding  # B, W, V, A
    frequencies: Float[Array, " radial"] = parameter("")  # ω of e
    near_frequencies: Float[Array, " radial"] = parameter("")  # ω of e′
    angle_frequencies: Float[Array, " half"] = parameter("")  # ν
    power: int = constant()  # p
    angular_cutoff: float = constant("Å")

    def bonds(self, graph: Graph, edges: Ordered, cutoff: Length) -> Surroundings:
        """What is known of the edges of a graph at first."""
        blocks, near, atoms = edges.near_reverse.shape
        x, y, z = edges.vectors
        r = jnp.sqrt(x * x + y * y + z * z)
        short, listed = r[:, :near], edges.mask[:, :near]
        features = self.embedding.bond.shape[1]
        return Surroundings(
            basis=self._radial(r, edges.mask, self.frequencies, cutoff),
            near_basis=self._radial(short, listed, self.near_frequencies, self.angular_cutoff),
            told=jnp.zeros((blocks, near, atoms, features), r.dtype),
            shift=jnp.zeros((1, 1, features), r.dtype),
            angular=self._angular(graph, edges),
            reverse=edges.reverse,
            near_reverse=edges.near_reverse,
            groups=edges.groups,
        )

    def angles(self, edges: Ordered) -> Angles:
        """What is known of angles at first: those of each near edge with all others of its atom."""

        def found(x: Array, y: Array, z: Array) -> Float[Array, "others near atoms features"]:
            r = jnp.sqrt(x * x + y * y + z * z)
            x, y, z = x / r, y / r, z / r
            cosine = x * others(x) + y * others(y) + z * others(z)
            phase = jnp.arccos(_NOT_STRAIGHT * cosine)[..., None] * self.angle_frequencies
            constant = jnp.full((*cosine.shape, 1), math.sqrt(0.5), cosine.dtype)
            waves = jnp.concatenate([constant, *sine_and_cosine(phase)], axis=-1)
            return waves @ (self.embedding.angle / math.sqrt(math.pi))

        return tuple(by_blocks(found, *map(group.of, edges.vectors)) for group in edges.groups)

    def _angular(self, graph: Graph, edges: Ordered) -> Float[Array, "#blocks #atoms 1"]:
        """1 for atoms of structures that have any angle, else 0."""
        near = graph.mask & (graph.squares < self.angular_cutoff**2)
        several = (jnp.sum(near, axis=0) > 1).reshape(graph.structures, -1)
        found = jnp.any(several, axis=1, keepdims=True).astype(graph.weights.dtype)
        if graph.structures == 1:
            return found[None]
        return edges.sorted(jnp.broadcast_to(found, several.shape).reshape(-1, 1))

    def _radial(self, r: Array, mask: Array, frequencies: Array, cutoff: Length) -> Float[Array, "*edges radial"]:
        u = jnp.where(mask, envelope(r, cutoff, self.power), 0.0)
        sine, _ = sine_and_cosine((r / cutoff)[..., None] * frequencies)
        return jnp.sqrt(2 / jnp.asarray(cutoff)) * sine * (u / r)[..., None]

    @staticmethod
    def init(key: Array, features: int, waves: Sequence[int], *, power: int, angular_cutoff: float) -> "CHGNetBasis":
        """Random features of basis functions whose frequencies are evenly spaced."""
        radial, half = waves
        frequencies = bessel_frequencies(radial)
        embedding = CHGNetEmbedding.init(key, features, radial, 2 * half + 1)
        return CHGNetBasis(embedding, frequencies, frequencies, jnp.arange(1.0, half + 1), power, angular_cutoff)
