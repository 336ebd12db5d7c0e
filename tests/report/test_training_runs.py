"""`experiment=train`: what it leaves, and that a run which was stopped goes on to the same numbers."""

import csv
import json
from pathlib import Path

import ase.io
import numpy as np
import pytest
from ase.build import bulk
from ase.calculators.singlepoint import SinglePointCalculator

from diffsim import StillingerWeber, calibration, errors_of, load_potential, relabelled, units
from diffsim.data.configurations import read_configurations, unlabelled
from diffsim.data.splitting import split
from tests.helpers import rattled
from tests.runs import call, numbers, refused

MODEL = ["model.cutoff=4.0", "model.radial=3", "model.zeta=[1]", "model.hidden=[4]"]
TRAIN = ["experiment=train", "data=silicon.xyz", "steps=4", "training.batch_size=4", *MODEL]


@pytest.fixture(scope="module")
def home(tmp_path_factory) -> Path:
    """A folder with labels by Stillinger–Weber, and a finished run."""
    folder = tmp_path_factory.mktemp("training")
    crystals = [rattled(bulk("Si", a=5.43), 0.05, seed, strain=0.03) for seed in range(12)]
    frames = []
    for number, one in enumerate(relabelled(StillingerWeber.silicon(), unlabelled(crystals))):
        atoms = one.system.to_ase()
        atoms.info["config_type"] = "rattled" if number % 2 else "strained"
        labels = {"energy": one.energy, "forces": np.asarray(one.forces), "stress": one.stress}
        atoms.calc = SinglePointCalculator(atoms, **labels)
        frames.append(atoms)
    ase.io.write(folder / "silicon.xyz", frames)
    call(folder, *TRAIN, "hydra.run.dir=whole")
    return folder


def test_a_training_leaves_its_best_potential_errors_and_a_page(home):
    results = json.loads((home / "whole" / "results.json").read_text())
    assert results["species"] == ["Si"]
    assert results["structures"] == {"training": 10, "validation": 1, "test": 1}
    lines = [json.loads(line) for line in (home / "whole" / "log.jsonl").read_text().splitlines()]
    losses = [line["validation_loss"] for line in lines]
    assert len(losses) - 1 == results["epochs"] == 4
    assert results["best_loss"] == min(losses) == losses[results["best_epoch"]]
    potential = load_potential(home / "whole" / "potential.json")
    parts = split(read_configurations(home / "silicon.xyz"))
    for name, part in zip(("training", "validation", "test"), parts, strict=True):
        for group, errors in errors_of(relabelled(potential, part), part).items():
            assert results["errors"][name][group] == pytest.approx(errors._asdict(), rel=1e-9)
    page = (home / "whole" / "report.html").read_text()
    assert page.count("<img") == 4
    assert "Errors: test" in page
    assert "MAE stress (MPa)" in page
    manifest = json.loads((home / "whole" / "manifest.json").read_text())
    assert "silicon.xyz" in manifest["inputs"]


def test_parity_is_drawn_from_every_label(home):
    with (home / "whole" / "figures" / "forces.csv").open() as file:
        assert len(file.readlines()) == 1 + 12 * 2 * 3


def test_a_training_that_is_gone_on_with_ends_as_one_in_one_go(home, capsys):
    call(home, *TRAIN, "steps=2", "hydra.run.dir=part")
    capsys.readouterr()
    assert "is finished after 2 epochs" in refused(capsys, home, "resume", "part")
    call(home, "resume", "part", "steps=4")
    whole, part = numbers(home / "whole"), numbers(home / "part")
    for key in ("updates", "results", "state", "arrays", "figures", "potential"):
        assert part[key] == whole[key], key


def test_a_linear_model_is_solved_and_may_learn_no_further(home):
    model = ["model=moment_tensors", "model.cutoff=4.0", "model.level=8"]
    call(home, "experiment=train", "data=silicon.xyz", *model, "hydra.run.dir=linear")
    results = json.loads((home / "linear" / "results.json").read_text())
    assert results["epochs"] == results["best_epoch"] == 0
    assert results["errors"]["training"]["all"]["forces_rmse"] < 50  # meV/Å; their own is 500


def test_forces_alone_are_learned_by_what_predicts_them_directly(home, capsys):
    """Without errors of energies and stresses, which it has not; asked to learn these too, it says so."""
    model = ["model=direct_schnet", "model.cutoff=4.0", "model.depth=1", "model.features=4", "model.radial=4"]
    given = ["experiment=train", "data=silicon.xyz", "steps=2", *model]
    call(home, *given, "hydra.run.dir=direct")
    results = json.loads((home / "direct" / "results.json").read_text())
    errors = results["errors"]["test"]["all" if "all" in results["errors"]["test"] else "rattled"]
    assert errors["energy_rmse"] is None
    assert errors["forces_rmse"] > 0
    assert results["best_loss"] > 0
    page = (home / "direct" / "report.html").read_text()
    assert "MAE forces (meV/Å)" in page
    assert "MAE energy" not in page
    capsys.readouterr()
    assert "cannot learn energies or stresses" in refused(
        capsys, home, *given, "training.loss.energy=1.0", "hydra.run.dir=refused"
    )


def test_a_gaussian_process_tells_how_sure_it_is(home):
    """Its calibration is in the results, on the page, and drawn; `potential.json` knows how sure it is too."""
    model = ["model.cutoff=4.0", "model.degree=3", "model.radial=4", "model.points=12"]
    call(home, "experiment=train", "model=gap", "data=silicon.xyz", *model, "hydra.run.dir=process")
    results = json.loads((home / "process" / "results.json").read_text())
    assert results["errors"]["training"]["all"]["forces_rmse"] < 100  # meV/Å; their own is 500
    _, validation, test = split(read_configurations(home / "silicon.xyz"))
    found = calibration(load_potential(home / "process" / "potential.json"), validation, test)
    with (home / "process" / "figures" / "reliability.csv").open() as file:
        lines = list(csv.DictReader(file))
    for (label, one), line, unit in zip(found.items(), lines, (1e-3, 1e-3, units.GPa / 1000), strict=True):
        told = results["calibration"][label]
        assert (told["scale"], told["after"]) == pytest.approx((one.scale, one.after), rel=1e-9)
        assert line["label"] == label
        assert float(line["error"]) == pytest.approx(one.error[0] / unit, rel=1e-9)
        assert float(line["scaled"]) == pytest.approx(one.scale * one.deviation[0] / unit, rel=1e-9)
    page = (home / "process" / "report.html").read_text()
    assert page.count("<img") == 5
    assert "How sure it is" in page
    plain = json.loads((home / "whole" / "results.json").read_text())
    assert plain["calibration"] == {}


def test_the_page_is_drawn_again(home):
    page = home / "whole" / "report.html"
    before = page.read_text()
    page.unlink()
    call(home, "report", "whole")
    assert page.read_text().count("<img") == before.count("<img")


def test_learning_ends_on_a_plateau(home):
    call(home, *TRAIN, "+stop={_target_: diffsim.Plateau, rtol: 0.9, patience: 1}", "hydra.run.dir=short")
    assert json.loads((home / "short" / "results.json").read_text())["epochs"] < 4


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["data=none.xyz"], "cannot read the data set none.xyz: there is no such file"),
        (["training.keys.energy=dft"], "structure 0 of silicon.xyz has no energy under 'dft': say energy=KEY"),
        (["training.fractions=[0.9,0.1]"], "fractions are those of training, validation and test, got"),
        (["training.loss.energy=-1"], "the weight of energy in a loss must be a number from 0 on, got -1"),
        (["model=behler"], "unknown model 'behler'; available: behler_parrinello, chgnet, direct_schnet, gap, m"),
        (["trainable=[nets]"], "has no parameter 'nets'"),
        (["spread=0.1"], "spread belongs to a fit, and this is a training"),
    ],
)
def test_mistakes_are_refused_in_one_sentence(home, capsys, arguments, sentence):
    given = [one for one in TRAIN if one.split("=")[0] not in {a.split("=")[0] for a in arguments}]
    given = [one for one in given if not (arguments[0].startswith("model=") and one.startswith("model."))]
    assert sentence in refused(capsys, home, *given, *arguments, "hydra.run.dir=refused")
