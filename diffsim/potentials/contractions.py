"""All scalars made of at most three moment tensors, up to a level: which there are, and how they are contracted.

A moment M_{μ,ν} is a symmetric tensor of rank ν with the radial function μ; in one of several `blocks` if there is one
set of them for each of so many kinds of neighbours. Its level is 2 + 4μ + ν, and that of a product the sum of levels
(doi:10.1137/15M1054183, as in doi:10.1088/2632-2153/abc9fe). Two moments of equal rank contract to a scalar in one way.
So do three, if at all: with a, b and c indices shared by the first and second, the first and third, and the second and
third, the ranks are a + b, a + c and b + c. In angles this is Σ_jkl f_j f_k f_l cosᵃθ_jk cosᵇθ_jl cosᶜθ_kl. The three
cosines between three directions are independent of each other, so the scalars are linearly independent as soon as the
same one is not counted twice; of four directions they would not be.
"""

import functools
import math
from itertools import combinations_with_replacement, product
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from diffsim.potentials.angular import exponents

Moments = list[
    Float[Array, "_components _fields atoms"]
]  # of rank 0, 1 …; fields of μ = 0, then μ = 1 …, block by block


class Contraction(NamedTuple):
    """The scalars that moments of these ranks are contracted to, one for each row of `fields`."""

    ranks: tuple[int, ...]  # two or three, in ascending order
    fields: tuple[tuple[int, ...], ...]  # which moment of each rank


def ranks_of(level: int) -> int:
    """The highest rank of moments, two of which with μ = 0 are within the level."""
    return (level - 4) // 2


def functions_of(level: int, rank: int = 0) -> int:
    """How many radial functions there are among the moments of a rank: those that one with μ = 0 leaves room for."""
    return (level - 4 - 2 * rank) // 4 + 1


@functools.cache
def contractions(level: int, blocks: int) -> tuple[Contraction, ...]:
    """Everything up to the level, each once."""
    found = []
    for order in (2, 3):
        for ranks in combinations_with_replacement(range(ranks_of(level) + 1), order):
            most = (level - 2 * order - sum(ranks)) // 4  # what Σμ may be
            if most >= 0 and _contract(ranks):
                found.append(Contraction(ranks, tuple(_fields(ranks, most, blocks))))
    return tuple(found)


def contracted(moments: Moments, level: int, blocks: int) -> Float[Array, "scalars atoms"]:
    """The scalars, in the order of `contractions`."""
    return jnp.concatenate([_scalars(moments, one) for one in contractions(level, blocks)])


def _contract(ranks: tuple[int, ...]) -> bool:
    """Whether all indices find a partner in another tensor."""
    return sum(ranks) % 2 == 0 and 2 * max(ranks) <= sum(ranks)


def _fields(ranks: tuple[int, ...], most: int, blocks: int) -> list[tuple[int, ...]]:
    """Moments of these ranks with Σμ ≤ most; of those that differ by an exchange of like tensors, one."""
    alike = [n for n in range(1, len(ranks)) if ranks[n] == ranks[n - 1]]
    every = product(range(blocks * (most + 1)), repeat=len(ranks))
    return [c for c in every if sum(f // blocks for f in c) <= most and all(c[n - 1] <= c[n] for n in alike)]


def _scalars(moments: Moments, one: Contraction) -> Float[Array, "scalars atoms"]:
    """Of a box of fields all products, of which those wanted are taken by a product: a gather would have a scatter."""
    sizes = [1 + max(column) for column in zip(*one.fields, strict=True)]
    *first, last = (moments[rank][:, :size] for rank, size in zip(one.ranks, sizes, strict=True))
    coupling = jnp.asarray(_coupling(one.ranks), last.dtype)
    if len(first) == 1:
        box = jnp.sum((coupling[:, None, None] * first[0])[:, :, None] * last[:, None], axis=0)
    else:
        left, right = first
        pairs = left[:, None, :, None] * right[None, :, None, :]  # [components components fields fields atoms]
        tensors = jnp.tensordot(coupling, pairs.reshape(-1, *pairs.shape[2:]), axes=1)
        box = jnp.sum(tensors[:, :, :, None] * last[:, None, None], axis=0)
    wanted = np.zeros((len(one.fields), math.prod(sizes)))
    wanted[range(len(one.fields)), np.ravel_multi_index(tuple(np.transpose(one.fields)), tuple(sizes))] = 1.0
    return jnp.tensordot(jnp.asarray(wanted, box.dtype), box.reshape(-1, box.shape[-1]), axes=1)


@functools.cache
def _coupling(ranks: tuple[int, ...]) -> Float[np.ndarray, "..."]:
    """How often components of two, or of three `[third first·second]`, occur in the sum over all indices."""
    if len(ranks) == 2:
        return np.array([_count(abc) for abc in exponents(ranks[0])])
    places = [{abc: n for n, abc in enumerate(exponents(rank))} for rank in ranks]
    found = np.zeros([len(place) for place in places])
    shared = [sum(ranks) // 2 - rank for rank in reversed(ranks)]  # by first and second, first and third, the others
    for x, y, z in product(*map(exponents, shared)):
        where = tuple(place[_plus(*pair)] for place, pair in zip(places, ((x, y), (x, z), (y, z)), strict=True))
        found[where] += _count(x) * _count(y) * _count(z)
    return np.moveaxis(found, 2, 0).reshape(len(places[2]), -1)


def _count(abc: tuple[int, int, int]) -> float:
    """How many components of the full tensor are alike."""
    return math.factorial(sum(abc)) / math.prod(map(math.factorial, abc))


def _plus(left: tuple[int, int, int], right: tuple[int, int, int]) -> tuple[int, int, int]:
    return left[0] + right[0], left[1] + right[1], left[2] + right[2]
