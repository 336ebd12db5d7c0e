"""Electrostatics in direct space: the damped, shifted-force Coulomb sum of Fennell and Gezelter."""

import math

import jax.numpy as jnp
from jax.scipy.special import erfc
from jaxtyping import Array, Float, Int

from diffsim import units
from diffsim.graph import Graph
from diffsim.potentials.pairs import sum_of_pairs


def damped_shifted_force(
    graph: Graph,
    charges: Float[Array, " species"],
    middle: Int[Array, " atoms"],
    end: Int[Array, "neighbors atoms"],
    *,
    alpha: Float[Array, ""],
    cutoff: Float[Array, ""],
) -> Float[Array, " atoms"]:
    """Coulomb energy of each atom in eV, summed up to a cutoff (doi:10.1063/1.2206581, as LAMMPS' `coul/dsf`).

    E_i = k/2 Σ_j q_i q_j [v(r) − v(r_c) − v′(r_c)(r − r_c)] − k q_i² [½v(r_c) − ½r_c v′(r_c) + α/√π],
    v(r) = erfc(αr)/r,   k = e²/4πε₀

    Each atom's sphere is made neutral by charge on its surface, so energy and force go to zero at r_c; the last term
    is what an ion then feels of its own. The sum is meaningful only where the charges of the system add up to zero:
    change them together.

    `charges` in e, one for each species; `middle` and `end` those of each atom and its neighbours (`Graph.kinds`);
    `alpha` in 1/Å; `cutoff` in Å.
    """
    v, slope = _damped(cutoff, alpha)
    q, others = charges[middle], charges[end]

    def pair(square: Array) -> Array:
        r = jnp.sqrt(square)
        return q * others * (_damped(r, alpha)[0] - v - slope * (r - cutoff))

    pairs = sum_of_pairs(pair, graph, cutoff)
    own = q * q * (0.5 * (v - cutoff * slope) + alpha / math.sqrt(math.pi))
    return units.coulomb * (pairs - own)


def _damped(r: Array, alpha: Array) -> tuple[Array, Array]:
    """v(r) = erfc(αr)/r and its derivative."""
    v = erfc(alpha * r) / r
    return v, -(v + 2 * alpha / math.sqrt(math.pi) * jnp.exp(-((alpha * r) ** 2))) / r
