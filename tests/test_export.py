"""`diffsim export`: files for other programs that say the same."""

import numpy as np
import pytest
import yaml

import diffsim
from diffsim import EAM, EDIP, StillingerWeber, Tersoff
from diffsim.fields import parameters
from diffsim.io.kim import write_kim_parameters
from diffsim.io.potential import save_potential
from tests.helpers import POTENTIALS
from tests.runs import call, refused

READERS = {
    "stillinger_weber": lambda path: StillingerWeber.from_lammps(path, ["Si"]),
    "edip": lambda path: EDIP.from_lammps(path, ["Si"]),
    "tersoff_mixture": lambda path: Tersoff.from_lammps(path, ["Si", "C"]),
    "eam": EAM.from_setfl,
}


@pytest.mark.parametrize("name", READERS)
def test_the_file_for_lammps_gives_the_same_energy(name, tmp_path, capsys):
    potential, system = POTENTIALS[name]()
    save_potential(tmp_path / "potential.json", potential)
    call(tmp_path, "export", "potential.json", "--to", "out/files")
    path = next(path for path in (tmp_path / "out" / "files").iterdir() if "kim" not in path.name)
    assert str(path.relative_to(tmp_path)) in capsys.readouterr().out
    again = READERS[name](path)
    expected = float(diffsim.energy(potential, system))
    assert float(diffsim.energy(again, system)) == pytest.approx(expected, rel=1e-12)  # both to 17 digits


def test_a_folder_of_a_run_is_exported_where_it_is(tmp_path, capsys):
    save_potential(tmp_path / "potential.json", StillingerWeber.silicon())
    call(tmp_path, "export", ".")
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {"potential.json", "potential.lammps", "potential.kim.yaml"}
    assert capsys.readouterr().out.split() == ["potential.lammps", "potential.kim.yaml"]


def test_a_form_without_a_file_says_so(tmp_path, capsys):
    save_potential(tmp_path / "potential.json", diffsim.LennardJones.argon())
    call(tmp_path, "export", "potential.json")
    shown = capsys.readouterr().out.splitlines()
    assert shown[0] == "LennardJones has no LAMMPS file: its pair_style takes its parameters in the input"
    assert shown[1:] == ["potential.kim.yaml"]


@pytest.mark.parametrize("name", POTENTIALS)
def test_the_parameters_for_kim_are_all_there_to_the_last_digit(name, tmp_path):
    potential, _ = POTENTIALS[name]()
    write_kim_parameters(tmp_path / "kim.yaml", potential)
    found = yaml.safe_load((tmp_path / "kim.yaml").read_text())
    assert found["form"] == type(potential).__name__
    assert len(found["species"]) == len(potential.species)
    expected = parameters(potential)
    assert [entry["name"] for entry in found["parameters"]] == [*expected]
    for entry in found["parameters"]:
        values = np.array(entry["values"], float).reshape(entry["shape"])
        np.testing.assert_array_equal(values, np.asarray(expected[entry["name"]].value))
        assert entry["extent"] == values.size
        assert entry["unit"] == expected[entry["name"]].unit


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("nothing.json", "there is no potential 'nothing.json': give a run's folder, or a potential.json"),
        (".", "there is no potential 'potential.json'"),
        ("text.json", "text.json is not a potential written by diffsim"),
        ("evil.json", "which a configuration may not call"),
    ],
)
def test_what_is_no_potential_is_refused(source, expected, tmp_path, capsys):
    (tmp_path / "text.json").write_text("ε = 1")
    (tmp_path / "evil.json").write_text('{"potential": {"_target_": "os.system", "command": "ls"}}')
    assert expected in refused(capsys, tmp_path, "export", source)
