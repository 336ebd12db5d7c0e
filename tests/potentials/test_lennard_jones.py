"""The Lennard-Jones potential against LAMMPS, and argon against its reference."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk

import diffsim
from diffsim import System, units
from diffsim.potentials import LennardJones
from tests.helpers import POTENTIALS, assert_agrees, assert_repeats, rattled
from tests.oracles.lammps import evaluate

ARGON = {"epsilon": 0.01042, "sigma": 3.405, "cutoff": 7.5}
CHARGES = "fix charges all property/atom q ghost yes"  # zero; the style with XPLOR's switch asks for them
ENDINGS = {
    "cut": ({}, ["pair_style lj/cut 7.5"]),
    "shifted": ({"shift": True}, ["pair_style lj/cut 7.5", "pair_modify shift yes"]),
    "xplor": ({"onset": 6.0}, [CHARGES, "pair_style lj/charmm/coul/charmm 6.0 7.5"]),
}


@pytest.mark.parametrize("amplitude", [0.1, 0.3])
@pytest.mark.parametrize("ending", ENDINGS)
def test_argon_agrees_with_lammps(ending: str, amplitude: float):
    arguments, commands = ENDINGS[ending]
    system = rattled(bulk("Ar", a=5.26, crystalstructure="fcc", cubic=True), amplitude, strain=0.05)
    commands = [*commands, "pair_coeff * * 0.01042 3.405"]
    assert_agrees(LennardJones(**ARGON, **arguments), system, *evaluate(system, commands, symbols=["Ar"]))


def test_two_species_agree_with_lammps():
    potential, system = POTENTIALS["lennard_jones"]()
    commands = [CHARGES, "pair_style lj/charmm/coul/charmm 4.5 5.5"]
    commands += ["pair_coeff 1 1 0.0104 3.40", "pair_coeff 1 2 0.0120 3.52", "pair_coeff 2 2 0.0141 3.65"]
    assert_agrees(potential, system, *evaluate(system, commands, symbols=["Ar", "Kr"]))


def test_small_cell_repeats():
    assert_repeats(*POTENTIALS["lennard_jones"]())


def test_argon_is_at_rest_where_the_reference_says():
    """a₀ = 5.25532 Å and −0.085568 eV/atom, known to their last digit (5e-6 Å is 5e-4 GPa at 3 GPa of stiffness)."""
    system = System.from_ase(bulk("Ar", a=5.25532, crystalstructure="fcc"))
    assert diffsim.energy(LennardJones.argon(), system) == pytest.approx(-0.085568, abs=5e-7)
    np.testing.assert_allclose(diffsim.stress(LennardJones.argon(), system) / units.GPa, 0.0, atol=1e-3)


def test_only_a_cut_potential_does_not_feel_its_cutoff():
    """∂E/∂r_c is zero where it is cut; −φ′(r_c) for each of the pairs inside where it is shifted."""
    system = rattled(bulk("Ar", a=5.26, crystalstructure="fcc", cubic=True), 0.1)
    cut, shifted = LennardJones(**ARGON), LennardJones(**ARGON, shift=True)
    slope = jax.grad(lambda r: 4 * 0.01042 * ((3.405 / r) ** 12 - (3.405 / r) ** 6))(7.5)
    pairs = np.sum(diffsim.Neighbors.allocate(system, 7.5).mask) / 2

    def derivative(potential: LennardJones) -> float:
        neighbors = diffsim.Neighbors.allocate(system, 7.6)
        energy = lambda cutoff: diffsim.energy(  # noqa: E731
            dataclasses.replace(potential, cutoff=cutoff), system, neighbors
        )
        return jax.grad(energy)(potential.cutoff)

    assert derivative(cut) == 0.0
    assert derivative(shifted) == pytest.approx(float(-slope * pairs), rel=1e-12)  # rounding


@pytest.mark.parametrize("distance", [6.0, 7.5], ids=["onset", "cutoff"])
def test_a_pair_exactly_at_the_edge_has_finite_derivatives(distance: float):
    system = System.from_ase(Atoms("Ar", cell=[distance] * 3, pbc=True))
    potential = LennardJones(**ARGON, onset=6.0)
    gradient = jax.grad(lambda p: jnp.sum(diffsim.stress(p, system, diffsim.Neighbors.allocate(system, 7.6)) ** 2))
    assert all(np.isfinite(leaf) for leaf in jax.tree.leaves(gradient(potential)))


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"cutoff": 0.0}, "cutoff must be positive, got 0.0 Å"),
        ({"onset": 8.0}, "onset must lie between 0 and the cutoff of 7.5 Å, got 8.0 Å"),
        ({"onset": 6.0, "shift": True}, "give one of them"),
        ({"epsilon": [[0.01]], "species": ("Ar", "Kr")}, "epsilon of 2 species must be"),
    ],
)
def test_bad_input_is_refused(change: dict, sentence: str):
    with pytest.raises(ValueError, match=sentence):
        LennardJones(**(ARGON | change))
