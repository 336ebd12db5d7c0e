"""Gated networks: one says something, the other how much of it. Features are last, `[… features]`."""

import math

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from diffsim.fields import parameter

_EPSILON = 1e-5  # of the layer normalisation


class LayerNorm(eqx.Module):
    """n(x) = γ (x − ⟨x⟩) / √(⟨(x − ⟨x⟩)²⟩ + 10⁻⁵) + β, means over the features (doi:10.48550/arXiv.1607.06450)."""

    scale: Float[Array, " features"] = parameter("")  # γ
    shift: Float[Array, " features"] = parameter("")  # β

    def __call__(self, x: Float[Array, "*items features"]) -> Float[Array, "*items features"]:
        x = x - jnp.mean(x, axis=-1, keepdims=True)
        return self.scale * x * jax.lax.rsqrt(jnp.mean(x * x, axis=-1, keepdims=True) + _EPSILON) + self.shift

    @staticmethod
    def init(features: int) -> "LayerNorm":
        """γ = 1, β = 0."""
        return LayerNorm(jnp.ones(features), jnp.zeros(features))


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
        if self.second is not None and self.second_bias is not None:
            h = jax.nn.silu(h) @ self.second + self.second_bias
        return h if self.norm is None else self.norm(h)

    @staticmethod
    def init(key: Array, inputs: int, features: int, *, deep: bool, normalised: bool) -> "Branch":
        """Random weights; with W₂ where it is `deep`."""
        first, second = jax.random.split(key)
        return Branch(
            first=normal(first, inputs, features, features) / math.sqrt(inputs),
            bias=jnp.zeros(features),
            second=normal(second, features, features) if deep else None,
            second_bias=jnp.zeros(features) if deep else None,
            norm=LayerNorm.init(features) if normalised else None,
        )


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

    @staticmethod
    def init(key: Array, inputs: int, features: int, *, deep: bool = True, normalised: bool) -> "Gated":
        """Random weights."""
        core, gate = jax.random.split(key)
        branch = lambda key: Branch.init(key, inputs, features, deep=deep, normalised=normalised)  # noqa: E731
        return Gated(branch(core), branch(gate))


def normal(key: Array, *shape: int) -> Float[Array, "..."]:
    """Random weights `[… inputs outputs]` that keep the size of features."""
    return jax.random.normal(key, shape, jnp.result_type(float)) / math.sqrt(shape[-2])
