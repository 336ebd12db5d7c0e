"""Relaxed structures, and their derivatives against refits."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from ase.build import bulk

import diffsim
from diffsim import Neighbors, StillingerWeber, System, units
from diffsim.parametrization import Parametrization
from diffsim.relax import relax
from tests.helpers import POTENTIALS, differences, rattled

SW = StillingerWeber.silicon()


@pytest.mark.parametrize(
    ("name", "structure", "edge"),
    [("stillinger_weber", bulk("Si", a=5.6), 5.43094978), ("edip", bulk("Si", a=5.3), 5.43049777)],
)
def test_lattice_constants_of_the_literature(name, structure, edge):
    relaxed = relax(POTENTIALS[name]()[0], System.from_ase(structure), cell=True)
    assert float(jnp.cbrt(4 * relaxed.volume)) == pytest.approx(edge, abs=6e-9)  # all the digits of LAMMPS' number


def test_a_relaxed_cell_bears_the_pressure_and_no_forces():
    start = rattled(bulk("Si", a=5.5), 0.1, strain=0.03)
    relaxed = relax(SW, start, cell=True, pressure=3 * units.GPa)
    np.testing.assert_allclose(diffsim.stress(SW, relaxed) / units.GPa, -3 * np.eye(3), atol=1e-8)
    np.testing.assert_allclose(diffsim.forces(SW, relaxed), 0, atol=1e-9)


def test_atoms_relax_inside_a_fixed_cell():
    start = rattled(bulk("Si", a=5.431, cubic=True), 0.2, strain=0.03)
    relaxed = relax(SW, start)
    np.testing.assert_array_equal(relaxed.cell, start.cell)
    np.testing.assert_allclose(diffsim.forces(SW, relaxed), 0, atol=1e-9)
    np.testing.assert_allclose(jnp.mean(relaxed.positions, 0), jnp.mean(start.positions, 0), atol=1e-10)
    assert diffsim.energy(SW, relaxed) < diffsim.energy(SW, start) - 1.0


def test_a_molecule_relaxes_and_its_bond_length_has_a_derivative():
    morse = diffsim.Morse(D=1.0, alpha=1.5, r0=2.0, cutoff=8.0, species=("Ar",))
    positions = np.array([[0.0, 0, 0], [2.3, 0.2, 0], [0.9, 1.9, 0.1]])
    start = System(positions, np.zeros((3, 3)), [18] * 3, [40.0] * 3, pbc=(False,) * 3)

    def bond(potential):
        x = relax(potential, start).positions
        return jnp.linalg.norm(x[1] - x[0])

    assert float(bond(morse)) == pytest.approx(2.0, abs=1e-9)
    assert float(eqx.filter_grad(bond)(morse).r0) == pytest.approx(1.0, abs=1e-8)


def test_implicit_derivatives_agree_with_refits():
    """Positions and cell of a strained crystal under pressure, in all ten parameters, both modes."""
    start = rattled(bulk("Si", a=5.5), 0.1, strain=0.03)
    neighbors = Neighbors.allocate(start, 4.6)
    parametrization = Parametrization.of(SW)
    free = parametrization.free(SW)
    squeezed = jnp.array([[0.98, 0.0, 0.03], [0.0, 1.01, 0.0], [0.0, 0.0, 1.0]])

    @jax.jit
    def structure(x):
        potential = parametrization.rebuild(SW, x)
        whole = relax(potential, start, cell=True, pressure=2 * units.GPa, neighbors=neighbors)
        inside = relax(
            potential,
            start.replace(cell=start.cell @ squeezed, positions=start.positions @ squeezed),
            neighbors=neighbors,
        )
        bonds = jnp.concatenate([inside.positions[1] - inside.positions[0], whole.positions[1] - whole.positions[0]])
        return jnp.concatenate([whole.cell.reshape(-1), bonds])

    forward = jax.jit(jax.jacfwd(structure))(free)
    reverse = jax.jit(jax.jacrev(structure))(free)
    assert np.abs(forward).max() > 1
    np.testing.assert_allclose(reverse, forward, atol=1e-9)  # both through one solve, conditioned like the Hessian
    np.testing.assert_allclose(forward, differences(structure, free), atol=1e-6)


def test_no_minimum_is_said():
    torn = System.from_ase(bulk("Si", a=12.0))
    with pytest.raises(ValueError, match=r"no minimum|keeps moving"):
        relax(SW, torn, cell=True, pressure=-20 * units.GPa)


def test_lists_are_asked_for_inside_jit():
    with pytest.raises(ValueError, match="make them before"):
        jax.jit(lambda system: relax(SW, system))(System.from_ase(bulk("Si", a=5.4)))
