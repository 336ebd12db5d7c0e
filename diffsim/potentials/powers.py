"""Symmetric powers of what turns with a structure: all polynomials of some degree that turn like a given l.

The polynomials are those of an array of degrees l = 0 … l_max one after the other, of parity (−1)ˡ: an atomic basis of
the atomic cluster expansion (doi:10.1103/PhysRevB.99.014104). Monomials of one degree are in colexicographic order, so
those of the first components alone come first, and the next degree is a product of beginnings.
"""

import functools
from itertools import combinations_with_replacement
from math import factorial

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from diffsim.potentials.spherical import coupling


def products(basis: Float[Array, "features components atoms"], degree: int) -> Float[Array, "features products atoms"]:
    """The monomials of degree 1, then 2 … in the components of each feature."""
    found = [basis]
    for n in range(2, degree + 1):
        count = [len(_monomials(c + 1, n - 1)) for c in range(basis.shape[1])]
        found.append(jnp.concatenate([basis[:, c, None] * found[-1][:, :k] for c, k in enumerate(count)], axis=1))
    return jnp.concatenate(found, axis=1)


@functools.cache
def equivariants(l_max: int, degree: int, l: int) -> Float[np.ndarray, "basis components products"]:
    """Coefficients of an orthonormal basis of the polynomials of degree 1 to `degree` that turn like l, parity (−1)ˡ.

    Orthonormal as symmetric tensors, each degree by itself.
    """
    every = [_of_degree(l_max, n).get((l, (-1) ** l), np.zeros((0, 2 * l + 1, 0))) for n in range(1, degree + 1)]
    widths = [len(_monomials((l_max + 1) ** 2, n)) for n in range(1, degree + 1)]
    rows = [
        np.pad(part, ((0, 0), (0, 0), (sum(widths[:n]), sum(widths[n:]) - part.shape[2])))
        for n, part in enumerate(every)
    ]
    return np.concatenate(rows)


@functools.cache
def _monomials(components: int, degree: int) -> list[tuple[int, ...]]:
    """Which components each is the product of, ascending."""
    return sorted(combinations_with_replacement(range(components), degree), key=lambda index: index[::-1])


@functools.cache
def _of_degree(l_max: int, degree: int) -> dict[tuple[int, int], Float[np.ndarray, "basis components products"]]:
    """By l and parity: those of one degree less coupled to the components, made orthonormal one after the other."""
    if degree == 1:
        eye = np.eye((l_max + 1) ** 2)
        return {(l, (-1) ** l): eye[None, l**2 : (l + 1) ** 2] for l in range(l_max + 1)}
    place = {index: column for column, index in enumerate(_monomials((l_max + 1) ** 2, degree))}
    lower = _monomials((l_max + 1) ** 2, degree - 1)
    raised = np.array([[place[tuple(sorted((*index, c)))] for c in range((l_max + 1) ** 2)] for index in lower])
    shares = np.array([_share(index) for index in place])
    found: dict[tuple[int, int], list[np.ndarray]] = {}
    for (l1, parity), polynomials in _of_degree(l_max, degree - 1).items():
        for l2 in range(l_max + 1):
            for l in range(abs(l1 - l2), l1 + l2 + 1):
                known = found.setdefault((l, parity * (-1) ** l2), [])
                for polynomial in polynomials:
                    terms = np.einsum("mq,mcl->lqc", polynomial, coupling(l1, l2, l))
                    product = np.zeros((2 * l + 1, len(place)))
                    np.add.at(product, (slice(None), raised[:, l2**2 : (l2 + 1) ** 2]), terms)
                    known += _new(product, known, shares)
    return {kind: np.stack(basis) for kind, basis in found.items() if basis}


def _new(polynomial: np.ndarray, known: list[np.ndarray], shares: np.ndarray) -> list[np.ndarray]:
    """What is new in it, normalised; nothing where it is a combination of those that are known."""
    size = np.sum(shares * polynomial**2)
    for _ in range(2):  # once more, for the digits
        for other in known:
            polynomial = polynomial - other * np.sum(shares * other * polynomial) / len(other)
    left = np.sum(shares * polynomial**2)
    return [polynomial * np.sqrt(len(polynomial) / left)] if left > 1e-12 * max(size, 1.0) else []


def _share(index: tuple[int, ...]) -> float:
    """One over the number of orders of the factors: the square of a symmetric tensor's elements by its coefficients."""
    counts = [index.count(c) for c in set(index)]
    return float(np.prod([factorial(n) for n in counts])) / factorial(len(index))
