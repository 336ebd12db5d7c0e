"""Edges as set bits: which of an atom's numbered candidates are inside the radius, in words of 32.

The k-th edge of an atom is its k-th set bit, and the number of an edge among those of its atom is the number of bits
set before it. So tables are made, and reverse edges found, by counting bits; nothing is sorted.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Int

WORD = 32


class Bits(NamedTuple):
    """Set bits of each atom's words, and how many there are up to and with each word."""

    words: Any  # [words atoms], unsigned
    upto: Int[Array, "words atoms"]

    @staticmethod
    def of(words: Any) -> "Bits":
        """From words `[words atoms]`."""
        return Bits(words, jnp.cumsum(jax.lax.population_count(words).astype(jnp.int32), axis=0))

    def most(self) -> Int[Array, ""]:
        """How many the atom with the most has."""
        return jnp.max(self.upto[-1], initial=0)

    def places(self, capacity: int) -> tuple[Array, Array, Array]:
        """Word and bit of the first `capacity` set bits of each atom, and which of these there are."""
        rows = jnp.arange(capacity, dtype=jnp.int32)[:, None]
        mask = rows < self.upto[-1]
        own = jnp.arange(self.words.shape[1])
        word = jnp.zeros(mask.shape, jnp.int32)  # the first with more than that many up to it: by halves
        for half in (1 << np.arange(len(self.upto).bit_length()))[::-1].tolist():
            full = (word + half < len(self.upto)) & (self.upto.at[word + half - 1, own].get(mode="clip") <= rows)
            word = jnp.where(full, word + half, word)
        first = jnp.where(word > 0, self.upto[word - 1, own], 0)
        return computed((word, _place_of_set_bit(self.words[word, own], rows - first), mask))

    def before(self, word: Array, bit: Array, atom: Array) -> Array:
        """How many bits of an atom are set before a place."""
        lower = (jnp.uint32(1) << bit.astype(jnp.uint32)) - jnp.uint32(1)
        inside = jax.lax.population_count(self.words[word, atom] & lower).astype(jnp.int32)
        return jnp.where(word > 0, self.upto[word - 1, atom], 0) + inside


def computed(tree: Any) -> Any:
    """The same, behind a branch that is always taken: XLA would else compute it anew for each of its uses."""
    first = jax.tree.leaves(tree)[0]
    return jax.lax.cond(jnp.all(first[:1, :1] >= 0), lambda t: t, lambda t: jax.tree.map(jnp.zeros_like, t), tree)


def packed(inside: Bool[Array, "words bits atoms"]) -> Any:
    """Booleans, at most 32 of them in a word, as words `[words atoms]`."""
    powers = jnp.uint32(1) << jnp.arange(inside.shape[1], dtype=jnp.uint32)
    return jnp.sum(jnp.where(inside, powers[:, None], jnp.uint32(0)), axis=1, dtype=jnp.uint32)


def _place_of_set_bit(bits: Any, number: Int[Array, "..."]) -> Int[Array, "..."]:
    """Where the set bit with this number, counted from 0, stands: by halves."""
    place = jnp.zeros_like(number)
    for half in (16, 8, 4, 2, 1):
        low = bits & jnp.uint32((1 << half) - 1)
        passed = jax.lax.population_count(low).astype(jnp.int32)
        above = number >= passed
        number = jnp.where(above, number - passed, number)
        place = jnp.where(above, place + half, place)
        bits = jnp.where(above, bits >> jnp.uint32(half), low)
    return place
