"""The data set of silicon's configurations is what its code makes, and its labels agree with each other."""

import json
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
from ase.units import GPa

import diffsim
from diffsim import StillingerWeber, System
from experiments.silicon_configurations import dataset
from experiments.silicon_configurations.labels import FILE, FREE_ATOM, LENGTH, LENGTHS, SETTING, mesh, points
from experiments.silicon_configurations.melts import stillinger_weber
from experiments.silicon_configurations.plan import CLOSEST, KINDS, Planned, closest, plan
from experiments.silicon_melt_pbe.labels import load, save

DATA = files("diffsim") / "data" / "silicon_configurations"


@pytest.fixture(scope="module")
def reference() -> dict:
    return json.loads((DATA / "reference.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def structures() -> list:
    return load(Path(str(DATA)) / FILE)


def planned(one) -> Planned:
    return Planned(one.info["config_type"], one.info["seed"])


def test_the_file_holds_what_it_says_in_the_order_of_the_plan(structures, reference):
    assert len(structures) == reference["labelled"] <= reference["planned"] == len(plan())
    have = [planned(one) for one in structures]
    assert have == [one for one in plan() if one in set(have)]
    for kind, said in reference["kinds"].items():
        assert sum(one.kind == kind for one in have) == said["labelled"]
        assert said["planned"] == KINDS[kind].count
        assert f"| `{kind}` | {said['planned']} |" in (DATA / "README.md").read_text(encoding="utf-8")


def test_any_beginning_of_the_plan_has_its_share_of_each_kind():
    order, total = plan(), sum(kind.count for kind in KINDS.values())
    assert len(set(order)) == total >= 300
    for length in (50, 150, 250):
        for name, kind in KINDS.items():
            have = sum(one.kind == name for one in order[:length])
            assert have == pytest.approx(kind.count * length / total, abs=1.5)


def test_structures_are_those_that_their_seeds_make(structures):
    """The first of each kind, and of each number of atoms; that of a liquid is a walk of thousands of moves."""
    first = {}
    for one in structures:
        first.setdefault((one.info["config_type"], len(one)), one)
    assert {kind for kind, _ in first} == set(KINDS)
    for one in first.values():
        made = planned(one).build()
        assert made.info == one.info
        np.testing.assert_array_equal(made.numbers, one.numbers)
        np.testing.assert_allclose(made.positions, one.positions, rtol=0, atol=1e-8)  # digits of the file
        np.testing.assert_allclose(made.cell.array, one.cell.array, rtol=0, atol=1e-8)


def test_cells_are_of_seven_to_sixteen_atoms_none_too_close(structures):
    for one in structures:
        assert 7 <= len(one) <= 16
        assert set(one.numbers) == {14}
        assert one.pbc.all()
        assert closest(one) > CLOSEST
        assert 10 < one.get_volume() / len(one) < 30  # Å³; diamond's is 20.5


def test_labels_are_finite_balanced_and_in_their_units(structures):
    for one in structures:
        energy, forces, stress = one.get_potential_energy(), one.get_forces(), one.get_stress(voigt=False)
        assert -4.6 < energy / len(one) < -2.5  # eV: the crystal is bound by 4.53
        np.testing.assert_allclose(forces.sum(axis=0), 0, atol=1e-4)  # pw.x takes the mean off
        assert 1e-3 < np.abs(forces).max() < 30
        np.testing.assert_array_equal(stress, stress.T)
        assert np.abs(stress).max() / GPa < 60


def test_no_atom_and_no_structure_is_another_ones_copy(structures):
    """No two are nearly the same, so none in a test set has a twin in training: by sorted distances within a cell."""
    groups: dict[tuple, list] = {}
    for one in structures:
        groups.setdefault((one.info["config_type"], len(one)), []).append(fingerprint(one))
    for group in groups.values():
        table = np.array(group)
        apart = np.sqrt(np.mean((table[:, None] - table) ** 2, axis=2)) + np.eye(len(table))
        assert apart.min() > 0.005  # Å


def fingerprint(atoms) -> np.ndarray:
    return np.sort(atoms.get_all_distances(mic=True)[np.triu_indices(len(atoms), 1)])


def test_the_data_set_is_read_by_its_name_and_split_by_kind(structures):
    parts = diffsim.Training(StillingerWeber.silicon(), f"silicon_configurations/{FILE}").parts(0)
    assert {one.group for part in parts for one in part} == set(KINDS)
    energies = {one.energy for part in parts for one in part}
    assert len(energies) == sum(map(len, parts)) == len(structures)  # so none is in two parts


def test_labelling_goes_on_from_the_file(structures, tmp_path, monkeypatch):
    """Only what is missing is solved; what is there stays as it is, to the byte."""
    order = [one for one in plan() if one.kind in ("strained", "rattled")][:4]
    monkeypatch.setattr(dataset, "plan", lambda: order)
    solved = []

    class Cache:
        def solve(self, atoms, setting):
            assert len(setting.kmesh) in (64, 125)  # of strained and of rattled cubes
            solved.append(planned(atoms))
            return {"energy": FREE_ATOM, "forces": np.zeros((len(atoms), 3)), "stress": np.zeros(6), "cpu_seconds": 0}

        def find_version(self):
            return "0"

        def hash_pseudo(self, name):
            return name

    have = [one for one in structures if planned(one) in (order[0], order[3])]
    save(tmp_path / FILE, have)
    dataset.extend(Cache(), tmp_path)
    found = load(tmp_path / FILE)
    assert solved == order[1:3]
    assert json.loads((tmp_path / "reference.json").read_text())["labelled"] == 4
    assert [planned(one) for one in found] == order
    for one, before in zip((found[0], found[3]), have, strict=True):
        assert one.get_potential_energy() == before.get_potential_energy()
        np.testing.assert_array_equal(one.get_forces(), before.get_forces())


@pytest.mark.parametrize("counts", [(5, 5, 5), (4, 4, 4), (6, 5, 3)])
def test_a_mesh_has_none_of_the_nearest_terms_of_a_periodic_function(counts):
    """And the others as they are: the mean of cos(2π k·R) is cos(2π s·R/n) where n divides R, else nothing."""
    mesh_points = np.array(points(counts))
    weights = mesh_points[:, 3] / mesh_points[:, 3].sum()
    assert mesh_points[:, 3].sum() == np.prod(counts)

    def mean(vector):
        return float(weights @ np.cos(2 * np.pi * mesh_points[:, :3] @ vector))

    for direction in np.eye(3):
        assert mean(direction) == pytest.approx(0, abs=1e-8)
        assert mean(direction * counts) == pytest.approx(0, abs=1e-8)  # one of a mesh around Γ has it whole
        assert mean(2 * direction * counts) == pytest.approx(-1, abs=1e-8)


def test_meshes_are_as_fine_as_said(structures):
    for one in structures:
        least = LENGTHS.get(one.info["config_type"], LENGTH)
        heights = 1 / np.linalg.norm(np.linalg.inv(one.cell.array), axis=0)
        assert (np.array(mesh(one.cell.array, least)) * heights >= least - 1e-9).all()


def test_liquids_are_sampled_with_stillinger_and_webers_energy():
    rng = np.random.default_rng(0)
    for kind in ("strained", "vacancy", "liquid"):
        atoms = next(one for one in plan() if one.kind == kind).build()
        atoms.positions += 3 * atoms.cell.array[0]  # images are found wherever an atom has walked
        atoms.positions[0] -= 2 * atoms.cell.array[2] + rng.normal(scale=0.1, size=3)
        energy = float(diffsim.energy(StillingerWeber.silicon(), System.from_ase(atoms)))
        assert stillinger_weber(atoms.positions, atoms.cell.array) == pytest.approx(energy, abs=1e-6)


def test_forces_and_stresses_are_derivatives_of_the_energy(reference):
    for row in reference["differences"]:
        if "force_eV_per_A" in row:  # third derivatives over 0.01 Å
            assert row["by_difference"] == pytest.approx(row["force_eV_per_A"], abs=5e-3)
        else:  # a cell under strain has other plane waves: 0.05 GPa at 24 Ry
            assert row["by_difference"] == pytest.approx(row["stress_GPa"], abs=0.1)


def test_a_quarter_beside_the_centre_is_where_a_mesh_belongs(reference):
    """Of a liquid: as many points around Γ, or half a spacing beside it, are off by many times the bar."""
    off = {(row["mesh"][0], row["offset"]): abs(row["energy_meV_per_atom"]) for row in reference["offsets"]}
    assert off[5, 0.25] < 0.2
    assert min(off[4, 0.0], off[4, 0.5], off[6, 0.0]) > 2


def test_warm_electrons_change_the_perfect_crystal_by_less_than_the_noise_allowed(reference):
    shift = {row["structure"]: row["energy_meV_per_atom"] for row in reference["electrons"]}
    assert -0.5 < shift["diamond"] < 0  # −TS; the gap closes where atoms are rattled
    assert shift["rattled"] < shift["diamond"]


def test_labels_are_converged_to_half_a_millielectronvolt(reference):
    """Per atom in energies, and 5 meV/Å in forces (root mean square), for every kind, by what it is varied."""
    for name in ("k_points", "threshold", "cutoff"):
        assert {row["kind"] for row in reference[name]} == set(KINDS)
        for row in reference[name]:
            assert abs(row["energy_meV_per_atom"]) < 0.5
            assert row["rms_force_meV_per_A"] < 5
            assert row["largest_stress_GPa"] < 0.35
    assert SETTING.ecutrho == 4 * SETTING.ecutwfc
