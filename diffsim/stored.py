"""What compiled code is to compute once and keep."""

from typing import TypeVar

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Int

Tree = TypeVar("Tree")


def stored(tree: Tree, counts: Array) -> Tree:
    """The same numbers, and the same derivatives, but each computed once.

    XLA merges chains of cheap operations into whatever uses them, which on a processor computes them anew for each use:
    x, y and z of a force would each have their own evaluation of its magnitude. What comes out of a branch it takes as
    given, so this is a branch that is always taken: of `counts`, which it has to look up, none is negative. Under
    `vmap` it stays one branch for all: one for each would be none, and what JAX puts in its place has no transpose.
    """
    if jax.default_backend() != "cpu":  # an accelerator would wait for the branch
        return tree
    blank = lambda kept: jax.tree.map(jnp.zeros_like, kept)  # noqa: E731
    return jax.lax.cond(_taken(counts.reshape(-1)[0]), lambda kept: kept, blank, tree)


@jax.custom_batching.custom_vmap
def _taken(count: Int[Array, ""]) -> Bool[Array, ""]:
    return count >= 0


@_taken.def_vmap
def _taken_for_all(size: int, batched: list[bool], counts: Int[Array, " batch"]) -> tuple[Bool[Array, ""], bool]:
    del size, batched
    return _taken(counts[0]), False
