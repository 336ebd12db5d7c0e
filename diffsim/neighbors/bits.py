"""Edges as set bits: which of an atom's numbered candidates are inside the radius, in words of 32.

The k-th edge of an atom is its k-th set bit, and the number of an edge among those of its atom is the number of bits
set before it. So tables are made, and reverse edges found, by counting bits; nothing is sorted.
"""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Int

from diffsim.neighbors.columns import looked_up
from diffsim.stored import stored

WORD = 32


class Bits(NamedTuple):
    """Set bits of each atom's words, and how many there are before each word and in all."""

    words: Any  # [words atoms], unsigned
    earlier: Int[Array, "words+1 atoms"]

    @staticmethod
    def of(words: Any) -> "Bits":
        """From words `[words atoms]`."""
        counts = jax.lax.population_count(words).astype(jnp.int32)
        return Bits(words, jnp.pad(jnp.cumsum(counts, axis=0), ((1, 0), (0, 0))))

    def most(self) -> Int[Array, ""]:
        """How many the atom with the most has."""
        return jnp.max(self.earlier[-1], initial=0)

    def places(self, capacity: int) -> tuple[Array, Array, Array]:
        """Word and bit of the first `capacity` set bits of each atom, and which of these there are.

        One after the other: the lowest bit that is left of a word is taken off, then it is the next word's turn.
        """
        if len(self.words) == 1:
            return self._places_in_one_word(capacity)
        count, n = self.words.shape
        own = jnp.arange(n, dtype=jnp.int32)

        def ahead(later: Array, row: tuple[Array, Array]) -> tuple[Array, Array]:
            number, word = row
            return jnp.where(word != 0, number, later), later

        nowhere = jnp.full(n, count, jnp.int32)
        numbers = jnp.arange(count, dtype=jnp.int32)
        first, following = jax.lax.scan(ahead, nowhere, (numbers, self.words), reverse=True)
        words = jnp.pad(self.words, ((0, 1), (0, 0)))
        following = jnp.pad(following, ((0, 1), (0, 0)), constant_values=count)  # the next word with a bit
        of_own = lambda table, word: looked_up(table, word * n + own)  # noqa: E731

        def step(left: tuple[Array, Any], _: None) -> tuple[tuple[Array, Any], tuple[Array, Array]]:
            word, bits = left
            bit, rest = _lowest(bits)
            turn = jnp.where(rest == 0, of_own(following, word), word)
            return (turn, jnp.where(rest == 0, of_own(words, turn), rest)), (word, bit)

        _, (word, bit) = jax.lax.scan(step, (first, of_own(words, first)), length=capacity)
        return word, bit, word < count

    def _places_in_one_word(self, capacity: int) -> tuple[Array, Array, Array]:
        left, bits = self.words[0], []
        for _ in range(min(capacity, WORD)):
            bit, left = _lowest(left)
            bits.append(bit)
        bit = jnp.pad(jnp.stack(bits), ((0, capacity - len(bits)), (0, 0)), constant_values=-1)
        return jnp.zeros_like(bit), jnp.maximum(bit, 0), bit >= 0

    def before(self, word: Array, bit: Array, atom: Array) -> Array:
        """How many bits of an atom are set before a place."""
        lower = (jnp.uint32(1) << bit.astype(jnp.uint32)) - jnp.uint32(1)
        if len(self.words) == 1:
            return jax.lax.population_count(looked_up(self.words, atom) & lower).astype(jnp.int32)
        both = jnp.stack([self.words, self.earlier[:-1].astype(jnp.uint32)], axis=-1)  # beside each other
        place = 2 * (word * self.words.shape[1] + atom)
        inside = jax.lax.population_count(looked_up(both, place) & lower)
        return (looked_up(both, place + 1) + inside).astype(jnp.int32)

    def at(self, word: Array, bit: Array, atom: Array) -> Bool[Array, "*places"]:
        """Whether the bit of an atom at a place is set."""
        place = atom if len(self.words) == 1 else word * self.words.shape[1] + atom
        return looked_up(self.words, place) & (jnp.uint32(1) << bit.astype(jnp.uint32)) != 0


def _lowest(bits: Array) -> tuple[Array, Array]:
    """The place of the lowest set bit of each word, −1 where there is none, and the words without it."""
    rest = bits & (bits - jnp.uint32(1))
    return WORD - 1 - jax.lax.clz(bits ^ rest).astype(jnp.int32), rest


def packed_rows(inside: Bool[Array, "rows atoms"]) -> Any:
    """Words `[words atoms]` of as many bits as there are rows, by sums: by `packed`, `within` is a tenth slower."""
    place = jnp.arange(len(inside), dtype=jnp.uint32)[:, None] % WORD
    bits = jnp.where(inside, jnp.uint32(1) << place, jnp.uint32(0))
    words = [jnp.sum(bits[first : first + WORD], axis=0, dtype=jnp.uint32) for first in range(0, len(inside), WORD)]
    return jnp.stack(words)


def chosen(inside: Bool[Array, "candidates atoms"], capacity: int) -> tuple[Bits, Array, Array]:
    """Bits of each atom's numbered candidates, the numbers of the first `capacity` inside, and which of these exist."""
    count, n = inside.shape
    words = -(-count // WORD)
    inside = jnp.pad(inside, ((0, words * WORD - count), (0, 0))).reshape(words, WORD, n)
    bits = Bits.of(packed(lambda bit: inside[:, bit], WORD))
    word, bit, mask = bits.places(capacity)
    number = jnp.where(mask, word * WORD + bit, 0)
    return bits, stored(number, number), mask


def packed(inside: Callable[[int], Bool[Array, "words atoms"]], width: int) -> Any:
    """Words `[words atoms]` of `width` bits, at most 32, from booleans for each bit."""
    terms = (jnp.where(inside(bit), jnp.uint32(1 << bit), jnp.uint32(0)) for bit in range(width))
    return functools.reduce(jnp.bitwise_or, terms)
