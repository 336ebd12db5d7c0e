"""The Morse potential against LAMMPS."""

import pytest
from ase.build import bulk

from diffsim.potentials import Morse
from tests.helpers import POTENTIALS, assert_agrees, assert_repeats, rattled
from tests.oracles.lammps import evaluate


@pytest.mark.parametrize("amplitude", [0.1, 0.3])
@pytest.mark.parametrize("shift", [False, True], ids=["cut", "shifted"])
def test_copper_agrees_with_lammps(shift: bool, amplitude: float):
    potential = Morse(D=0.3429, alpha=1.3588, r0=2.866, cutoff=6.0, shift=shift)
    system = rattled(bulk("Cu", a=3.615, cubic=True), amplitude, strain=0.05)
    commands = ["pair_style morse 6.0", "pair_coeff * * 0.3429 1.3588 2.866"]
    commands += [f"pair_modify shift {'yes' if shift else 'no'}"]
    assert_agrees(potential, system, *evaluate(system, commands, symbols=["Cu"]))


def test_two_species_agree_with_lammps():
    tables = {"D": [[0.34, 0.42], [0.42, 0.5]], "alpha": [[1.3, 1.4], [1.4, 1.5]], "r0": [[2.8, 2.9], [2.9, 3.0]]}
    system = rattled(bulk("CuAu", "cesiumchloride", a=3.15), 0.1, strain=0.05)
    commands = ["pair_style morse 5.0", "pair_coeff 1 1 0.34 1.3 2.8"]
    commands += ["pair_coeff 1 2 0.42 1.4 2.9", "pair_coeff 2 2 0.5 1.5 3.0"]
    potential = Morse(**tables, cutoff=5.0, species=("Cu", "Au"))
    assert_agrees(potential, system, *evaluate(system, commands, symbols=["Cu", "Au"]))


def test_small_cell_repeats():
    assert_repeats(*POTENTIALS["morse"]())
