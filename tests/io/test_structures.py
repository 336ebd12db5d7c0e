"""Structure files: there and back, and one sentence for what cannot be read or written."""

import numpy as np
import pytest
from ase.build import bulk
from helpers import rattled

from diffsim import System
from diffsim.io.structures import read_structure, write_structure

# digits that the formats hold: 8 in extended XYZ, 16 in VASP's
FORMATS = {"a.xyz": 1e-8, "POSCAR": 1e-14}


def structure() -> System:
    return rattled(bulk("SiC", "zincblende", a=4.36), 0.1, strain=0.05)


@pytest.mark.parametrize(("name", "digits"), FORMATS.items())
def test_a_structure_comes_back_from_its_file(tmp_path, name, digits):
    system = structure()
    write_structure(tmp_path / name, system)
    back = read_structure(tmp_path / name)
    np.testing.assert_allclose(back.positions, system.positions, rtol=0, atol=digits)
    np.testing.assert_allclose(back.cell, system.cell, rtol=0, atol=digits)
    np.testing.assert_array_equal(back.numbers, system.numbers)
    assert back.pbc == system.pbc


def test_extended_xyz_keeps_masses_and_periodicity(tmp_path):
    atoms = structure().to_ase()
    atoms.set_masses([29.0, 13.5])
    atoms.set_pbc((True, False, True))
    write_structure(tmp_path / "a.xyz", System.from_ase(atoms))
    back = read_structure(tmp_path / "a.xyz")
    np.testing.assert_array_equal(back.masses, [29.0, 13.5])
    assert back.pbc == (True, False, True)


def test_an_at_sign_in_the_path_is_a_letter(tmp_path):
    (tmp_path / "a@0").mkdir()
    write_structure(tmp_path / "a@0" / "b@1.xyz", structure())
    assert len(read_structure(tmp_path / "a@0" / "b@1.xyz").numbers) == 2


@pytest.mark.parametrize("name", ["a.xyz", "POSCAR", "a.cif", "a.json", "a.unheard"])
def test_an_empty_file_is_refused(tmp_path, name):
    (tmp_path / name).touch()
    with pytest.raises(ValueError, match=r"cannot read the structure .* the file is empty"):
        read_structure(tmp_path / name)


@pytest.mark.parametrize("name", FORMATS)
def test_a_truncated_file_is_refused_without_a_chain_of_tracebacks(tmp_path, name):
    path = tmp_path / name
    write_structure(path, structure())
    lines = path.read_text().splitlines()
    path.write_text("\n".join(lines[:-1]) + "\n")
    with pytest.raises(ValueError, match=r"cannot read the structure .* truncated") as caught:
        read_structure(path)
    assert caught.value.__suppress_context__
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", [b"no structure at all\n", bytes(range(256)), b"2\n\nSi 0 0 zero\nSi 1 1 1\n"])
def test_a_file_that_is_no_structure_is_refused(tmp_path, content):
    path = tmp_path / "a.xyz"
    path.write_bytes(content)
    with pytest.raises(ValueError, match="cannot read the structure") as caught:
        read_structure(path)
    assert "\n" not in str(caught.value)


def test_a_missing_file_and_a_folder_are_refused(tmp_path):
    for path in (tmp_path / "nothing.xyz", tmp_path):
        with pytest.raises(ValueError, match="there is no such file"):
            read_structure(path)


def test_a_structure_that_makes_no_sense_is_refused(tmp_path):
    path = tmp_path / "a.xyz"
    path.write_text('1\nLattice="1 0 0 2 0 0 0 0 1" Properties=species:S:1:pos:R:3\nSi 0 0 0\n')
    with pytest.raises(ValueError, match=r"the structure .* makes no sense: the cell .* is singular"):
        read_structure(path)


@pytest.mark.parametrize(("name", "reason"), [("no/folder/a.xyz", "No such file"), ("a.unheard", "unheard")])
def test_what_cannot_be_written_is_refused(tmp_path, name, reason):
    with pytest.raises(ValueError, match=f"cannot write the structure .*{reason}"):
        write_structure(tmp_path / name, structure())
