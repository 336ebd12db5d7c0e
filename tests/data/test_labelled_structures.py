"""Labelled structures from files: what is read, under which keys, and what is refused."""

import gzip

import ase.io
import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.calculators.singlepoint import SinglePointCalculator
from ase.stress import full_3x3_to_voigt_6_stress

from diffsim.data.configurations import check, read_configurations, species_of

STRESS = np.array([[0.01, 0.002, 0.003], [0.002, 0.02, -0.004], [0.003, -0.004, -0.03]])


def labelled(seed: int = 0, **results) -> Atoms:
    rng = np.random.default_rng(seed)
    atoms = bulk("SiC", "zincblende", a=4.36)
    atoms.rattle(0.1, seed=seed)
    known = {"energy": -12.3 - seed, "forces": rng.standard_normal((2, 3))}
    atoms.calc = SinglePointCalculator(atoms, **(known | results))
    return atoms


def written(path, frames) -> str:
    ase.io.write(path, frames, format="extxyz")
    return str(path)


def test_labels_are_read_as_ase_wrote_them(tmp_path):
    frames = [labelled(0, stress=full_3x3_to_voigt_6_stress(STRESS)), labelled(1)]
    frames[0].info["config_type"] = "rattled"
    first, second = read_configurations(written(tmp_path / "train.xyz", frames))
    assert (first.energy, second.energy) == (-12.3, -13.3)
    np.testing.assert_allclose(first.forces, frames[0].get_forces(), rtol=0, atol=1e-8)  # the file's digits
    np.testing.assert_allclose(first.system.positions, frames[0].positions, rtol=0, atol=1e-8)
    np.testing.assert_allclose(first.stress, STRESS, rtol=0, atol=1e-8)
    assert np.isnan(second.stress).all()
    assert (first.group, second.group) == ("rattled", "all")
    assert species_of([first, second]) == ("C", "Si")


def test_a_compressed_file_is_read(tmp_path):
    written(tmp_path / "train.xyz", [labelled()])
    (tmp_path / "train.xyz.gz").write_bytes(gzip.compress((tmp_path / "train.xyz").read_bytes()))
    assert read_configurations(tmp_path / "train.xyz.gz")[0].energy == -12.3


def test_labels_stand_under_the_keys_that_one_names(tmp_path):
    atoms = labelled()
    atoms.info |= {"dft_energy": -1.0, "dft_stress": STRESS, "kind": "liquid"}
    atoms.arrays["dft_force"] = np.ones((2, 3))
    path = written(tmp_path / "train.xyz", [atoms])
    (one,) = read_configurations(path, "dft_energy", "dft_force", "dft_stress", "kind")
    assert one.energy == -1.0
    assert one.group == "liquid"
    np.testing.assert_array_equal(one.forces, 1.0)
    np.testing.assert_allclose(one.stress, STRESS, rtol=0, atol=1e-8)
    with pytest.raises(ValueError, match=r"structure 0 of .* has no forces under 'force': say forces=KEY, it has .*"):
        read_configurations(path, "dft_energy", "force")
    with pytest.raises(ValueError, match=r"structure 0 of .* has no stress under 'dft_stres': say stress=KEY, it has"):
        read_configurations(path, "dft_energy", "dft_force", "dft_stres")


def test_a_file_without_structures_is_refused(tmp_path):
    (tmp_path / "empty.xyz").write_text("")
    (tmp_path / "broken.xyz").write_text("2\nProperties=species:S:1:pos:R:3\nSi 0 0 0\n")
    for name, why in (("none", "there is no such file"), ("empty", "the file is empty"), ("broken", "truncated")):
        with pytest.raises(ValueError, match=rf"cannot read the data set .*{name}\.xyz: .*{why}"):
            read_configurations(tmp_path / f"{name}.xyz")
    with pytest.raises(ValueError, match="the training set holds no structures"):
        check([], "the training set")


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"energy": float("nan")}, "structure 1 of .* has an energy that is not finite"),
        ({"forces": np.array([[0, 0, np.inf], [0, 0, 0]])}, "structure 1 of .* has forces that are not finite"),
        ({"stress": np.array([np.nan, 0, 0, 0, 0, 0])}, "structure 1 of .* has a stress that is not finite"),
        (
            {"energy": -7894.0},
            "structure 1 of .* has -3947 eV/atom, more than 100: if that is another unit",
        ),
    ],
)
def test_labels_that_cannot_be_learned_from_are_refused(tmp_path, wrong, sentence):
    path = written(tmp_path / "train.xyz", [labelled(0), labelled(1, **wrong)])
    with pytest.raises(ValueError, match=sentence):
        read_configurations(path)


def test_energies_are_counted_from_the_zero_that_one_names(tmp_path):
    """Another code's zero is no reason to refuse its labels."""
    path = written(tmp_path / "train.xyz", [labelled(0, energy=-300.5)])
    assert read_configurations(path, zero={"Si": -106.0, "C": -184.5, "H": 1.0})[0].energy == pytest.approx(-10.0)
    with pytest.raises(ValueError, match="zero has no energy of C: it has Si"):
        read_configurations(path, zero={"Si": -106.0})


def test_a_structure_that_is_there_twice_is_refused(tmp_path):
    path = written(tmp_path / "train.xyz", [labelled(0), labelled(1), labelled(0)])
    with pytest.raises(ValueError, match=r"structures 0 and 2 of .*train\.xyz are the same: leave one out"):
        read_configurations(path)
