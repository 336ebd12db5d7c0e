"""Real spherical harmonics, and how what turns like them is multiplied: with the coefficients of e3nn.

An array of degree l has 2l + 1 components, in e3nn's order (l = 1: x, y, z), and turns by the Wigner matrix D_l. All
here have the parity (−1)ˡ of the harmonics themselves, or the one that follows from them.
"""

import functools

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from diffsim.graph import Vectors
from diffsim.potentials.angular import exponents, monomials


@functools.cache
def coupling(l1: int, l2: int, l3: int) -> Float[np.ndarray, "components1 components2 components3"]:
    """√(2l₃ + 1) times the Clebsch–Gordan coefficients, as e3nn has them (doi:10.48550/arXiv.2207.09453).

    Σ_m₁m₂ C u_m₁ v_m₂ turns like l₃ where u and v turn like l₁ and l₂.

    **Raises** `ImportError` where e3nn-jax is not installed.
    """
    try:
        import e3nn_jax
    except ImportError as error:
        raise ImportError("equivariant features need e3nn-jax: pip install e3nn-jax") from error
    with jax.ensure_compile_time_eval():
        return np.sqrt(2 * l3 + 1) * np.asarray(e3nn_jax.clebsch_gordan(l1, l2, l3), float)


def paths(edges: int, neighbors: int, atoms: int) -> list[tuple[int, int, int]]:
    """All (l₁, l₂, l₃), each up to its own highest degree, that couple and keep the parity: l₁ + l₂ + l₃ is even."""
    return [
        (l1, l2, l3)
        for l3 in range(atoms + 1)
        for l2 in range(neighbors + 1)
        for l1 in range(abs(l3 - l2), min(l3 + l2, edges) + 1)
        if (l1 + l2 + l3) % 2 == 0
    ]


def harmonics(units: Vectors, l_max: int) -> list[Float[Array, "components neighbors atoms"]]:
    """Y_l of the unit vectors for l = 0 … l_max, Σ_m Y_lm² = 2l + 1."""
    powers = monomials(units, l_max)
    return [jnp.tensordot(jnp.asarray(_by_monomials(l), powers[l].dtype), powers[l], axes=1) for l in range(l_max + 1)]


@functools.cache
def _by_monomials(l: int) -> Float[np.ndarray, "components monomials"]:
    """Y_l as polynomials: Y_l₋₁ and Y_1 coupled, and made as long as they are to be at (1, 0, 0)."""
    if l == 0:
        return np.ones((1, 1))
    place = {abc: column for column, abc in enumerate(exponents(l))}
    found = np.zeros((2 * l + 1, len(place)))
    for column, abc in enumerate(exponents(l - 1)):
        for axis in range(3):
            raised = place[tuple(n + (axis == k) for k, n in enumerate(abc))]  # type: ignore[index]
            found[:, raised] += _by_monomials(l - 1)[:, column] @ coupling(l - 1, 1, l)[:, axis]
    return found * np.sqrt((2 * l + 1) / np.sum(found[:, 0] ** 2))
