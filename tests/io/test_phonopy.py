"""phonopy: our force constants in its objects and files, and its frequencies from them."""

import sys

import numpy as np
import pytest
from ase.build import bulk
from helpers import rattled

import diffsim
from diffsim import StillingerWeber, System
from diffsim.io.phonopy import read_force_constants, to_phonopy, write_phonopy

phonopy = pytest.importorskip("phonopy")

SUPERCELL = (2, 2, 2)
# THz, an independent automatic-differentiation code at a = 5.43094978 Å with 28.085 amu
SILICON = {
    (0, 0, 0): [0] * 3 + [17.83255] * 3,
    (0.5, 0, 0.5): [6.65189] * 2 + [12.99356] * 2 + [15.62862] * 2,
    (0.5, 0.5, 0.5): [4.70359] * 2 + [11.76846, 13.39787] + [16.76683] * 2,
}


@pytest.fixture(scope="module")
def silicon():
    system = System.from_ase(bulk("Si", a=5.43094978))
    return system, np.asarray(diffsim.force_constants(StillingerWeber.silicon(), system, SUPERCELL))


def frequencies(phonon, q) -> np.ndarray:
    return phonon.run_qpoints([q]).frequencies[0]


def test_phonopy_finds_the_frequencies_of_silicon(silicon):
    """X and L are commensurate with the supercell, so nothing is interpolated; 1e-5 THz are the digits of the table,
    and at Γ the acoustic modes are the square roots of rounding."""
    system, constants = silicon
    phonon = to_phonopy(system, SUPERCELL, constants)
    for q, expected in SILICON.items():
        tolerance = np.where(np.array(expected) > 0, 1.1e-5, 1e-4)
        assert (np.abs(frequencies(phonon, q) - expected) < tolerance).all(), q


def test_files_bring_back_force_constants_to_their_15_digits(tmp_path, silicon):
    system, constants = silicon
    write_phonopy(tmp_path / "new", system, constants, SUPERCELL)
    back = read_force_constants(tmp_path / "new" / "FORCE_CONSTANTS")
    np.testing.assert_allclose(back, constants, rtol=0, atol=1e-15)


def test_phonopys_own_loader_finds_the_same_frequencies(tmp_path, silicon):
    system, constants = silicon
    write_phonopy(tmp_path, system, constants, SUPERCELL)
    loaded = phonopy.load(
        tmp_path / "phonopy.yaml", force_constants_filename=tmp_path / "FORCE_CONSTANTS", symmetrize_fc=False
    )
    q = (0.1, 0.2, 0.3)
    ours = frequencies(to_phonopy(system, SUPERCELL, constants), q)
    np.testing.assert_allclose(frequencies(loaded, q), ours, rtol=1e-9)  # positions in the yaml have 15 digits
    np.testing.assert_array_equal(loaded.masses, [28.085, 28.085])


def test_compact_force_constants_are_read_and_taken_too(tmp_path, silicon):
    system, constants = silicon
    compact = constants[:: np.prod(SUPERCELL)]
    write_phonopy(tmp_path, system, compact, SUPERCELL)
    back = read_force_constants(tmp_path / "FORCE_CONSTANTS")
    np.testing.assert_allclose(back, compact, rtol=0, atol=1e-15)
    q = (0.1, 0.2, 0.3)
    full, short = (frequencies(to_phonopy(system, SUPERCELL, c), q) for c in (constants, back))
    np.testing.assert_allclose(short, full, rtol=1e-10)


def test_masses_are_those_of_the_system_not_of_phonopy(silicon):
    system, constants = silicon
    heavy = system.replace(masses=4 * system.masses)
    q = (0.5, 0, 0.5)
    light, slow = (frequencies(to_phonopy(s, SUPERCELL, constants), q) for s in (system, heavy))
    np.testing.assert_allclose(slow, light / 2, rtol=1e-12)


@pytest.mark.parametrize("mirrored", [False, True])
def test_the_supercell_is_phonopys_atom_by_atom(mirrored):
    system = rattled(bulk("SiC", "zincblende", a=4.36), 0.1, strain=0.05)
    if mirrored:
        system = system.replace(cell=-system.cell)
    theirs, ours = to_phonopy(system, (2, 3, 1)).supercell, system.supercell((2, 3, 1))
    np.testing.assert_allclose(theirs.cell, ours.cell, rtol=0, atol=1e-13)
    np.testing.assert_array_equal(theirs.numbers, ours.numbers)
    difference = (theirs.positions - np.asarray(ours.positions)) @ np.linalg.inv(ours.cell)
    np.testing.assert_allclose(difference, np.rint(difference), rtol=0, atol=1e-13)  # phonopy wraps atoms


def test_force_constants_of_another_supercell_are_refused(silicon):
    system, constants = silicon
    with pytest.raises(ValueError, match=r"must have shape \(54, 54, 3, 3\) or \(2, 54, 3, 3\), got \(16, 16, 3, 3\)"):
        to_phonopy(system, (3, 3, 3), constants)


@pytest.mark.parametrize("content", ["", "2 2\n1 1\n 1.0 0.0 0.0\n", "words\n"])
def test_broken_force_constants_are_refused(tmp_path, content):
    path = tmp_path / "FORCE_CONSTANTS"
    path.write_text(content)
    with pytest.raises(ValueError, match="the file is empty, truncated or broken") as caught:
        read_force_constants(path)
    assert caught.value.__suppress_context__


def test_missing_force_constants_and_unwritable_folders_are_refused(tmp_path, silicon):
    with pytest.raises(ValueError, match=r"cannot read the force constants .* No such file"):
        read_force_constants(tmp_path / "nothing")
    (tmp_path / "file").touch()
    with pytest.raises(ValueError, match="cannot write phonopy's files to"):
        write_phonopy(tmp_path / "file" / "folder", *silicon, SUPERCELL)


def test_without_phonopy_one_sentence_says_how_to_get_it(monkeypatch, silicon):
    monkeypatch.setitem(sys.modules, "phonopy", None)
    with pytest.raises(ValueError, match=r"phonopy is not installed: pip install phonopy"):
        to_phonopy(silicon[0], SUPERCELL)
