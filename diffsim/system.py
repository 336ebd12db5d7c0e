"""The atoms: positions, cell, periodicity, atomic numbers and masses."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from diffsim.fields import as_array, concrete

if TYPE_CHECKING:
    import ase


def _three_booleans(pbc: Any) -> tuple[bool, bool, bool]:
    x, y, z = (bool(p) for p in np.broadcast_to(np.asarray(pbc, dtype=bool), 3))
    return x, y, z


class System(eqx.Module):
    """A structure. The cell is a leaf, so stress is a derivative.

    Rows of `cell` are the lattice vectors a, b, c, of any handedness; the volume is |det cell|. Directions that are
    not periodic may have a zero row. Atomic number 0 marks the padding of a batch: no neighbours, no energy.

    **Raises** `ValueError` where positions, cell or masses are not finite, a shape is off, or a periodic cell is
    singular.
    """

    positions: Float[Array, "atoms 3"] = eqx.field(converter=as_array)  # Å
    cell: Float[Array, "3 3"] = eqx.field(converter=as_array)  # Å
    numbers: Int[Array, " atoms"] = eqx.field(converter=lambda n: jnp.array(n, jnp.int32))
    masses: Float[Array, " atoms"] = eqx.field(converter=as_array)  # amu
    pbc: tuple[bool, bool, bool] = eqx.field(static=True, converter=_three_booleans, default=(True, True, True))

    def __check_init__(self) -> None:
        shapes = {"positions": (len(self.numbers), 3), "cell": (3, 3), "masses": (len(self.numbers),)}
        for name, shape in shapes.items():
            array = getattr(self, name)
            if array.shape != shape:
                raise ValueError(f"{name} of {len(self.numbers)} atoms must have shape {shape}, got {array.shape}")
            check_finite(name, concrete(array))
        cell = concrete(self.cell)
        if cell is not None:
            periodic = cell[list(self.pbc)]
            size = np.prod(np.linalg.norm(periodic, axis=1))
            if len(periodic) and np.sqrt(abs(np.linalg.det(periodic @ periodic.T))) <= 1e-9 * size:
                raise ValueError(
                    f"the cell {cell.tolist()} is singular along its periodic directions {self.pbc}: "
                    "its lattice vectors must be linearly independent"
                )

    @property
    def volume(self) -> Float[Array, ""]:
        """|det cell| in Å³."""
        return jnp.abs(jnp.linalg.det(self.cell))

    def strained(self, strain: Float[Array, "3 3"]) -> System:
        """Positions and cell deformed by F = 1 + strain, x → F x."""
        deformation = jnp.eye(3, dtype=self.positions.dtype) + strain
        return self.replace(positions=self.positions @ deformation.T, cell=self.cell @ deformation.T)

    def replace(self, **fields: Any) -> System:
        """A copy with some fields replaced, inside or outside of `jit`."""
        names = tuple(fields)
        return eqx.tree_at(lambda s: tuple(getattr(s, n) for n in names), self, tuple(fields.values()))

    def supercell(self, repeats: tuple[int, int, int]) -> System:
        """The cell repeated along a, b, c in phonopy's order: atom by atom, its images running fastest along a.

        **Raises** `ValueError` for more than one cell along a direction that is not periodic.
        """
        if any(n > 1 and not periodic for n, periodic in zip(repeats, self.pbc, strict=True)):
            raise ValueError(
                f"a cell cannot be repeated {tuple(repeats)} times where pbc = {self.pbc} says it is not periodic"
            )
        images = lattice_points(repeats)
        offsets = jnp.asarray(images, self.cell.dtype) @ self.cell
        return System(
            positions=(self.positions[:, None, :] + offsets[None]).reshape(-1, 3),
            cell=self.cell * jnp.asarray(repeats, self.cell.dtype)[:, None],
            numbers=jnp.repeat(self.numbers, len(images)),
            masses=jnp.repeat(self.masses, len(images)),
            pbc=self.pbc,
        )

    @staticmethod
    def from_ase(atoms: ase.Atoms, repeats: Sequence[int] = (1, 1, 1)) -> System:
        """Positions, cell, periodicity, numbers and masses of ASE's `Atoms`; masses as ASE has them (Si 28.085 amu).

        `repeats` makes a `supercell` of it.

        **Raises** `ValueError` for dummy atoms `X`: their number 0 marks padding here.
        """
        if (dummies := np.flatnonzero(atoms.get_atomic_numbers() == 0)).size:
            raise ValueError(f"atom {dummies[0]} is a dummy of atomic number 0: remove it or give it an element")
        system = System(
            positions=atoms.get_positions(),
            cell=np.asarray(atoms.cell),
            numbers=atoms.get_atomic_numbers(),
            masses=atoms.get_masses(),
            pbc=tuple(bool(p) for p in atoms.pbc),
        )
        along_a, along_b, along_c = repeats
        return system if set(repeats) == {1} else system.supercell((along_a, along_b, along_c))

    def to_ase(self, template: ase.Atoms | None = None) -> ase.Atoms:
        """As ASE's `Atoms`, padding atoms left out.

        What a system does not hold (tags, momenta, constraints, info …) is that of `template`, where one is given: the
        `Atoms` it came from, with the same number of atoms.
        """
        import ase

        real = np.asarray(self.numbers) > 0
        atoms = ase.Atoms(numbers=np.asarray(self.numbers)[real]) if template is None else template.copy()
        if len(atoms) != real.sum():
            raise ValueError(f"the template has {len(atoms)} atoms, the system {real.sum()}: they must be the same")
        atoms.numbers[:] = np.asarray(self.numbers)[real]
        atoms.positions[:] = np.asarray(self.positions)[real]  # as they are, whatever constraints say
        atoms.set_cell(np.asarray(self.cell))
        atoms.set_pbc(self.pbc)
        atoms.set_array("masses", np.asarray(self.masses)[real], float, ())
        return atoms


def lattice_points(repeats: tuple[int, int, int]) -> np.ndarray:
    """The cells `[cells 3]` of a repeated cell in phonopy's order, running fastest along a."""
    n_a, n_b, n_c = repeats
    return np.array([[i, j, k] for k in range(n_c) for j in range(n_b) for i in range(n_a)])


def check_finite(name: str, values: np.ndarray | None) -> None:
    """Refuses NaN and infinity, where the numbers are known."""
    if values is not None and not np.isfinite(values).all():
        where = np.argwhere(~np.isfinite(values))[0].tolist()
        raise ValueError(f"{name} must be finite, got {values[tuple(where)]} at index {where}")


def stack(trees: list[Any]) -> Any:
    """Equal-shaped pytrees stacked along a new first axis, for `vmap`."""
    return jax.tree.map(lambda *leaves: jnp.stack(leaves), *trees)
