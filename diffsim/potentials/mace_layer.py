"""One round of MACE's messages: sums over neighbours that turn with the structure, and products of these."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from diffsim.fields import constant, fixed, parameter
from diffsim.graph import Graph
from diffsim.potentials.dense import Perceptron
from diffsim.potentials.powers import equivariants, products
from diffsim.potentials.spherical import coupling, paths

Features = list[Float[Array, "features _ _"]]  # of l = 0, 1 … [features 2l+1 atoms]


class Surroundings(NamedTuple):
    """What a layer is told of the edges, and of the atoms they start from.

    Here neighbours are last: sums over them are products of small matrices, one for each atom, and bringing atoms to
    the front of what is larger than these would take longer than the products.
    """

    harmonics: list[Float[Array, "components atoms neighbors"]]
    basis: Float[Array, "basis atoms neighbors"]  # zero from the cutoff on
    chosen: Bool[Array, "species atoms"]


class MACELayer(eqx.Module):
    """One round of messages: from features h_l of atoms, that turn like l = 0, 1 …, to new ones.

    A_l = (1/√n) Σ_p W_p Σ_j R_p(r_ij) [Y_l₁(r̂_ij) ⊗ U_l₂ h_j,l₂]_l       paths p = (l₁, l₂, l) that keep the parity
    h_l ← V_l Σ_b w_Z,b B_b(A) + v_Z,l h_l

    B_b are all polynomials in A, up to `l_max`, that turn like l and are of degree 1 to `correlation`: an atom with so
    many neighbours at once. Each feature has an R_p and w of its own; the matrices W, U, V and v mix them. What comes
    out has as many l as there are V.
    """

    radial: Perceptron  # R, all paths; without biases, so zero where its input is
    inward: Float[Array, "degrees features features"] = parameter("")  # U
    mixing: Float[Array, "paths features features"] = parameter("")  # W
    weights: Float[Array, "species basis features"] = parameter("")  # w, one l after the other
    outward: Float[Array, "new_degrees features features"] = parameter("")  # V
    residual: Float[Array, "common_degrees species features features"] = parameter("")  # v, of l that go in and out
    neighbors: Float[Array, ""] = fixed()  # n
    l_max: int = constant()
    correlation: int = constant()

    def __call__(self, graph: Graph, around: Surroundings, own: Features, everyone: Features) -> Features:
        """New features of the graph's atoms from their own, and from those of all that its edges lead to."""
        every = products(self.atomic_basis(graph, around, everyone), self.correlation)
        found, first = [], 0
        for l, outward in enumerate(self.outward):
            polynomials = jnp.asarray(equivariants(self.l_max, self.correlation, l), every.dtype)
            weights = self.weights[:, first : first + len(polynomials)]
            first += len(polynomials)
            of_species = jnp.einsum("sbk,bmq->skmq", weights, polynomials)
            new = jnp.tensordot(outward, _own(jnp.einsum("skmq,kqn->skmn", of_species, every), around), axes=1)
            if l < len(self.residual):
                new = new + _own(jnp.einsum("sck,kmn->scmn", self.residual[l], own[l]), around)
            found.append(new)
        return found

    def atomic_basis(
        self, graph: Graph, around: Surroundings, everyone: Features
    ) -> Float[Array, "features components atoms"]:
        """A of l = 0 … l_max, one after the other."""
        sent = [jnp.tensordot(u, h, axes=1) for u, h in zip(self.inward, everyone, strict=True)]
        far = [jnp.swapaxes(graph.of_neighbors(h), -1, -2) for h in sent]
        ways = paths(self.l_max, len(far) - 1, self.l_max)
        radial = jnp.split(self.radial(around.basis), len(ways))
        found: list[list[Array]] = [[] for _ in range(self.l_max + 1)]
        for (l1, l2, l), mixing, values in zip(ways, self.mixing, radial, strict=True):
            sums = jnp.einsum("kanj,bnj->nkab", values[:, None] * far[l2], around.harmonics[l1])
            turned = jnp.einsum("nkab,bac->kcn", sums, jnp.asarray(coupling(l1, l2, l), sums.dtype))
            found[l].append(jnp.tensordot(mixing, turned, axes=1))
        return jnp.concatenate([sum(terms[1:], terms[0]) for terms in found], axis=1) / jnp.sqrt(self.neighbors)

    @staticmethod
    def init(
        degrees: tuple[int, int],
        key: Array,
        *,
        species: int,
        features: int,
        l_max: int,
        correlation: int,
        radial: Sequence[int],
        neighbors: float,
    ) -> "MACELayer":
        """Random weights, for features of so many degrees that come in and go out; `radial` are the first layers of R.

        All sums are over terms of one size with random weights: what comes out is about as large as what came in.
        """
        came, goes = degrees
        ways = len(paths(l_max, came - 1, l_max))
        counts = [len(equivariants(l_max, correlation, l)) for l in range(goes)]
        size = 1 / math.sqrt(features)
        for_inward, for_radial, for_mixing, for_weights, for_outward, for_residual = jax.random.split(key, 6)
        normal = lambda key, *shape: jax.random.normal(key, shape, jnp.result_type(float))  # noqa: E731
        share = jnp.concatenate([jnp.full(count, 1 / math.sqrt(count)) for count in counts])[:, None]
        return MACELayer(
            inward=size * normal(for_inward, came, features, features),
            radial=Perceptron.init((*radial, ways * features), for_radial, bias=False),
            mixing=size * normal(for_mixing, ways, features, features),
            weights=share * normal(for_weights, species, sum(counts), features),
            outward=size * normal(for_outward, goes, features, features),
            residual=size * normal(for_residual, min(degrees), species, features, features),
            neighbors=neighbors,
            l_max=l_max,
            correlation=correlation,
        )


def _own(of_species: Float[Array, "species *fields atoms"], around: Surroundings) -> Float[Array, "*fields atoms"]:
    """What is meant for each atom's species."""
    chosen = around.chosen.reshape(len(of_species), *(1,) * (of_species.ndim - 2), -1)
    return jnp.sum(jnp.where(chosen, of_species, 0.0), axis=0)
