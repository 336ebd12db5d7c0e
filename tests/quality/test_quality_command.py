"""`diffsim quality`: from names, files and folders to a page; mistakes in one sentence."""

import csv
import json
from pathlib import Path

import ase.io
import numpy as np
import pytest
from ase.calculators.singlepoint import SinglePointCalculator
from omegaconf import OmegaConf

from diffsim import read_configurations, relabelled, save_potential, split
from diffsim.commands.quality import data_of, potential_of, read
from diffsim.config import compositions, resolved
from diffsim.io.structures import write_structure
from diffsim.quality import CHECKS
from diffsim.quality.structures import rattled
from tests.quality import potentials as given
from tests.runs import call, refused
from tests.training.test_training import unlabelled

FEW = ("energies of the test set", "rotation", "repulsive dimers")


@pytest.fixture(scope="module")
def home(tmp_path_factory) -> Path:
    """A folder with a potential, a crystal, and data."""
    folder = tmp_path_factory.mktemp("quality")
    save_potential(folder / "argon.json", given.ARGON)
    write_structure(folder / "fcc.xyz", given.FCC)
    frames = []
    double = given.FCC.supercell((2, 1, 1))
    for one in relabelled(given.ARGON, unlabelled([rattled(double, 0.1, 0.03, seed) for seed in range(20)])):
        atoms = one.system.to_ase()
        labels = {"energy": one.energy, "forces": np.asarray(one.forces), "stress": one.stress}
        atoms.calc = SinglePointCalculator(atoms, **labels)
        frames.append(atoms)
    ase.io.write(folder / "argon.xyz", frames)
    return folder


def test_a_report_holds_a_verdict_a_figure_and_its_data(home, monkeypatch, capsys):
    kept = {name: CHECKS[name] for name in FEW}
    monkeypatch.setattr("diffsim.quality.checks.CHECKS", kept)
    call(home, "quality", "argon.json", "data=argon.xyz", "structure=fcc.xyz", "to=few")
    shown = capsys.readouterr().out
    assert "3 of 3 checks passed, none failed. The crystal has Ar in a cell; 16 training and 2 test structures" in shown
    results = json.loads((home / "few" / "results.json").read_text())
    assert results["potential"] == "LennardJones"
    assert list(results["checks"]) == list(FEW)
    rotation = results["checks"]["rotation"]
    assert rotation["outcome"] == "passed"
    assert rotation["measured"] <= rotation["bar"]
    page = (home / "few" / "report.html").read_text()
    assert page.count("<img") == 2
    assert page.count('class="better">passed') == 3
    with (home / "few" / "figures" / "repulsive_dimers.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert float(rows[-1]["Ar–Ar (eV)"]) == 0.0
    assert not {path.stem for path in (home / "few").glob("figures/*.csv")} ^ {
        path.stem for path in (home / "few").glob("figures/*.png")
    }


def test_a_failure_is_told_and_is_no_error(home, monkeypatch, capsys):
    monkeypatch.setattr("diffsim.quality.checks.CHECKS", {"smooth to the cutoff": CHECKS["smooth to the cutoff"]})
    save_potential(home / "cut.json", given.CUT)
    call(home, "quality", "model=cut.json", "structure=fcc.xyz", "to=cut")
    assert "0 of 1 checks passed, 1 failed (smooth to the cutoff)" in capsys.readouterr().out
    assert 'class="worse">failed' in (home / "cut" / "report.html").read_text()


@pytest.mark.slow
def test_every_check_is_drawn(home, capsys):
    call(home, "quality", "argon.json", "data=argon.xyz", "structure=fcc.xyz", "temperature=10", "to=all")
    results = json.loads((home / "all" / "results.json").read_text())
    assert list(results["checks"]) == list(CHECKS)
    assert {one["outcome"] for one in results["checks"].values()} == {"passed"}
    assert len(list((home / "all").glob("figures/*.png"))) == 9
    assert "none failed" in capsys.readouterr().out


SMALL = ["model.cutoff=4.0", "model.radial=3", "model.zeta=[1]", "model.hidden=[4]"]
TRAIN = ["experiment=train", "data=argon.xyz", "steps=1", *SMALL, "seed=3"]


def test_a_training_knows_its_data(home, monkeypatch):
    """From wherever it is asked."""
    run = home / "looked at"
    (run / ".hydra").mkdir(parents=True)
    config = compositions(TRAIN)[0]
    OmegaConf.set_struct(config, False)
    del config["hydra"]
    (run / ".hydra" / "config.yaml").write_text(resolved(config))
    (run / "manifest.json").write_text(json.dumps({"folder": str(home)}))
    monkeypatch.chdir(home.parent)
    training, test = data_of(run, {})
    expected = split(read_configurations(home / "argon.xyz"), seed=3)
    assert [one.energy for one in training] == [one.energy for one in expected[0]]
    assert [one.energy for one in test] == [one.energy for one in expected[2]]
    with pytest.raises(ValueError, match="data is known from the run in"):
        data_of(run, {"data": "other.xyz"})


@pytest.mark.slow
def test_the_folder_of_a_training_is_enough(home, monkeypatch, capsys):
    call(home, *TRAIN, "hydra.run.dir=run")
    monkeypatch.setattr("diffsim.quality.checks.CHECKS", {name: CHECKS[name] for name in FEW})
    call(home, "quality", "run")
    assert "16 training and 2 test structures" in capsys.readouterr().out
    results = json.loads((home / "run" / "quality" / "results.json").read_text())
    assert (results["name"], results["potential"]) == ("run", "BehlerParrinello")
    assert results["checks"]["rotation"]["outcome"] == "passed"


def test_options_are_read(home):
    known = read(["tersoff", "zero.Si=-106.4", "keys.energy=dft", "temperature=600"])
    assert known == {"model": "tersoff", "zero": {"Si": -106.4}, "keys": {"energy": "dft"}, "temperature": 600.0}
    assert type(potential_of(Path("tersoff"))).__name__ == "Tersoff"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([], "there is nothing to examine: say model=NAME"),
        (
            ["model=tersof"],
            "there is no potential 'tersof', nor a file or a folder of that name: did you mean 'tersoff'?",
        ),
        (["argon.json", "dat=x"], "unknown option 'dat': did you mean 'data'?"),
        (["argon.json", "data=none.xyz"], "cannot read the data set none.xyz: there is no such file"),
        (["argon.json", "structure=none.xyz"], "cannot read the structure none.xyz: there is no such file"),
        (["argon.json", "temperature=hot"], "temperature must be a number, got 'hot'"),
        (["argon.json", "temperature=-1"], "temperature must be positive, got -1.0 K"),
        (["argon.json", "zero=3"], "zero must be given as zero.NAME=VALUE, got 3"),
        (["argon.json", "data.x=3"], "data must be given as data=VALUE"),
        (["argon.json", "keys.energie=e"], "keys has no 'energie': it has energy, forces, stress, group"),
        (["argon.json", "data=[1"], "is not readable"),
        (["argon.xyz"], "is not a potential written by diffsim"),
        (["."], "holds no finished run: potential.json is missing"),
        (
            ["stillinger_weber", "structure=fcc.xyz"],
            "StillingerWeber has parameters for Si, but the system contains Ar",
        ),
        (["argon.json", "to=argon.json"], "cannot write to 'argon.json': choose another folder with to=FOLDER"),
        (["argon.json", "--fast"], "--fast"),
    ],
)
def test_mistakes_are_refused_in_one_sentence(home, capsys, arguments, sentence):
    assert sentence in refused(capsys, home, "quality", *arguments)
