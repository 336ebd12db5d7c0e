"""Lattice dynamics at any q from the primitive cell, exactly: no supercell and no finite displacements.

A displacement wave u_j e^{iq·r_j} changes the edge r_ij of every atom i by u_j e^{iq·r_ij} − u_i, up to a common phase.
With the second derivatives H_i of an atom's energy by its own edges, D(q) = Σ_i X_i(q)† H_i X_i(q): H is found once,
each q costs a contraction.
"""

import functools
from collections.abc import Callable, Sequence

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Complex, Float

from diffsim import units
from diffsim.fields import ArrayLike, as_array, constant, require_x64
from diffsim.graph import Graph, Vectors, graph
from diffsim.mechanics import neighbors_of, require_periodic
from diffsim.neighbors import Neighbors
from diffsim.observables.base import AbstractStatic
from diffsim.observables.ring import MOST, denominator, ring_matrix
from diffsim.potentials.base import AbstractPotential
from diffsim.potentials.direct import AbstractDirectForces
from diffsim.simulators.state import State
from diffsim.system import System

_ZERO = 1e-12  # eV/Å²/amu: below (1.6e-5 THz) a mode counts as zero and has no derivative
_BATCH = 64  # wave vectors at a time


def dynamical_matrix(
    potential: AbstractPotential, system: System, qpoints: ArrayLike, neighbors: Neighbors | None = None
) -> Complex[Array, "q coordinates coordinates"]:
    """D(q) = Σ_L Φ(i0, jL) e^{iq·(r_jL − r_i0)} / √(m_i m_j) in eV/Å²/amu, in phonopy's phase convention.

    `qpoints` [q 3] are fractions of the reciprocal lattice vectors of `system.cell`. Of potentials that pass
    messages they have to be multiples of 1/m with a whole number m of at most 512; one evaluation costs m cells.
    Where forces are predicted directly it is the Hermitian part.

    **Raises** `ValueError` for qpoints of a wrong shape, a system that is not periodic in three directions, 32-bit
    input, functions of positions and, of potentials that pass messages, wave vectors of no such m.
    """
    points, cells = checked_qpoints(potential, system, qpoints, denominator(qpoints))
    return _dynamical_matrix(potential, system, neighbors_of(potential, system, neighbors), points, cells)


def phonon_frequencies(
    potential: AbstractPotential, system: System, qpoints: ArrayLike, neighbors: Neighbors | None = None
) -> Float[Array, "q coordinates"]:
    """Frequencies ν = ω/2π in THz, ascending at each q, imaginary ones as negative.

    Gradients are those of perturbation theory; inside a degenerate set only symmetric sums of them have a meaning.
    **Raises** as `dynamical_matrix`.
    """
    points, cells = checked_qpoints(potential, system, qpoints, denominator(qpoints))
    return _frequencies(potential, system, neighbors_of(potential, system, neighbors), points, cells)


def is_moving(eigenvalue: Float[Array, "..."]) -> Bool[Array, "..."]:
    """Whether a mode has a frequency that differs from zero."""
    return jnp.abs(eigenvalue) > _ZERO


def frequency_of(eigenvalue: Float[Array, "..."]) -> Float[Array, "..."]:
    """ν = √λ/2π in THz, −√−λ/2π where λ < 0; the derivative at λ = 0 is taken as zero."""
    moving = is_moving(eigenvalue)
    root = jnp.sqrt(jnp.where(moving, jnp.abs(eigenvalue), 1.0))
    still = jnp.sqrt(jax.lax.stop_gradient(jnp.abs(eigenvalue)))
    return jnp.sign(eigenvalue) * jnp.where(moving, root, still) / (2 * np.pi * units.THz)


def edge_hessians(potential: AbstractPotential, seen: Graph) -> Float[Array, "atoms neighbors 3 neighbors 3"]:
    """∂²E_i/∂r_ij∂r_ik for each column: one derivative along each edge component serves all atoms at once."""
    width, n_atoms = seen.mask.shape

    def by_edges(vectors: Vectors) -> Vectors:
        at = lambda v: jnp.sum(seen.weights * potential.atomic_energies(seen.with_vectors(v)))  # noqa: E731
        return jax.grad(at)(vectors)

    def along(seed: Float[Array, "3 neighbors"]) -> Float[Array, "3 neighbors atoms"]:
        everywhere = tuple(jnp.broadcast_to(row[:, None], (width, n_atoms)) for row in seed)
        return jnp.stack(jax.jvp(by_edges, (seen.vectors,), (everywhere,))[1])

    seeds = jnp.eye(3 * width, dtype=seen.weights.dtype).reshape(-1, 3, width)
    rows = jax.vmap(along)(seeds).reshape(3, width, 3, width, n_atoms)
    rows = jnp.where(seen.mask & seen.mask[:, None, None, :], rows, 0.0)
    return jnp.transpose(rows, (4, 1, 0, 3, 2))


def bloch_matrix(
    hessians: Float[Array, "atoms neighbors 3 neighbors 3"], seen: Graph, system: System, q: Float[Array, "3"]
) -> Complex[Array, "coordinates coordinates"]:
    """Σ_i X_i† H_i X_i / √(m m) at one q, X_ij,b = e^{iq·r_ij} δ_jb − δ_ib."""
    n_atoms = len(system.numbers)
    hessians, index = hessians[:n_atoms], seen.index[:, :n_atoms]  # columns beyond the atoms are padding
    vectors = jnp.stack(seen.vectors)[:, :, :n_atoms]
    fractional = jnp.einsum("xkn,xy->ykn", vectors, jnp.linalg.inv(system.cell))
    phase = jnp.exp(2j * jnp.pi * jnp.einsum("x,xkn->nk", q, fractional))
    eye = jnp.eye(n_atoms, dtype=hessians.dtype)
    waves = phase[:, :, None] * eye[index.T] - eye[:, None, :]  # [atoms neighbors b]
    carried = jnp.einsum("njxky,nkb->njxby", hessians, waves)
    matrix = jnp.einsum("nja,njxby->axby", waves.conj(), carried)
    heavy = 1 / jnp.sqrt(system.masses)
    matrix = (matrix * heavy[:, None, None, None] * heavy[None, None, :, None]).reshape(3 * n_atoms, 3 * n_atoms)
    return 0.5 * (matrix + matrix.conj().T)


def checked_qpoints(
    potential: AbstractPotential, system: System, qpoints: ArrayLike, cells: int | None = None
) -> tuple[Float[Array, "q 3"], int | None]:
    """The wave vectors as an array, and how many cells their ring has, None where one is enough.

    Refused where lattice dynamics cannot be done.
    """
    require_x64(system.positions, "lattice dynamics")
    require_periodic(system, "lattice dynamics")
    if not has_lattice_dynamics(potential):
        raise ValueError(
            f"{type(potential).__name__} has no energy of edges alone, which D(q) is made of; "
            "take force_constants of a supercell instead"
        )
    if looks_beyond(potential) and cells is None:
        raise ValueError(
            f"{type(potential).__name__} looks beyond an atom's own edges, so only frequencies at wave vectors that "
            f"are multiples of 1/m can be had, m a whole number of at most {MOST}; for others take force_constants of "
            "a supercell"
        )
    points = jnp.asarray(qpoints, system.positions.dtype)
    if points.ndim != 2 or points.shape[1] != 3:
        raise ValueError(f"qpoints must have shape [q, 3], got {list(points.shape)}")
    return points, cells if looks_beyond(potential) else None


def has_lattice_dynamics(potential: AbstractPotential) -> bool:
    """Whether there is D(q) of it: not of functions of positions, which may not be asked about a part of a crystal."""
    return not potential.of_positions or isinstance(potential, AbstractDirectForces)


def looks_beyond(potential: AbstractPotential) -> bool:
    """Whether it takes more than an atom's own edges: then D(q) is that of a ring of cells."""
    return potential.depth > 1 or isinstance(potential, AbstractDirectForces)


def _of_matrices(
    function: Callable[[Array], Array],
    potential: AbstractPotential,
    system: System,
    neighbors: Neighbors,
    qpoints: Float[Array, "q 3"],
    cells: int | None,
) -> Array:
    """A function of D(q) at each q."""
    if cells is not None:
        return jax.lax.map(lambda q: function(ring_matrix(potential, system, neighbors, q, cells)), qpoints)
    seen = graph(system, neighbors)
    hessians = edge_hessians(potential, seen)
    return jax.lax.map(lambda q: function(bloch_matrix(hessians, seen, system, q)), qpoints, batch_size=_BATCH)


dynamical_matrices = functools.partial(_of_matrices, lambda matrix: matrix)
_dynamical_matrix = eqx.filter_jit(dynamical_matrices)
_frequencies = eqx.filter_jit(functools.partial(_of_matrices, lambda matrix: frequency_of(jnp.linalg.eigvalsh(matrix))))


def check_names(names: tuple[str, ...], qpoints: Float[Array, "q 3"]) -> None:
    """Refuses names of wave vectors that are not one for each."""
    if names and len(names) != len(qpoints):
        raise ValueError(f"{len(qpoints)} qpoints need as many names, got {list(names)}")


def point_names(names: tuple[str, ...], qpoints: Float[Array, "q 3"]) -> tuple[str, ...]:
    """The names given, or else the coordinates."""
    return names or tuple(str(np.round(q, 4).tolist()) for q in np.asarray(qpoints))


class PhononFrequencies(AbstractStatic):
    """Frequencies at chosen wave vectors, all branches of each, ascending.

    Of potentials that pass messages these are multiples of 1/m, m a whole number of at most 512.
    """

    qpoints: Float[Array, "q 3"]  # fractions of the reciprocal lattice
    names: tuple[str, ...] = constant()
    cells: int | None = constant()  # of the ring that they go around; None for too many
    unit: str = constant()

    def __init__(self, qpoints: ArrayLike, names: Sequence[str] = (), unit: str = "THz"):
        self.qpoints = as_array(qpoints)
        self.names = tuple(names)
        self.cells = denominator(self.qpoints)
        self.unit = unit
        check_names(self.names, self.qpoints)

    @property
    def labels(self) -> tuple[str, ...]:
        return point_names(self.names, self.qpoints)

    def record(self, potential: AbstractPotential, state: State) -> Float[Array, "q coordinates"]:
        points, cells = checked_qpoints(potential, state.system, self.qpoints, self.cells)
        neighbors = neighbors_of(potential, state.system, state.neighbors)
        return _frequencies(potential, state.system, neighbors, points, cells)
