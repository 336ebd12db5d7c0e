"""Elastic constants of any symmetry, with the relaxation of atoms inside the cell by a linear solve."""

from typing import Literal

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from diffsim import units
from diffsim.fields import constant, require_x64
from diffsim.mechanics import neighbors_of, require_periodic, total_energy
from diffsim.neighbors import Neighbors
from diffsim.observables.base import AbstractStatic
from diffsim.potentials.base import AbstractPotential
from diffsim.relax import rigid_motions, stiffened, strain_matrix
from diffsim.simulators.state import State
from diffsim.system import System

Definition = Literal["stress-strain", "energy"]
_VOIGT = np.array([0, 1, 2, 1, 0, 0]), np.array([0, 1, 2, 2, 2, 1])


def elastic_constants(
    potential: AbstractPotential,
    system: System,
    *,
    relaxed: bool = True,
    definition: Definition = "stress-strain",
    neighbors: Neighbors | None = None,
) -> Float[Array, "6 6"]:
    """Elastic constants C in GPa, Voigt order xx yy zz yz xz xy with engineering shear; no symmetry is assumed.

    `definition="stress-strain"`: C_αβ = ∂σ_α/∂ε_β, Cauchy stress against the symmetric strain of F = 1 + ε: what LAMMPS
    and experiments measure at finite stress (Wallace's B, doi:10.1103/PhysRev.162.776); there it need not be symmetric.
    `definition="energy"`: C_αβ = (1/V) ∂²E/∂ε_α∂ε_β with the same F = 1 + ε, which some studies take.
    The two agree at zero stress.

    `relaxed` lets the atoms follow: C − (1/V) Λᵀ H⁻¹ Λ with Λ = ∂²E/∂x∂ε. The atoms should be at rest (`relax`) for
    this to be what a measurement sees. `relaxed=False` gives the clamped constants.

    **Raises** `ValueError` for a system that is not periodic in three directions, and in 32-bit.
    """
    require_x64(system.positions, "elastic constants")
    require_periodic(system, "elastic constants")
    if definition not in ("stress-strain", "energy"):
        raise ValueError(f"definition must be 'stress-strain' or 'energy', got {definition!r}")
    made = neighbors_of(potential, system, neighbors)
    return _elastic_constants(potential, system, made, relaxed, definition)


@eqx.filter_jit
def _elastic_constants(
    potential: AbstractPotential, system: System, neighbors: Neighbors, relaxed: bool, definition: Definition
) -> Float[Array, "6 6"]:
    n = system.positions.size
    internal, external = responses(potential, system, neighbors, definition)
    clamped = external[:, n:]
    if not relaxed:
        return clamped / units.GPa
    follow = internal_response(system, internal)
    return (clamped + external[:, :n] @ follow) / units.GPa


def responses(
    potential: AbstractPotential, system: System, neighbors: Neighbors, definition: Definition = "stress-strain"
) -> tuple[Float[Array, "coordinates coordinates_voigt"], Float[Array, "6 coordinates_voigt"]]:
    """Derivatives of −forces and of the stress by positions and strain: [H Λ] and [∂σ/∂x ∂σ/∂ε]."""
    shape, dtype = system.positions.shape, system.positions.dtype
    n = system.positions.size
    volume = system.volume

    def both(z: Float[Array, " coordinates_voigt"]) -> tuple[Array, Array]:
        def at(z: Array, further: Array) -> Array:
            moved = system.replace(positions=system.positions + z[:n].reshape(shape))
            return total_energy(potential, moved.strained(strain_matrix(z[n:])).strained(further), neighbors)

        zero = jnp.zeros((3, 3), dtype)
        by_coordinates, by_strain = jax.grad(at, argnums=(0, 1))(z, zero)
        if definition == "energy":
            return by_coordinates[:n], by_coordinates[n:] / volume
        deformed = volume * jnp.linalg.det(jnp.eye(3, dtype=dtype) + strain_matrix(z[n:]))
        cauchy = 0.5 * (by_strain + by_strain.T) / deformed
        return by_coordinates[:n], cauchy[_VOIGT]

    return jax.jacfwd(both)(jnp.zeros(n + 6, dtype))


def internal_response(
    system: System, internal: Float[Array, "coordinates coordinates_voigt"]
) -> Float[Array, "coordinates 6"]:
    """How the atoms follow a strain, beyond being carried along: dx/dε = −H⁻¹ Λ."""
    n = system.positions.size
    return -jnp.linalg.solve(stiffened(internal[:, :n], rigid_motions(system)), internal[:, n:])


def bulk_modulus(
    constants: Float[Array, "6 6"], average: Literal["voigt", "reuss", "hill"] = "hill"
) -> Float[Array, ""]:
    """Bulk modulus of a polycrystal in GPa, by Voigt (uniform strain), Reuss (uniform stress) or Hill (their mean)."""
    voigt = jnp.sum(constants[:3, :3]) / 9
    reuss = 1 / jnp.sum(jnp.linalg.inv(constants)[:3, :3])
    return _average(voigt, reuss, average)


def shear_modulus(
    constants: Float[Array, "6 6"], average: Literal["voigt", "reuss", "hill"] = "hill"
) -> Float[Array, ""]:
    """Shear modulus of a polycrystal in GPa (doi:10.1088/0370-1298/65/5/307)."""
    c, s = constants, jnp.linalg.inv(constants)
    off = lambda m: m[0, 1] + m[1, 2] + m[0, 2]  # noqa: E731
    voigt = (jnp.trace(c[:3, :3]) - off(c) + 3 * jnp.trace(c[3:, 3:])) / 15
    reuss = 15 / (4 * jnp.trace(s[:3, :3]) - 4 * off(s) + 3 * jnp.trace(s[3:, 3:]))
    return _average(voigt, reuss, average)


def _average(voigt: Array, reuss: Array, average: str) -> Array:
    choices = {"voigt": voigt, "reuss": reuss, "hill": 0.5 * (voigt + reuss)}
    if average not in choices:
        raise ValueError(f"average must be 'voigt', 'reuss' or 'hill', got {average!r}")
    return choices[average]


def is_born_stable(constants: Float[Array, "6 6"]) -> Bool[Array, ""]:
    """Whether every homogeneous strain costs energy: all eigenvalues of C positive (doi:10.1103/PhysRevB.90.224104)."""
    return jnp.all(jnp.linalg.eigvalsh(0.5 * (constants + constants.T)) > 0)


def check_components(names: tuple[str, ...]) -> None:
    """Refuses names that are no elastic constants."""
    for name in names:
        if len(name) != 3 or name[0] != "C" or not set(name[1:]) <= set("123456"):
            raise ValueError(f"elastic constants are called C11 … C66, got {name!r}")


class ElasticConstants(AbstractStatic):
    """Chosen elastic constants, named C11 … C66 after their Voigt indices."""

    components: tuple[str, ...] = constant(converter=tuple, default=("C11", "C12", "C44"))
    relaxed: bool = constant(default=True)
    unit: str = constant(default="GPa")

    def __check_init__(self) -> None:
        check_components(self.components)

    @property
    def labels(self) -> tuple[str, ...]:
        return self.components

    def record(self, potential: AbstractPotential, state: State) -> Float[Array, " components"]:
        matrix = elastic_constants(potential, state.system, relaxed=self.relaxed, neighbors=state.neighbors)
        return jnp.stack([matrix[int(name[1]) - 1, int(name[2]) - 1] for name in self.components])
