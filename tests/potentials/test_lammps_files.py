"""LAMMPS' element-triplet files: what is read, and which sentence a bad one earns."""

import dataclasses

import numpy as np
import pytest

from diffsim.potentials import StillingerWeber

ENTRY = "Si Si Si 2.1683 2.0951 1.80 21.0 1.20 -0.333333333333\n  7.049556277 0.6022245584 4.0 0.0 0.0 # tolerance"


def test_entries_run_over_lines_and_strangers_are_skipped(tmp_path):
    strangers = ENTRY.replace("Si Si Si", "Si Si C").replace("2.1683", "9.9")
    (tmp_path / "Si.sw").write_text(f"# DATE: 2007-06-11 UNITS: metal\n\n{strangers}\n{ENTRY}\n")
    for species in (["Si"], "Si"):
        silicon = StillingerWeber.from_lammps(tmp_path / "Si.sw", species)
        assert (float(silicon.epsilon), float(silicon.q), silicon.species) == (2.1683, 0.0, (14,))


def test_pair_parameters_stand_in_entry_ijj(tmp_path):
    """Tables are `[i j]` of entry i j j, and `[i j k]`; the order of species is the caller's."""
    lines = []
    for i, j, k in np.ndindex(2, 2, 2):
        sigma = 2.0 + 0.1 * i + 0.01 * j if j == k else 0.0
        elements = " ".join(("Cd", "Te")[s] for s in (i, j, k))
        lines.append(f"{elements} 1.0 {sigma} 1.8 {1 + i + 10 * j + 100 * k} 1.2 -0.3 7.0 0.6 4 0 0")
    (tmp_path / "CdTe.sw").write_text("\n".join(lines))
    found = StillingerWeber.from_lammps(tmp_path / "CdTe.sw", ["Te", "Cd"])
    np.testing.assert_array_equal(found.sigma, [[2.11, 2.1], [2.01, 2.0]])
    assert found.lam[0, 1, 0] == 1 + 1 + 100  # Te Cd Te


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("# nothing\n", "is empty: expected entries of 3 elements and 11 values"),
        (ENTRY.replace(" 0.0 0.0", ""), "is truncated: its last entry has 12 of 14 words"),
        (ENTRY.replace("Si Si Si", "Ge Ge Ge"), "has no entry for Si Si Si"),
        (f"{ENTRY}\n{ENTRY}", "has two entries for Si Si Si"),
        (ENTRY.replace("21.0", "21,0"), "entry Si Si Si has a value that is no number"),
        (f"# UNITS: real\n{ENTRY}", "is in real units"),
    ],
)
def test_bad_files_are_refused(text: str, sentence: str, tmp_path):
    (tmp_path / "bad.sw").write_text(text)
    with pytest.raises(ValueError, match=sentence):
        StillingerWeber.from_lammps(tmp_path / "bad.sw", ["Si"])


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(ValueError, match="cannot read the potential file"):
        StillingerWeber.from_lammps(tmp_path / "none.sw", ["Si"])


def test_writing_needs_species(tmp_path):
    with pytest.raises(ValueError, match="names its elements"):
        dataclasses.replace(StillingerWeber.silicon(), species=()).to_lammps(tmp_path / "file")
