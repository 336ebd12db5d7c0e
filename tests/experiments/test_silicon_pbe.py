"""The committed first-principles data of silicon agree with each other and with phonopy."""

import json
from importlib.resources import files

import jax.numpy as jnp
import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.io import read
from ase.neighborlist import neighbor_list

import diffsim
from diffsim import StillingerWeber, System, units
from diffsim.observables.faults import stacked
from diffsim.observables.pieces import Piece, area, axes
from experiments.silicon_pbe.faults import GLIDE, SHUFFLE, build_fault
from experiments.silicon_pbe.planes import measure_area
from experiments.silicon_pbe.rattled import rattle
from experiments.silicon_pbe.surfaces import SLABS, build_slab

phonopy = pytest.importorskip("phonopy")

DATA = files("diffsim") / "data" / "silicon_pbe"


@pytest.fixture(scope="module")
def reference() -> dict:
    return json.loads((DATA / "reference.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def crystal(reference):
    """Phonopy's object of the committed POSCAR and FORCE_CONSTANTS."""
    phonons = reference["phonons"]
    crystal = phonopy.load(
        unitcell_filename=DATA / "POSCAR",
        supercell_matrix=phonons["supercell_matrix"],
        primitive_matrix=np.eye(3),
        force_constants_filename=DATA / "FORCE_CONSTANTS",
        symmetrize_fc=False,
        is_nac=False,
    )
    crystal.masses = [phonons["mass_amu"]] * 2
    return crystal


def test_bulk_modulus_of_the_equation_of_state_is_that_of_the_elastic_constants(reference):
    constants = reference["elastic_constants"]
    from_stress = (constants["C11"] + 2 * constants["C12"]) / 3
    assert from_stress == pytest.approx(reference["bulk_modulus"]["value"], rel=0.02)


def test_stress_vanishes_where_the_energy_is_least(reference):
    fits = reference["pulay_check"]
    edges = [fits[name]["lattice_constant_A"] for name in ("energy_fit", "pressure_fit")]
    assert edges[0] == pytest.approx(edges[1], abs=1e-3)
    assert abs(reference["elastic_constants"]["residual_stress_GPa"]) < 0.02


def test_internal_relaxation_softens_the_shear(reference):
    constants = reference["elastic_constants"]
    assert 0 < constants["C44"] < constants["C44_clamped"]
    assert 0 < constants["kleinman_parameter"] < 1


@pytest.mark.parametrize("name", ["Γ", "X", "L"])
def test_frequencies_are_those_of_the_force_constants(reference, crystal, name):
    crystal.run_qpoints([reference["phonons"]["qpoints"][name]])
    frequencies = np.sort(crystal.qpoints.frequencies[0])
    expected = np.array(reference["phonons"]["frequencies"][name])
    moving = expected > 0.1  # the acoustic frequencies at Γ are square roots of rounding errors
    np.testing.assert_allclose(frequencies[moving], expected[moving], rtol=0, atol=1e-6)
    np.testing.assert_allclose(frequencies[~moving], 0, atol=1e-4)


def test_bands_are_those_of_the_force_constants(reference, crystal):
    for segment in reference["bands"]["segments"]:
        crystal.run_qpoints(segment["qpoints"])
        frequencies = np.sort(crystal.qpoints.frequencies, axis=1)
        np.testing.assert_allclose(frequencies, segment["frequencies"], rtol=0, atol=1e-5)


def test_acoustic_modes_vanish_and_optic_modes_are_degenerate_at_the_zone_centre(reference):
    frequencies = np.array(reference["phonons"]["frequencies"]["Γ"])
    np.testing.assert_allclose(frequencies[:3], 0, atol=1e-3)
    assert np.ptp(frequencies[3:]) < 1e-3


def test_the_setting_of_the_data_passed_the_convergence_table(reference):
    provenance = reference["provenance"]
    rows = [
        row
        for row in reference["convergence"]
        if row["pseudopotential"] == provenance["pseudopotential"]["file"]
        and row["ecutwfc_Ry"] == provenance["ecutwfc"]["value"]
        and row["kmesh"] == provenance["kmesh_primitive_cell"]
    ]
    assert rows
    assert all(row["passes"] for row in rows)


def test_zone_centre_gruneisen_parameter_has_three_equal_optic_modes(reference):
    modes = reference["gruneisen"]["modes"]["Γ"]
    assert modes[:3] == [None, None, None]
    assert np.ptp(modes[3:]) < 1e-2


def distances(cell, positions) -> np.ndarray:
    """All distances below 6 Å, sorted: equal for equal structures, however they are turned or numbered."""
    atoms = Atoms(f"Si{len(positions)}", cell=np.asarray(cell), positions=np.asarray(positions), pbc=True)
    return np.sort(neighbor_list("d", atoms, 6.0))


@pytest.fixture(scope="module")
def diamond(reference) -> System:
    return System.from_ase(bulk("Si", a=reference["lattice_constant"]["value"]))


def test_every_file_of_the_data_is_listed(reference):
    named = {reference[key]["file"] for key in ("rattled", "surfaces", "stacking_faults")}
    assert named | {"README.md", "reference.json"} <= {path.name for path in DATA.iterdir()}


def test_rattled_cells_are_those_of_their_seeds_with_the_labels_of_ase(reference):
    cells = read(DATA / "rattled.xyz", index=":")
    entry = reference["rattled"]
    crystal = reference["cohesive_energy"]["crystal_energy_eV_per_atom"]
    sw = StillingerWeber.silicon()
    rest = float(diffsim.energy(sw, System.from_ase(bulk("Si", a=5.4309)))) / 2
    splits = [cell.info["split"] for cell in cells]
    assert {split: splits.count(split) for split in ("train", "test")} == entry["counts"]
    assert len({cell.info["seed"] for cell in cells}) == len(cells)
    for cell in cells:
        built = rattle(reference["lattice_constant"]["value"], cell.info["seed"])
        np.testing.assert_allclose(cell.positions, built.positions, rtol=0, atol=1e-7)  # the digits of the file
        np.testing.assert_allclose(cell.cell.array, built.cell.array, rtol=0, atol=1e-12)
        np.testing.assert_allclose(cell.get_forces().sum(axis=0), 0, atol=1e-3)
        # Stillinger and Weber's silicon is too stiff, but it knows which way atoms are pushed
        system = System.from_ase(cell)
        above = (
            cell.get_potential_energy() / len(cell) - crystal,
            float(diffsim.energy(sw, system)) / len(cell) - rest,
        )
        assert 0.8 < above[1] / above[0] < 1.7
        assert np.corrcoef(np.ravel(diffsim.forces(sw, system)), np.ravel(cell.get_forces()))[0, 1] > 0.95
        assert np.abs(cell.get_stress()).max() < 0.2  # eV/Å³, not GPa


@pytest.mark.parametrize("name", ["111", "110", "100"])
def test_relaxation_lowers_the_energy_of_a_surface_as_its_slab_says(reference, name):
    entry = reference["surfaces"][name]
    assert entry["unrelaxed"]["unit"] == entry["relaxed"]["unit"] == "J/m²"
    assert 0.5 < entry["relaxed"]["value"] < entry["unrelaxed"]["value"] < 4
    slab = next(slab for slab in read(DATA / "surfaces.xyz", index=":") if slab.info["surface"] == f"({name})")
    excess = slab.get_potential_energy() - len(slab) * entry["bulk_energy_eV_per_atom"]
    assert excess / (2 * measure_area(slab)) / units.J_per_m2 == pytest.approx(entry["relaxed"]["value"], rel=1e-6)
    assert np.abs(slab.get_forces()).max() < 0.1  # eV/Å: where the next step promised less than 1 meV


@pytest.mark.parametrize("name", ["111", "110", "100"])
def test_slabs_are_those_of_the_observable(reference, diamond, name):
    entry = reference["surfaces"][name]
    slab = next(slab for slab in SLABS if slab.face.name == name)
    computed = build_slab(slab, reference["lattice_constant"]["value"])
    piece = Piece.planes(diamond, entry["miller"], entry["layers"], cut=entry["cut"], empty=8.0).of(diamond)
    ours = distances(piece.cell, piece.positions)
    np.testing.assert_allclose(ours, distances(computed.cell, computed.positions), rtol=0, atol=1e-9)
    assert area(piece) == pytest.approx(measure_area(computed), abs=1e-9)


def test_faults_are_in_the_order_of_their_energies(reference):
    faults = reference["stacking_faults"]
    energies = {name: faults[name]["value"] for name in ("glide_intrinsic", "shuffle_unstable", "glide_unstable")}
    assert {faults[name]["unit"] for name in energies} == {"J/m²"}
    assert 0 < energies["glide_intrinsic"] < 0.1 < 1 < energies["shuffle_unstable"] < energies["glide_unstable"] < 3
    for name in energies:
        assert all(abs(point["normal_stress_GPa"]) < 1.5 for point in faults[name]["points"])
    assert max(point["energy"] for point in faults["shuffle_unstable"]["points"]) == energies["shuffle_unstable"]
    assert max(point["energy"] for point in faults["glide_unstable"]["points"]) <= energies["glide_unstable"]


@pytest.mark.parametrize("cell", range(5))
def test_faulted_cells_are_those_of_the_observable_before_their_heights_relax(reference, diamond, cell):
    faults = reference["stacking_faults"]
    computed = read(DATA / "stacking_faults.xyz", index=cell)
    entry = faults["shuffle_unstable" if computed.info["cut"] == "shuffle" else "glide_unstable"]
    displacement = computed.info["part"] * entry["fraction"] * np.array(entry["direction"], float)
    shift = displacement @ axes(diamond) @ np.asarray(diamond.cell)
    piece = Piece.planes(diamond, entry["miller"], faults["layers"], cut=entry["cut"]).of(diamond)
    ours = stacked(piece, jnp.asarray(shift), jnp.zeros(1 + faults["atoms"]))
    path = SHUFFLE if computed.info["cut"] == "shuffle" else GLIDE
    built = build_fault(path, computed.info["part"], reference["lattice_constant"]["value"])
    np.testing.assert_allclose(
        distances(ours.cell, ours.positions), distances(built.cell, built.positions), rtol=0, atol=1e-9
    )
    np.testing.assert_allclose(computed.positions[:, :2], built.positions[:, :2], rtol=0, atol=1e-7)
    moved = computed.cell.array - built.cell.array
    # halfway between two partners an atom of the shuffle set comes closer to both; the glide set swells
    assert -0.5 < moved[2, 2] < 0 if computed.info["cut"] == "shuffle" else -0.05 < moved[2, 2] < 0.5
    moved[2, 2] = 0
    np.testing.assert_allclose(moved, 0, atol=1e-9)
