"""Argon, and potentials that are wrong in one way each."""

import jax
import jax.numpy as jnp
from ase.build import bulk

from diffsim import FunctionOfEdges, FunctionOfPositions, LennardJones, System
from diffsim.potentials.radial import envelope
from diffsim.quality import Subject

CUTOFF = 5.0
ARGON = LennardJones(epsilon=0.01042, sigma=3.405, cutoff=CUTOFF, onset=4.4)
FCC = System.from_ase(bulk("Ar", "fcc", a=5.4))


def argon() -> Subject:
    """A sound potential on its crystal."""
    return Subject(ARGON, FCC, temperature=20.0)


def _of_pairs(pair) -> FunctionOfEdges:
    """½ Σ φ(r_ij): `pair` takes vectors `[edges 3]`."""

    def energies(weights, vectors, senders, receivers, numbers):
        real = receivers < len(numbers) - 1
        each = 0.5 * pair(jnp.where(real[:, None], vectors, jnp.array([CUTOFF, 0.0, 0.0])))
        return jax.ops.segment_sum(jnp.where(real, each, 0.0), receivers, len(numbers))

    return FunctionOfEdges({"one": jnp.ones(1)}, CUTOFF, energies, messages=1)


def _morse(r, depth=0.3):
    inner = jnp.exp(-1.5 * (r - 3.7))
    return depth * (inner**2 - 2 * inner) * envelope(r, CUTOFF)


def _length(vectors):
    return jnp.sqrt(jnp.sum(vectors**2, axis=-1))


@jax.custom_jvp
def _swirl(vectors):
    return _morse(_length(vectors))


@_swirl.defjvp
def _swirl_jvp(primals, tangents):
    """Each atom is pushed sideways around each of its neighbours: what no energy does."""
    (vectors,), (moved,) = primals, tangents
    value, slope = jax.jvp(lambda v: _morse(_length(v)), (vectors,), (moved,))
    aside = jnp.cross(jnp.array([0.0, 0.0, 0.05]), vectors) * envelope(_length(vectors), CUTOFF)[:, None]
    return value, slope + jnp.sum(aside * moved, axis=-1)


SWIRL = _of_pairs(_swirl)
FROZEN = _of_pairs(lambda v: _morse(_length(v)) * jax.lax.stop_gradient(_length(v)))  # not all of it is differentiated
WIGGLE = _of_pairs(lambda v: _morse(_length(v)) + 0.02 * jnp.sin(900.0 * _length(v)) * envelope(_length(v), CUTOFF))
HOLE = _of_pairs(lambda v: _morse(_length(v)) - 500 * _length(v) ** -6.0 * envelope(_length(v), CUTOFF))
SOFT = _of_pairs(lambda v: 0.001 * _morse(_length(v)))
COLLAPSING = _of_pairs(lambda v: -envelope(_length(v), CUTOFF) / _length(v))
NOT_A_NUMBER = _of_pairs(lambda v: _morse(_length(v)) + jnp.log(_length(v) - 3.0) * envelope(_length(v), CUTOFF))
CUT = LennardJones(epsilon=0.01042, sigma=3.405, cutoff=CUTOFF)
SHIFTED = LennardJones(epsilon=0.01042, sigma=3.405, cutoff=CUTOFF, shift=True)
SHORTER = LennardJones(epsilon=0.01042, sigma=3.405, cutoff=4.2, shift=True)
LARGER = LennardJones(epsilon=0.01042, sigma=1.2 * 3.405, cutoff=1.2 * CUTOFF, onset=1.2 * 4.4)


def _broken(energy) -> FunctionOfPositions:
    return FunctionOfPositions({"one": jnp.ones(1)}, lambda weights, x, numbers, cell: energy(x, cell))


BROKEN = {  # by what it does not keep to
    "translation": _broken(lambda x, cell: jnp.sum(jnp.cos(x))),
    "rotation": _broken(lambda x, cell: cell[0, 0] * len(x)),
    "reflection": _broken(lambda x, cell: jnp.linalg.det(cell)),
    "permutation": _broken(lambda x, cell: jnp.sum(jnp.arange(len(x)) * jnp.sum(x**2, axis=1))),
    "supercell": _broken(lambda x, cell: jnp.asarray(len(x) ** 2, float)),
}
BCC = System.from_ase(bulk("Ar", "bcc", a=4.2))
