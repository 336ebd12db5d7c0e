"""Embedded-atom potentials: tables and setfl files against LAMMPS, Gupta's form against its paper."""

from pathlib import Path

import jax
import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk

import diffsim
from diffsim import Neighbors, System, units
from diffsim.graph import graph
from diffsim.potentials import EAM, Gupta
from tests.helpers import POTENTIALS, assert_agrees, assert_repeats, copper_gold, rattled
from tests.oracles.lammps import evaluate, potential_file


def binary(first: str, second: str, a: float, amplitude: float) -> System:
    """A rattled, strained fcc cell of both elements."""
    atoms = bulk(first, "fcc", a=a, cubic=True)
    atoms.set_chemical_symbols([first, second, second, first])
    return rattled(atoms, amplitude, strain=0.05)


def eam_commands(style: str, path: Path, symbols: list[str]) -> list[str]:
    return [f"pair_style {style}", f"pair_coeff * * {path} {' '.join(symbols)}"]


@pytest.mark.parametrize("amplitude", [0.1, 0.3])
@pytest.mark.parametrize(
    ("style", "name", "pair"),
    [("eam/alloy", "CuNi.eam.alloy", ["Cu", "Ni"]), ("eam/fs", "NiAlH_jea.eam.fs", ["Ni", "Al"])],
    ids=["alloy", "fs"],
)
def test_published_file_agrees_with_lammps(style: str, name: str, pair: list[str], amplitude: float):
    path = potential_file(name)
    system = binary(*pair, a=3.8, amplitude=amplitude)
    assert_agrees(EAM.from_setfl(path), system, *evaluate(system, eam_commands(style, path, pair), symbols=pair))


def test_published_file_comes_back_from_a_round_trip(tmp_path: Path):
    eam = EAM.from_setfl(potential_file("CuNi.eam.alloy"))
    eam.to_setfl(tmp_path / "again")
    again = EAM.from_setfl(tmp_path / "again")
    assert jax.tree.structure(again) == jax.tree.structure(eam)  # steps, cutoff, species, lines on the elements
    assert all(np.array_equal(a, b) for a, b in zip(jax.tree.leaves(again), jax.tree.leaves(eam), strict=True))


def test_two_species_survive_the_way_to_lammps(tmp_path: Path):
    """Ours in memory, LAMMPS from the file: 17 digits are written, so 1e-9 in the energy is rounding and more."""
    eam = copper_gold(cutoff=5.0, onset=4.0).tabulated(knots=500, max_density=60.0)
    eam.to_setfl(tmp_path / "CuAu.eam.fs")
    system = binary("Cu", "Au", a=3.9, amplitude=0.1)
    lammps = evaluate(system, eam_commands("eam/fs", tmp_path / "CuAu.eam.fs", ["Cu", "Au"]), symbols=["Cu", "Au"])
    assert diffsim.energy(eam, system) == pytest.approx(lammps.energy, rel=1e-9)
    assert_agrees(eam, system, *lammps)


def test_embedding_goes_on_straight_beyond_its_table(tmp_path: Path):
    """Copper has a density of 21 eV²: a table up to 10 eV² is left by every atom."""
    eam = Gupta.copper().tabulated(knots=500, max_density=10.0)
    eam.to_setfl(tmp_path / "Cu.eam.alloy")
    system = rattled(bulk("Cu", a=3.615, cubic=True), 0.1, strain=0.05)
    lammps = evaluate(system, eam_commands("eam/alloy", tmp_path / "Cu.eam.alloy", ["Cu"]), symbols=["Cu"])
    assert_agrees(eam, system, *lammps)


@pytest.mark.parametrize("amplitude", [0.1, 0.3])
def test_gupta_agrees_with_lammps(amplitude: float, tmp_path: Path):
    """LAMMPS has the form only as a table: of so many knots that its error is far below the bars.

    Except at the onset and the end of the switch, where S″ jumps and a table rounds the corner off: this structure
    has no distance there.
    """
    gupta, knots = Gupta.copper(), 10001
    gupta.tabulated(knots, max_density=60.0).to_setfl(tmp_path / "Cu.eam.alloy")
    system = rattled(bulk("Cu", a=3.615, cubic=True), amplitude, seed=5, strain=0.05)
    distances = graph(system, Neighbors.allocate(system, 7.0)).distances
    for corner in (gupta.onset, gupta.cutoff):
        assert np.abs(distances - corner).min() > 3 * gupta.cutoff / knots
    lammps = evaluate(system, eam_commands("eam/alloy", tmp_path / "Cu.eam.alloy", ["Cu"]), symbols=["Cu"])
    assert_agrees(gupta, system, *lammps)


@pytest.mark.parametrize("name", ["eam", "gupta"])
def test_small_cell_repeats(name: str):
    assert_repeats(*POTENTIALS[name]())


def test_gupta_gives_copper_its_published_properties():
    """a₀ 3.615 Å, −3.544 eV; C₁₁, C₁₂, C₄₄ 176, 125, 82 GPa (doi:10.1103/PhysRevB.48.22), all to the digits printed."""
    gupta = Gupta.copper()
    system = System.from_ase(bulk("Cu", a=3.615))
    assert diffsim.energy(gupta, system) == pytest.approx(-3.544, abs=1e-3)
    np.testing.assert_allclose(diffsim.stress(gupta, system) / units.GPa, 0.0, atol=0.05)  # 5e-4 Å in a₀ is 0.06 GPa
    neighbors = Neighbors.allocate(system, 6.5)
    stiffness = jax.jacfwd(lambda strain: diffsim.stress(gupta, system.strained(strain), neighbors))(np.zeros((3, 3)))
    c11, c12, c44 = (stiffness[index] / units.GPa for index in [(0, 0, 0, 0), (0, 0, 1, 1), (1, 2, 1, 2)])
    np.testing.assert_allclose([c11, c12, c44], [176, 125, 82], atol=0.6)


@pytest.mark.parametrize("name", ["eam", "gupta"])
def test_a_lone_atom_has_no_energy_and_finite_derivatives(name: str):
    potential, _ = POTENTIALS[name]()
    system = System.from_ase(Atoms("Cu", cell=[20, 20, 20], pbc=True))
    neighbors = Neighbors.allocate(system, 5.0)
    assert diffsim.energy(potential, system) == 0.0
    gradient = jax.grad(lambda p, s: diffsim.energy(p, s, neighbors), argnums=(0, 1), allow_int=True)
    leaves = jax.tree.leaves(gradient(potential, system))
    assert all(np.isfinite(leaf).all() for leaf in leaves if leaf.dtype != jax.dtypes.float0)


def _setfl(tmp_path: Path) -> list[str]:
    POTENTIALS["eam"]()[0].to_setfl(tmp_path / "good")
    return (tmp_path / "good").read_text().splitlines()


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (lambda lines: lines[:3], "is no setfl file"),
        (lambda lines: [*lines[:3], "3 Cu Au", *lines[4:]], "is no setfl file"),
        (lambda lines: [*lines[:4], "16 0 16 0.3 4.5", *lines[5:]], "is no setfl file"),
        (lambda lines: lines[:-1], "truncated: a table has 15 of 16 numbers"),
        (lambda lines: [*lines, "1.0"], "more in the file than its tables"),
        (lambda lines: ["UNITS: real", *lines[1:]], "is in real units"),
    ],
    ids=["head only", "elements", "no step", "truncated", "too long", "units"],
)
def test_bad_file_is_refused(spoil, sentence: str, tmp_path: Path):
    (tmp_path / "bad").write_text("\n".join(spoil(_setfl(tmp_path))) + "\n")
    with pytest.raises(ValueError, match=sentence):
        EAM.from_setfl(tmp_path / "bad")


def test_missing_file_is_refused(tmp_path: Path):
    with pytest.raises(ValueError, match="cannot read the potential file"):
        EAM.from_setfl(tmp_path / "nowhere")


def test_tables_that_do_not_fit_the_species_are_refused():
    with pytest.raises(ValueError, match="pair of 1 species must be"):
        EAM(
            embedding=np.zeros((1, 9)),
            density=np.zeros((1, 9)),
            pair=np.zeros((2, 9)),
            density_step=1.0,
            distance_step=0.5,
            table_cutoff=4.0,
            species=("Cu",),
        )
