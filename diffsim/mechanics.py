"""Energy, forces, stress, Hessian and force constants of any potential: derivatives of its atomic energies.

Each takes (potential, system, neighbors=None). A list is made on the way where none is given, which only works outside
`jit`; each call is compiled once for each shape. All are differentiable in the potential and in the system.
"""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from diffsim.blocks import by_strain, energy_of, forces_in_blocks, work_in_blocks
from diffsim.by_positions import forces_and_strain_by_positions, forces_by_positions, work_by_positions
from diffsim.fields import concrete, require_x64
from diffsim.graph import Graph, Vectors, graph
from diffsim.neighbors import Neighbors
from diffsim.potentials.base import AbstractPotential, check_cutoff, check_species
from diffsim.system import System, lattice_points


def energy(potential: AbstractPotential, system: System, neighbors: Neighbors | None = None) -> Float[Array, ""]:
    """Total energy in eV."""
    return _energy(potential, system, neighbors_of(potential, system, neighbors))


def forces(potential: AbstractPotential, system: System, neighbors: Neighbors | None = None) -> Float[Array, "atoms 3"]:
    """F = −∂E/∂x in eV/Å."""
    return _forces(potential, system, neighbors_of(potential, system, neighbors))


def stress(potential: AbstractPotential, system: System, neighbors: Neighbors | None = None) -> Float[Array, "3 3"]:
    """Cauchy stress σ = (1/V) ∂E/∂ε at ε = 0 in eV/Å³, tension positive; x → (1 + ε) x for positions and cell.

    **Raises** `ValueError` for a system that is not periodic in all three directions: it has no volume.
    """
    require_periodic(system, "stress")
    return _stress(potential, system, neighbors_of(potential, system, neighbors))


def hessian(
    potential: AbstractPotential, system: System, neighbors: Neighbors | None = None
) -> Float[Array, "atoms 3 atoms 3"]:
    """−∂F_i/∂x_j = ∂²E/∂x_i∂x_j in eV/Å², images of one atom moving together.

    Not symmetric where forces are predicted directly (`AbstractDirectForces`).
    """
    require_x64(system.positions, "the Hessian")
    return _hessian(potential, system, neighbors_of(potential, system, neighbors))


def force_constants(
    potential: AbstractPotential,
    system: System,
    supercell: tuple[int, int, int] = (1, 1, 1),
    neighbors: Neighbors | None = None,
) -> Float[Array, "supercell_atoms supercell_atoms 3 3"]:
    """Φ_ij = −∂F_i/∂x_j = ∂²E/∂x_i∂x_j of the repeated cell in phonopy's layout `[i j 3 3]` and order of atoms, eV/Å².

    Only columns of the atoms in the first cell are derived, the others are their translations. Φ_ij is not Φ_jiᵀ where
    forces are predicted directly (`AbstractDirectForces`). `neighbors`, where given, are those of
    `system.supercell(supercell)`.
    """
    require_x64(system.positions, "force constants")
    repeats = tuple(int(n) for n in supercell)
    if len(repeats) != 3 or min(repeats) < 1:
        raise ValueError(f"supercell must be three positive integers, got {supercell}")
    repeated = system.supercell(repeats)
    return _force_constants(potential, repeated, neighbors_of(potential, repeated, neighbors), repeats)


def neighbors_of(
    potential: AbstractPotential, system: System, neighbors: Neighbors | None, skin: float = 0.0, spare: float = 1.0
) -> Neighbors:
    """The list that was handed in, checked, or one made for the potential's cutoff plus a skin in Å.

    `spare` is that of `Neighbors.allocate`.

    **Raises** `ValueError` where atoms have no parameters, the cutoff is not positive, a list has to be made inside
    `jit`, or a list is too short for the cutoff or for how far the atoms have moved.
    """
    check_species(potential, system)
    check_cutoff(potential.cutoff)
    if neighbors is None:
        made = Neighbors.allocate(system, potential.cutoff + skin, spare=spare)
        return made.for_angles(system, potential.angular_cutoff, ahead=0.5 * skin)
    neighbors = _with_room(potential, system, neighbors)
    if concrete(_overflow(neighbors, system, potential.cutoff)):  # None, so false, under jit: there the caller asks
        raise ValueError(
            f"the neighbour list of radius {concrete(neighbors.radius):.6g} Å no longer holds every edge inside the "
            f"cutoff of {concrete(potential.cutoff):.6g} Å: make it again with Neighbors.allocate(system, radius)"
        )
    return neighbors


def _with_room(potential: AbstractPotential, system: System, neighbors: Neighbors) -> Neighbors:
    """The list with room for the potential's angles, as far as that can be known: under `jit` it stays as it is."""
    wanted, near = potential.angular_cutoff, neighbors.near
    if wanted is None or concrete(system.positions) is None or concrete(neighbors.index) is None:
        return neighbors
    return neighbors.for_angles(system, wanted, least=near if near and near.cutoff == wanted else None)


def require_periodic(system: System, what: str) -> None:
    """Refuses what needs a volume where there is none."""
    if not all(system.pbc):
        raise ValueError(f"{what} needs a cell that is periodic in all three directions, got pbc = {system.pbc}")


def total_energy(potential: AbstractPotential, system: System, neighbors: Neighbors) -> Float[Array, ""]:
    """Σ_i w_i E_i, without checks: what the others differentiate."""
    return energy_of(potential, graph(system, neighbors))


_energy = eqx.filter_jit(total_energy)
_overflow = eqx.filter_jit(lambda neighbors, system, cutoff: neighbors.overflow(system, cutoff))


def _whole_forces(potential: AbstractPotential, system: System, neighbors: Neighbors) -> Float[Array, "atoms 3"]:
    """Forces in the form that can be differentiated: the derivatives by edges of all atoms at once."""
    if potential.of_positions:
        return forces_by_positions(potential, system, neighbors)
    return _whole_forces_and_virial(potential, system, neighbors)[0]


def _whole_forces_and_virial(
    potential: AbstractPotential, system: System, neighbors: Neighbors
) -> tuple[Float[Array, "atoms 3"], Float[Array, "3 3"]]:
    """Forces and virial in the form that can be differentiated: the derivatives by edges of all atoms at once."""
    if potential.of_positions:
        forces, gradient = forces_and_strain_by_positions(potential, system, neighbors)
        return forces, _virial(gradient)
    seen = graph(system, neighbors)
    vectors = lambda x: graph(system.replace(positions=x), neighbors).vectors  # noqa: E731
    by_edges = energy_by_edges(potential, seen)
    return -jax.vjp(vectors, system.positions)[1](by_edges)[0], _virial(by_strain(seen, by_edges))


def energy_by_edges(potential: AbstractPotential, seen: Graph) -> Vectors:
    """∂E/∂r_ij in eV/Å for every edge."""
    return jax.grad(lambda vectors: energy_of(potential, seen, vectors))(seen.vectors)


def _virial(gradient: Float[Array, "3 3"]) -> Float[Array, "3 3"]:
    return -0.5 * (gradient + gradient.T)


@eqx.filter_custom_jvp
def total_forces(potential: AbstractPotential, system: System, neighbors: Neighbors) -> Float[Array, "atoms 3"]:
    """F_i = Σ_j (∂E/∂r_ij − ∂E/∂r_ji), without checks; a block of atoms at a time where nobody differentiates."""
    if potential.of_positions:
        return forces_by_positions(potential, system, neighbors)
    return forces_in_blocks(potential, system, neighbors, virial=False)[0]


@total_forces.def_jvp
def _total_forces_jvp(primals: Any, tangents: Any) -> Any:
    return eqx.filter_jvp(_whole_forces, primals, tangents)


@eqx.filter_custom_jvp
def forces_and_virial(
    potential: AbstractPotential, system: System, neighbors: Neighbors
) -> tuple[Float[Array, "atoms 3"], Float[Array, "3 3"]]:
    """Forces, and the virial −∂E/∂ε = −Σ_ij r_ij ⊗ ∂E/∂r_ij in eV, of the same derivatives by edges."""
    if potential.of_positions:
        return _whole_forces_and_virial(potential, system, neighbors)
    forces, gradient = forces_in_blocks(potential, system, neighbors, virial=True)
    return forces, _virial(gradient)


@forces_and_virial.def_jvp
def _forces_and_virial_jvp(primals: Any, tangents: Any) -> Any:
    return eqx.filter_jvp(_whole_forces_and_virial, primals, tangents)


def work(
    potential: AbstractPotential, system: System, neighbors: Neighbors, w: Float[Array, "atoms 3"]
) -> tuple[Float[Array, "atoms 3"], Float[Array, "atoms 3"], AbstractPotential]:
    """F, and the derivatives of Σ_i w_i·F_i by positions and by the parameters: what the adjoint of a step needs."""
    if potential.of_positions:
        return work_by_positions(potential, system, neighbors, w)
    by_w, by_positions, by_theta = work_in_blocks(potential, system, neighbors, w)
    return -by_w, -by_positions, jax.tree.map(jnp.negative, by_theta)


_forces = eqx.filter_jit(total_forces)


@eqx.filter_jit
def _stress(potential: AbstractPotential, system: System, neighbors: Neighbors) -> Float[Array, "3 3"]:
    zero = jnp.zeros((3, 3), system.positions.dtype)
    gradient = jax.grad(lambda strain: total_energy(potential, system.strained(strain), neighbors))(zero)
    return 0.5 * (gradient + gradient.T) / system.volume


@eqx.filter_jit
def _hessian(potential: AbstractPotential, system: System, neighbors: Neighbors) -> Float[Array, "atoms 3 atoms 3"]:
    forces = lambda x: _whole_forces(potential, system.replace(positions=x), neighbors)  # noqa: E731
    return -jax.jacfwd(forces)(system.positions)


@eqx.filter_jit
def _force_constants(
    potential: AbstractPotential, system: System, neighbors: Neighbors, repeats: tuple[int, int, int]
) -> Float[Array, "atoms atoms 3 3"]:
    n_cells = int(np.prod(repeats))
    n_atoms = len(system.numbers)
    forces = lambda x: _whole_forces(potential, system.replace(positions=x), neighbors)  # noqa: E731
    rows = np.arange(0, n_atoms, n_cells)
    seeds = np.zeros((len(rows), 3, n_atoms, 3))
    for row, atom in enumerate(rows):
        seeds[row, :, atom, :] = np.eye(3)
    push = lambda seed: -jax.jvp(forces, (system.positions,), (seed,))[1]  # noqa: E731
    first = jax.vmap(push)(jnp.asarray(seeds).reshape(-1, n_atoms, 3)).reshape(len(rows), 3, n_atoms, 3)
    first = jnp.transpose(first, (0, 2, 3, 1))  # [primitive atoms 3 3]: −∂F_j/∂x_i of the first cell's atoms i
    columns = first[np.repeat(np.arange(len(rows)), n_cells)[:, None], _translations(repeats, len(rows))]
    return jnp.swapaxes(columns, 0, 1)


def _translations(repeats: tuple[int, int, int], n_primitive: int) -> np.ndarray:
    """For atoms i, j of the supercell, the atom that stands to i's image in the first cell as j stands to i."""
    n_a, n_b, _ = repeats
    cells = lattice_points(repeats)
    difference = (cells[None, :] - cells[:, None]) % np.array(repeats)  # [from to 3]
    flat = difference @ np.array([1, n_a, n_a * n_b])
    atom = np.arange(n_primitive) * len(cells)
    return (
        (atom[None, None, :, None] + flat[None, :, None, :])
        .repeat(n_primitive, 0)
        .reshape(n_primitive * len(cells), n_primitive * len(cells))
    )
