"""How atoms, bonds and angles of CHGNet tell each other what they know.

Features stand together in memory, `[… features]`: an edge brings those of its neighbour in one piece.
"""

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from diffsim.fields import parameter
from diffsim.graph import swap_rows
from diffsim.potentials.gated import Gated, normal
from diffsim.potentials.near_edges import Group, by_blocks, others

Angles = tuple[Float[Array, "_ _ _ atoms features"], ...]  # of each group of blocks


class Surroundings(NamedTuple):
    """What layers are told of edges, in blocks; those that make angles stand in the first rows."""

    basis: Float[Array, "blocks rows atoms radial"]  # e
    near_basis: Float[Array, "blocks near atoms radial"]  # e′
    told: Float[Array, "blocks near atoms features"]  # what angles have added to b of near edges
    shift: Float[Array, "#blocks #atoms features"]  # what has been added to b of all edges of an atom
    angular: Float[Array, "#blocks #atoms 1"]  # 1 for atoms of structures that have any angle, else 0
    reverse: Int[Array, "blocks rows atoms"]
    near_reverse: Int[Array, "blocks near atoms"]
    groups: tuple[Group, ...]


class CHGNetEmbedding(eqx.Module):
    """How basis functions become features."""

    bond: Float[Array, "radial features"] = parameter("")  # B
    weight: Float[Array, "radial features"] = parameter("")  # W
    near_weight: Float[Array, "radial features"] = parameter("")  # V
    angle: Float[Array, "angular features"] = parameter("")  # A

    def bonds(self, around: Surroundings) -> Float[Array, "blocks near atoms features"]:
        """b of near edges."""
        near = around.told.shape[1]
        return around.basis[:, :near] @ self.bond + around.shift[:, None] + around.told

    @staticmethod
    def init(key: Array, features: int, radial: int, angular: int) -> "CHGNetEmbedding":
        """Random weights."""
        keys = jax.random.split(key, 4)
        return CHGNetEmbedding(
            *(normal(k, n, features) for k, n in zip(keys, (radial, radial, radial, angular), strict=True))
        )


class CHGNetAtomLayer(eqx.Module):
    """x_i ← x_i + O Σ_j φ(x_i, b_ij, x_j) ∘ w_ij + o."""

    gated: Gated  # φ
    outward: Float[Array, "features features"] = parameter("")  # O
    bias: Float[Array, " features"] | None = parameter("", default=None)  # o

    def __call__(
        self, x: Float[Array, "blocks atoms features"], embedding: CHGNetEmbedding, around: Surroundings
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

    @staticmethod
    def init(key: Array, features: int, *, normalised: bool, biased: bool) -> "CHGNetAtomLayer":
        """Random weights."""
        first, last = jax.random.split(key)
        gated = Gated.init(first, 3, features, normalised=normalised)
        return CHGNetAtomLayer(gated, normal(last, features, features), jnp.zeros(features) if biased else None)


class CHGNetBondLayer(eqx.Module):
    """b_ij ← b_ij + P (Σ_k φ(b_ij, b_ik, a_jik, x_i) ∘ v_ij ∘ v_ik + the same at the other end, of j) + p.

    A bond has one b, whichever of its ends one looks from. p is added to all bonds of a structure that has any angle.
    """

    gated: Gated  # φ
    outward: Float[Array, "features features"] = parameter("")  # P
    bias: Float[Array, " features"] | None = parameter("", default=None)  # p

    def __call__(
        self,
        x: Float[Array, "blocks atoms features"],
        angles: Angles,
        embedding: CHGNetEmbedding,
        around: Surroundings,
    ) -> Surroundings:
        """With new features of bonds."""

        def messages(x: Array, bonds: Array, angles: Array, basis: Array) -> Float[Array, "near atoms features"]:
            weights = basis @ embedding.near_weight
            return weights * jnp.sum(of_angles(self.gated, x, bonds, angles) * others(weights), axis=0)

        bonds, parts = embedding.bonds(around), []
        for group, own in zip(around.groups, angles, strict=True):
            of_atoms = x[group.first : group.last]
            part = by_blocks(messages, of_atoms, group.of(bonds), own, group.of(around.near_basis))
            parts.append(jnp.pad(part, ((0, 0), (0, bonds.shape[1] - group.rows), (0, 0), (0, 0))))
        here = jnp.concatenate(parts)
        told = around.told + (here + swap_rows(here, around.near_reverse)) @ self.outward
        if self.bias is None:
            return around._replace(told=told)
        return around._replace(told=told, shift=around.shift + around.angular * self.bias)

    @staticmethod
    def init(key: Array, features: int, *, normalised: bool, biased: bool) -> "CHGNetBondLayer":
        """Random weights."""
        first, last = jax.random.split(key)
        gated = Gated.init(first, 4, features, normalised=normalised)
        return CHGNetBondLayer(gated, normal(last, features, features), jnp.zeros(features) if biased else None)


class CHGNetAngleLayer(eqx.Module):
    """a_jik ← a_jik + φ(b_ij, b_ik, a_jik, x_i)."""

    gated: Gated  # φ

    def __call__(
        self,
        x: Float[Array, "blocks atoms features"],
        angles: Angles,
        embedding: CHGNetEmbedding,
        around: Surroundings,
    ) -> Angles:
        """New features of angles."""
        told = lambda x, bonds, angles: angles + of_angles(self.gated, x, bonds, angles)  # noqa: E731
        bonds = embedding.bonds(around)
        return tuple(
            by_blocks(told, x[group.first : group.last], group.of(bonds), own)
            for group, own in zip(around.groups, angles, strict=True)
        )

    @staticmethod
    def init(key: Array, features: int, *, normalised: bool) -> "CHGNetAngleLayer":
        """Random weights."""
        return CHGNetAngleLayer(Gated.init(key, 4, features, deep=False, normalised=normalised))


def of_angles(
    gated: Gated,
    x: Float[Array, "atoms features"],
    bonds: Float[Array, "near atoms features"],
    angles: Float[Array, "others near atoms features"],
) -> Float[Array, "others near atoms features"]:
    """φ of both bonds of an angle, the angle and its atom."""
    first = gated.part(0, bonds) + gated.part(3, x)
    return gated(first + others(gated.part(1, bonds)) + gated.part(2, angles))
