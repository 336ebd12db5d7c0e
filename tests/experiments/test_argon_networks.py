"""The experiment that teaches networks argon: its data, its questions, and all of it in quick form."""

import csv
import json

import numpy as np
import pytest
from ase.build import bulk

from diffsim import LennardJones, SchNet, System, forces, load_potential, save_potential
from experiments.argon.__main__ import main
from experiments.argon.crystal import asymmetry, commensurate, hop_barrier, hopping, vacancy_energy
from experiments.argon.data import EDGE, TRUTH, parts
from experiments.argon.engineering import BEFORE
from experiments.argon.size import QUICK

LJ = LennardJones.argon()
CRYSTAL = System.from_ase(bulk("Ar", a=EDGE, cubic=True) * (2, 2, 2))


def test_asymmetry_is_none_of_a_symmetric_matrix_and_one_of_an_antisymmetric_part_as_large():
    half = np.random.default_rng(0).standard_normal((6, 6))
    symmetric, anti = half + half.T, half - half.T
    assert asymmetry(symmetric.reshape(2, 3, 2, 3)) == 0
    scaled = anti * np.linalg.norm(symmetric) / np.linalg.norm(anti)
    assert asymmetry((symmetric + scaled).reshape(2, 3, 2, 3)) == pytest.approx(1)


def test_a_hop_is_of_a_nearest_neighbour_and_ends_in_the_vacancy():
    """Half-way, the symmetry keeps the forces on it across the way."""
    ends = [hopping(CRYSTAL, way) for way in (0.0, 0.5, 1.0)]
    (start, atom), (half, _), (end, _) = ends
    path = np.asarray(end.positions[atom] - start.positions[atom])
    assert np.linalg.norm(path) == pytest.approx(EDGE / np.sqrt(2))
    box = np.diag(np.asarray(CRYSTAL.cell))
    missing = np.asarray(end.positions[atom] - CRYSTAL.positions[0]) / box
    np.testing.assert_allclose(missing, np.rint(missing), rtol=0, atol=1e-12)
    np.testing.assert_allclose(start.positions, CRYSTAL.positions[1:], rtol=0, atol=1e-12)
    pushed = np.asarray(forces(LJ, half))[atom]
    assert abs(pushed @ path) < 1e-12
    assert abs(np.asarray(forces(LJ, hopping(CRYSTAL, 0.4)[0]))[atom] @ path) > 1e-3


@pytest.mark.slow
def test_phonons_the_vacancy_and_its_barrier_are_lennard_jones_own():
    """Of 108 atoms; reference: 0.0844 eV, and 0.0646 eV of 500 atoms."""
    found = commensurate(LJ)
    for way in ("symmetrised", "as it is"):
        np.testing.assert_allclose(found[f"X, {way}"], [1.409, 1.409, 2.067], rtol=0, atol=1e-3)
        np.testing.assert_allclose(found[f"L, {way}"], [0.938, 0.938, 2.068], rtol=0, atol=1e-3)
    perfect = System.from_ase(bulk("Ar", a=EDGE, cubic=True) * (3, 3, 3))
    assert vacancy_energy(LJ, perfect) == pytest.approx(0.0844, abs=1e-4)
    assert hop_barrier(LJ, perfect) == pytest.approx(0.0646, abs=1e-3)


def test_learning_in_quick_form(tmp_path):
    for stage in ("data", "train", "judge", "engineer"):
        main([stage, "--quick", "--output", str(tmp_path)])
    data = parts(QUICK, tmp_path / "frames.xyz")
    assert [len(part) for part in data] == [8, 2, 2]
    prints = {np.asarray(one.system.positions).tobytes() for part in data for one in part}
    assert len(prints) == 12
    assert {one.group for one in data.training} == {"crystal", "liquid"}
    assert np.isfinite(load_potential(tmp_path / "direct" / "potential.json").scale)
    with (tmp_path / "judged.csv").open() as file:
        lines = {line["what"]: line for line in csv.DictReader(file)}
    assert float(lines["asymmetry of the Hessian, rattled"]["direct"]) > 1e-4
    assert float(lines["asymmetry of the Hessian, rattled"]["conservative"]) < 1e-12
    assert lines["vacancy formation energy, relaxed"]["direct"] == "nan"
    with (tmp_path / "engineering.csv").open() as file:
        added = [line["added"] for line in csv.DictReader(file)]
    assert added == [TRUTH, BEFORE, *QUICK.courses]


def test_the_solid_of_what_has_learned_in_quick_form(tmp_path):
    """Of a network that has learned nothing yet, and of the truth."""
    (tmp_path / "conservative").mkdir()
    save_potential(tmp_path / "conservative" / "potential.json", SchNet.init(("Ar",), 0, **QUICK.network))
    main(["solid", "--quick", "--output", str(tmp_path)])
    results = json.loads((tmp_path / "solid" / "results.json").read_text(encoding="utf-8"))
    assert results["solids"] == {"conservative": "SchNet", TRUTH: "LennardJones"}
    assert results["parts"]["crystal"].keys() == {"conservative", TRUTH}
    assert (tmp_path / "solid" / "solid.html").exists()
