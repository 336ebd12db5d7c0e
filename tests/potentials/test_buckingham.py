"""The Buckingham potential and its Coulomb sum against LAMMPS, and against Madelung's constant."""

import dataclasses
import math

import numpy as np
import pytest
from ase.build import bulk
from ase.spacegroup import crystal

import diffsim
from diffsim import System, units
from diffsim.potentials import Buckingham
from tests.helpers import POTENTIALS, assert_agrees, assert_repeats, rattled
from tests.oracles.lammps import evaluate

# LAMMPS rounds e²/4πε₀ to 14.399645 eV Å in metal units: our charges take the difference (2e-8)
LAMMPS_CHARGES = [charge * math.sqrt(14.399645 / units.coulomb) for charge in (2.4, -1.2)]
CHARGES = ["fix charges all property/atom q ghost yes", "set type 1 charge 2.4", "set type 2 charge -1.2"]
RHO_SI_O, RHO_O_O = f"{1 / 4.87318:.17g}", f"{1 / 2.76:.17g}"


def alpha_quartz(amplitude: float) -> System:
    """Nine atoms of α-quartz, rattled and strained."""
    basis = [(0.4697, 0, 2 / 3), (0.4135, 0.2669, 0.1191 + 2 / 3)]
    atoms = crystal(["Si", "O"], basis, spacegroup=154, cellpar=[4.916, 4.916, 5.4054, 90, 90, 120])
    return rattled(atoms, amplitude, strain=0.05)


def bks(shift: bool = False) -> Buckingham:
    """The BKS potential with LAMMPS' unit of charge."""
    potential = Buckingham.bks(short_cutoff=5.5, coulomb_cutoff=7.0)
    return dataclasses.replace(potential, charges=LAMMPS_CHARGES, shift=shift)


@pytest.mark.parametrize("amplitude", [0.1, 0.3])
@pytest.mark.parametrize("shift", [False, True], ids=["cut", "shifted"])
def test_bks_quartz_agrees_with_lammps(shift: bool, amplitude: float):
    """With `born/coul/dsf`, which takes erfc to full precision."""
    system = alpha_quartz(amplitude)
    commands = [*CHARGES, "pair_style born/coul/dsf 0.2 5.5 7.0", f"pair_modify shift {'yes' if shift else 'no'}"]
    commands += ["pair_coeff 1 1 0 1 0 0 0", f"pair_coeff 1 2 18003.7572 {RHO_SI_O} 0 133.5381 0"]
    commands += [f"pair_coeff 2 2 1388.7730 {RHO_O_O} 0 175.0 0"]
    assert_agrees(bks(shift), system, *evaluate(system, commands, symbols=["Si", "O"]))


def test_bks_quartz_agrees_with_buck_and_coul_dsf():
    """`coul/dsf` takes erfc from a polynomial good to 1.5e-7 (Abramowitz and Stegun 7.1.26), so no closer than that."""
    system = alpha_quartz(0.1)
    commands = [*CHARGES, "pair_style hybrid/overlay buck 5.5 coul/dsf 0.2 7.0", "pair_coeff * * coul/dsf"]
    commands += ["pair_coeff 1 1 buck 0 1 0", f"pair_coeff 1 2 buck 18003.7572 {RHO_SI_O} 133.5381"]
    commands += [f"pair_coeff 2 2 buck 1388.7730 {RHO_O_O} 175.0"]
    lammps = evaluate(system, commands, symbols=["Si", "O"])
    np.testing.assert_allclose(diffsim.energy(bks(), system), lammps.energy, rtol=1e-6)
    np.testing.assert_allclose(diffsim.forces(bks(), system), lammps.forces, rtol=0, atol=1e-5)


def test_small_cell_repeats():
    assert_repeats(*POTENTIALS["buckingham"]())


def test_rock_salt_has_the_energy_of_madelung():
    """−1.747564594633 e²/4πε₀r an ion pair; at α = 0.2/Å and r_c = 16 Å the sum has converged to 3.5e-7."""
    charges = Buckingham(
        A=0, rho=1, C=0, charges=[1, -1], alpha=0.2, short_cutoff=1, coulomb_cutoff=16, species=("Na", "Cl")
    )
    system = System.from_ase(bulk("NaCl", "rocksalt", a=5.64))
    assert diffsim.energy(charges, system) == pytest.approx(-1.747564594633 * units.coulomb / 2.82, rel=1e-6)


def test_charges_for_each_species_are_asked_for():
    with pytest.raises(ValueError, match="charges must be one for each of 2 species"):
        dataclasses.replace(Buckingham.bks(), charges=[2.4])
