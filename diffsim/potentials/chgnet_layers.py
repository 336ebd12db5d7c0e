"""What CHGNet is made of: gated networks, and how atoms, bonds and angles tell each other what they know.

Features stand together in memory, `[… features]`: an edge brings those of its neighbour in one piece.
"""

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from diffsim.fields import parameter
from diffsim.graph import swap_rows
from diffsim.potentials.near_edges import by_blocks, others

_EPSILON = 1e-5  # of the layer normalisation


class LayerNorm(eqx.Module):
    """n(x) = γ (x − ⟨x⟩) / √(⟨(x − ⟨x⟩)²⟩ + 10⁻⁵) + β, means over the features (doi:10.48550/arXiv.1607.06450)."""

    scale: Float[Array, " features"] = parameter("")  # γ
    shift: Float[Array, " features"] = parameter("")  # β

    def __call__(self, x: Float[Array, "*items features"]) -> Float[Array, "*items features"]:
        x = x - jnp.mean(x, axis=-1, keepdims=True)
        return self.scale * x * jax.lax.rsqrt(jnp.mean(x * x, axis=-1, keepdims=True) + _EPSILON) + self.shift


class Branch(eqx.Module):
    """One of the two networks of a `Gated`: n(W₂ silu(W₁ (u, v, …) + b₁) + b₂), or n(W₁ (u, v, …) + b₁)."""

    first: Float[Array, "inputs features hidden"] = parameter("")  # W₁, a part for each of u, v, …
    bias: Float[Array, " hidden"] = parameter("")  # b₁
    second: Float[Array, "hidden features"] | None = parameter("", default=None)  # W₂
    second_bias: Float[Array, " features"] | None = parameter("", default=None)  # b₂
    norm: LayerNorm | None = None  # n

    def __call__(self, h: Float[Array, "*items hidden"]) -> Float[Array, "*items features"]:
        """Of Σ W₁ u; parts of it that many items share need not be multiplied for each."""
        h = h + self.bias
        if self.second is not None:
            h = jax.nn.silu(h) @ self.second + self.second_bias
        return h if self.norm is None else self.norm(h)


class Gated(eqx.Module):
    """φ(u, v, …) = silu(N(u, v, …)) ∘ σ(G(u, v, …)): what to say, and how much of it."""

    core: Branch  # N
    gate: Branch  # G

    def part(self, number: int, u: Float[Array, "*items features"]) -> Float[Array, "*items both"]:
        """What u, the input of that number, adds to the hidden layers of both networks."""
        return u @ jnp.concatenate([self.core.first[number], self.gate.first[number]], axis=1)

    def __call__(self, hidden: Float[Array, "*items both"]) -> Float[Array, "*items features"]:
        core, gate = jnp.split(hidden, 2, axis=-1)
        return jax.nn.silu(self.core(core)) * jax.nn.sigmoid(self.gate(gate))


class Surroundings(NamedTuple):
    """What layers are told of edges, in blocks; those that make angles stand in the first rows."""

    basis: Float[Array, "blocks rows atoms radial"]  # e
    near_basis: Float[Array, "blocks near atoms radial"]  # e′
    told: Float[Array, "blocks near atoms features"]  # what angles have added to b of near edges
    shift: Float[Array, " features"]  # what has been added to b of all edges
    angular: Bool[Array, ""]  # whether there is any angle
    reverse: Int[Array, "blocks rows atoms"]
    near_reverse: Int[Array, "blocks near atoms"]


class Embedding(eqx.Module):
    """How basis functions become features."""

    bond: Float[Array, "radial features"] = parameter("")  # B
    weight: Float[Array, "radial features"] = parameter("")  # W
    near_weight: Float[Array, "radial features"] = parameter("")  # V
    angle: Float[Array, "angular features"] = parameter("")  # A

    def bonds(self, around: Surroundings) -> Float[Array, "blocks near atoms features"]:
        """b of near edges."""
        near = around.told.shape[1]
        return around.basis[:, :near] @ self.bond + around.shift + around.told


class AtomLayer(eqx.Module):
    """x_i ← x_i + O Σ_j φ(x_i, b_ij, x_j) ∘ w_ij + o."""

    gated: Gated  # φ
    outward: Float[Array, "features features"] = parameter("")  # O
    bias: Float[Array, " features"] | None = parameter("", default=None)  # o

    def __call__(
        self, x: Float[Array, "blocks atoms features"], embedding: Embedding, around: Surroundings
    ) -> Float[Array, "blocks atoms features"]:
        """New features of atoms."""
        of_bonds = self.gated.part(1, embedding.bond)
        own = self.gated.part(0, x) + self.gated.part(1, around.shift)
        sent = self.gated.part(2, x)[:, None]
        sent = swap_rows(jnp.broadcast_to(sent, (*around.reverse.shape, sent.shape[-1])), around.reverse)

        def messages(own: Array, sent: Array, basis: Array, told: Array) -> Float[Array, "atoms features"]:
            near = self.gated.part(1, told)
            hidden = own + sent + basis @ of_bonds
            hidden = jnp.concatenate([hidden[: len(near)] + near, hidden[len(near) :]])
            return jnp.sum(self.gated(hidden) * (basis @ embedding.weight), axis=0)

        found = x + by_blocks(messages, own, sent, around.basis, around.told) @ self.outward
        return found if self.bias is None else found + self.bias


class BondLayer(eqx.Module):
    """b_ij ← b_ij + P (Σ_k φ(b_ij, b_ik, a_jik, x_i) ∘ v_ij ∘ v_ik + the same at the other end, of j) + p.

    A bond has one b, whichever of its ends one looks from. p is added to all bonds, where there is any angle.
    """

    gated: Gated  # φ
    outward: Float[Array, "features features"] = parameter("")  # P
    bias: Float[Array, " features"] | None = parameter("", default=None)  # p

    def __call__(
        self,
        x: Float[Array, "blocks atoms features"],
        angles: Float[Array, "blocks others near atoms features"],
        embedding: Embedding,
        around: Surroundings,
    ) -> Surroundings:
        """With new features of bonds."""

        def messages(x: Array, bonds: Array, angles: Array, basis: Array) -> Float[Array, "near atoms features"]:
            weights = basis @ embedding.near_weight
            return weights * jnp.sum(of_angles(self.gated, x, bonds, angles) * others(weights), axis=0)

        here = by_blocks(messages, x, embedding.bonds(around), angles, around.near_basis)
        told = around.told + (here + swap_rows(here, around.near_reverse)) @ self.outward
        if self.bias is None:
            return around._replace(told=told)
        return around._replace(told=told, shift=around.shift + jnp.where(around.angular, self.bias, 0.0))


class AngleLayer(eqx.Module):
    """a_jik ← a_jik + φ(b_ij, b_ik, a_jik, x_i)."""

    gated: Gated  # φ

    def __call__(
        self,
        x: Float[Array, "blocks atoms features"],
        angles: Float[Array, "blocks others near atoms features"],
        embedding: Embedding,
        around: Surroundings,
    ) -> Float[Array, "blocks others near atoms features"]:
        """New features of angles."""
        told = lambda x, bonds, angles: angles + of_angles(self.gated, x, bonds, angles)  # noqa: E731
        return by_blocks(told, x, embedding.bonds(around), angles)


def of_angles(
    gated: Gated,
    x: Float[Array, "atoms features"],
    bonds: Float[Array, "near atoms features"],
    angles: Float[Array, "others near atoms features"],
) -> Float[Array, "others near atoms features"]:
    """φ of both bonds of an angle, the angle and its atom."""
    first = gated.part(0, bonds) + gated.part(3, x)
    return gated(first + others(gated.part(1, bonds)) + gated.part(2, angles))
