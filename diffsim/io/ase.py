"""Any potential as a calculator of ASE: `atoms.calc = Calculator(potential)`."""

from __future__ import annotations

import ase
import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from ase.calculators.calculator import BaseCalculator, all_changes
from ase.stress import full_3x3_to_voigt_6_stress
from jaxtyping import Array, Bool, Float

from diffsim.graph import graph
from diffsim.mechanics import neighbors_of
from diffsim.neighbors import Neighbors
from diffsim.neighbors.all_pairs import AllPairs
from diffsim.potentials.base import AbstractPotential, check_species
from diffsim.system import System


class Calculator(BaseCalculator):
    """Energy, forces and stress in ASE's units and conventions (stress Voigt-6 xx yy zz yz xz xy, tension positive).

    A neighbour list is kept until atoms, cell or periodicity have changed by more than `skin` Å covers; the next one
    has at least as many places, so that compiled code is used again. Stress is there where all three directions are
    periodic; otherwise ASE raises its `PropertyNotImplementedError`.

    Digits are those of jax's precision: `jax.config.update("jax_enable_x64", True)` for anything but dynamics.
    """

    implemented_properties = ["energy", "free_energy", "energies", "forces", "stress"]  # noqa: RUF012

    def __init__(self, potential: AbstractPotential, *, skin: float = 0.3) -> None:
        if not skin >= 0:
            raise ValueError(f"the skin of a neighbour list must not be negative, got {skin} Å")
        BaseCalculator.__init__(self)
        self._potential = potential
        self._skin = skin
        self._neighbors: Neighbors | None = None
        self._pbc: tuple[bool, bool, bool] | None = None  # of that list

    def calculate(self, atoms: ase.Atoms, properties: list[str], system_changes: list[str] = all_changes) -> None:
        """Fills `results`, all of them; ASE calls it."""
        system = System.from_ase(atoms)
        check_species(self._potential, system)
        evaluation, overflow = _evaluate(self._potential, system, self._neighbors_for(system))
        if overflow:
            evaluation, _ = _evaluate(self._potential, system, self._renewed(system))
        energy, energies, gradient, stress = (np.asarray(x, float) for x in evaluation)
        self.atoms = atoms.copy()
        self.results = {
            "energy": float(energy),
            "free_energy": float(energy),
            "energies": energies,
            "forces": -gradient,
        }
        if all(system.pbc):
            self.results["stress"] = full_3x3_to_voigt_6_stress(stress)

    def _neighbors_for(self, system: System) -> Neighbors:
        """The list of before, where it can be one of this system, or a new one."""
        old = self._neighbors
        if old is not None and old.positions.shape == system.positions.shape and self._pbc == system.pbc:
            return old
        self._neighbors, self._pbc = None, system.pbc
        return self._renewed(system)

    def _renewed(self, system: System) -> Neighbors:
        """A new list with as much room as the last, or with some to spare where that is too little."""
        new = neighbors_of(self._potential, system, None, self._skin)
        if self._neighbors is None:
            images = new.search.images
        else:
            a, b, c = map(max, new.search.images, self._neighbors.search.images)
            images = a, b, c
            width, needed = self._neighbors.index.shape[0], new.index.shape[0]
            new = new.widened(width if needed <= width else needed + needed // 8).with_room_like(self._neighbors)
        new = new.searched(AllPairs(images))  # static: another way to search must not cause a compilation
        self._neighbors = new
        return new


@eqx.filter_jit
def _evaluate(
    potential: AbstractPotential, system: System, neighbors: Neighbors
) -> tuple[tuple[Array, Array, Array, Array], Bool[Array, ""]]:
    """Energy, energies of atoms, ∂E/∂x and stress in one pass; and whether the list is too old for them."""

    def total(positions: Float[Array, "atoms 3"], strain: Float[Array, "3 3"]) -> tuple[Array, Array]:
        seen = graph(system.replace(positions=positions).strained(strain), neighbors)
        energies = jnp.where(seen.weights > 0, potential.atomic_energies(seen), 0.0)
        return jnp.sum(energies), energies[: len(positions)]

    zero = jnp.zeros((3, 3), system.positions.dtype)
    derivative = jax.value_and_grad(total, argnums=(0, 1), has_aux=True)
    (energy, energies), (gradient, virial) = derivative(system.positions, zero)
    stress = 0.5 * (virial + virial.T) / system.volume
    return (energy, energies, gradient, stress), neighbors.overflow(system, potential.cutoff)
