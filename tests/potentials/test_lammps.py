"""The three-body potentials against LAMMPS, through the files that both read and write."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from ase.data import chemical_symbols

import diffsim
from diffsim import Neighbors, System
from diffsim.potentials import EDIP, AbstractPotential, StillingerWeber, Tersoff
from tests.helpers import POTENTIALS, assert_agrees, assert_repeats, layered, rattled
from tests.oracles.lammps import LammpsResult, evaluate, potential_file

# `edip` itself looks its functions up in tables; edip/multi takes one species too
STYLES = {StillingerWeber: "sw", EDIP: "edip/multi", Tersoff: "tersoff"}
NAMES = ["stillinger_weber", "edip", "tersoff"]
MIXTURES = [f"{name}_mixture" for name in NAMES]
LATTICE = {"Si": 5.431, "Cd": 6.2, "C": 4.5}  # Å
PUBLISHED = {  # file → form and species
    "Si.sw": (StillingerWeber, ["Si"]),
    "Si.edip": (EDIP, ["Si"]),
    "Si.tersoff": (Tersoff, ["Si"]),
    "CdTe.sw": (StillingerWeber, ["Cd", "Te"]),
    "SiC.edip": (EDIP, ["Si", "C"]),
    "SiC.tersoff": (Tersoff, ["Si", "C"]),
}


def lammps(potential: AbstractPotential, path, system) -> LammpsResult:
    symbols = [chemical_symbols[z] for z in potential.species]
    commands = [f"pair_style {STYLES[type(potential)]}", f"pair_coeff * * {path} {' '.join(symbols)}"]
    return evaluate(system, commands, symbols=symbols)


def crystal(potential: AbstractPotential, amplitude: float, seed: int = 0) -> System:
    symbols = sorted(chemical_symbols[z] for z in potential.species)
    atoms = layered(symbols[0], symbols[-1], LATTICE[symbols[0]])
    return rattled(atoms, amplitude, seed=seed, strain=0.05)


def perturbed(potential: AbstractPotential) -> AbstractPotential:
    """Parameters with all the digits that a double has; tables stay symmetric."""
    return jax.tree.map(lambda x: x * (1 + 1e-3 * np.pi) if eqx.is_inexact_array(x) else x, potential)


def test_the_oracle_knows_left_handed_cells(tmp_path):
    potential, system = POTENTIALS["stillinger_weber"]()
    potential.to_lammps(tmp_path / "file")
    swapped = system.replace(cell=system.cell[jnp.array([1, 0, 2])])
    for left, right in zip(*(lammps(potential, tmp_path / "file", s) for s in (swapped, system)), strict=True):
        np.testing.assert_allclose(left, right, rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("amplitude", [0.1, 0.3])
@pytest.mark.parametrize("name", NAMES + MIXTURES)
def test_rattled_strained_cells_agree_with_lammps(name: str, amplitude: float, tmp_path):
    potential, _ = POTENTIALS[name]()
    system = crystal(potential, amplitude, seed=int(10 * amplitude))
    potential.to_lammps(tmp_path / "file")
    assert_agrees(potential, system, *lammps(potential, tmp_path / "file", system))


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_files_agree_with_lammps(name: str):
    form, species = PUBLISHED[name]
    potential = form.from_lammps(potential_file(name), species)
    system = crystal(potential, 0.1)
    assert_agrees(potential, system, *lammps(potential, potential_file(name), system))


@pytest.mark.parametrize("name", NAMES + MIXTURES)
def test_files_keep_every_digit(name: str, tmp_path):
    potential = perturbed(POTENTIALS[name]()[0])
    system = crystal(potential, 0.1)
    neighbors = Neighbors.allocate(system, potential.cutoff, capacity=64)  # the shape that `assert_agrees` compiled
    potential.to_lammps(tmp_path / "file")
    symbols = [chemical_symbols[z] for z in potential.species]
    assert eqx.tree_equal(type(potential).from_lammps(tmp_path / "file", symbols), potential)
    # the sums run in another order, so the energies are equal to rounding only
    expected = lammps(potential, tmp_path / "file", system).energy
    assert diffsim.energy(potential, system, neighbors) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("name", [*NAMES, *(pytest.param(name, marks=pytest.mark.slow) for name in MIXTURES)])
def test_small_cells_repeat(name: str):
    assert_repeats(*POTENTIALS[name]())
