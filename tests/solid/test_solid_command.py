"""`diffsim solid`: from names and files to a page; what cannot be measured, and mistakes, in one sentence each."""

import csv
import json
from pathlib import Path

import pytest

import diffsim
from diffsim import LennardJones, save_potential
from diffsim.commands.quality import potential_of
from diffsim.commands.solid import read, structure_of
from diffsim.solid import PARTS, Settings, Study
from diffsim.solid.study import rounded
from tests.quality.potentials import COLLAPSING, FCC
from tests.runs import call, refused

MODEL = LennardJones(epsilon=0.0109, sigma=3.38, cutoff=5.0, onset=4.4)
OTHER = LennardJones(epsilon=0.01042, sigma=3.405, cutoff=5.0, onset=4.4)
RESTING = ("crystal", "density of states", "bands")


@pytest.fixture(scope="module")
def home(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("solid")
    save_potential(folder / "mine.json", MODEL)
    save_potential(folder / "lj.json", OTHER)
    return folder


def test_the_model_stands_beside_the_reference(home, monkeypatch, capsys):
    def only_when_asked(study, solid, earlier):
        raise ValueError("not in this test")

    later = {name: only_when_asked for name in PARTS if name not in RESTING}
    monkeypatch.setattr("diffsim.solid.parts.PARTS", {name: PARTS[name] for name in RESTING} | later)
    call(home, "solid", "mine.json", "reference=lj.json", "structure=Ar", "repeats=[2,2,2]", "to=rest")
    shown = capsys.readouterr().out
    results = json.loads((home / "rest" / "results.json").read_text())
    assert list(results["solids"]) == ["mine", "lj"]
    for name, potential in {"mine": MODEL, "lj": OTHER}.items():
        crystal = diffsim.relax(potential, FCC, cell=True)
        exact = diffsim.phonon_frequencies(potential, crystal, [[0.5, 0, 0.5]])[0]
        assert results["parts"]["bands"][name]["special_points"]["X"] == pytest.approx(exact.tolist(), abs=1e-6)
        assert f"{name} vibrates up to {results['parts']['density of states'][name]['highest']:.4g} THz" in shown
    assert "mine, hops: could not be measured: not in this test." in results["missing"]
    page = (home / "rest" / "solid.html").read_text()
    assert page.count("<img") == 2
    assert "lj, vacancy: could not be measured: not in this test." in page
    with (home / "rest" / "figures" / "density_of_states.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert {"frequency (THz)", "mine|0 K", "lj|0 K"} <= {*rows[0]}
    assert not {path.stem for path in (home / "rest").glob("figures/*.csv")} ^ {
        path.stem for path in (home / "rest").glob("figures/*.png")
    }


@pytest.mark.slow
def test_everything_is_measured(home, capsys):
    longer = LennardJones(epsilon=0.01042, sigma=3.405, cutoff=6.5, onset=6.0)
    save_potential(home / "longer.json", longer)
    few = ["steps=600", "replicas=2", "temperatures=[10]", "hop_temperatures=[60,80]", "hop_steps=10000"]
    call(home, "solid", "longer.json", "structure=Ar", "quick=true", "to=all", *few)
    results = json.loads((home / "all" / "results.json").read_text())
    assert results["missing"] == []
    assert all("longer" in each for each in results["parts"].values())
    assert len(list((home / "all").glob("figures/*.png"))) == 5
    assert [one["temperature"] for one in results["parts"]["hops"]["longer"]["temperatures"]] == [60, 80]
    assert results["settings"]["repeats"] == [4, 4, 4]
    shown = capsys.readouterr().out
    assert "harmonic TST" in shown
    assert "Phonons at temperature" in shown


def test_a_crystal_without_a_minimum_is_told_for_every_part(home, monkeypatch):
    from diffsim.solid import examined

    monkeypatch.setattr("diffsim.solid.parts.PARTS", {name: PARTS[name] for name in ("crystal", "bands")})
    found = dict(examined(Study.of({"it": COLLAPSING}, FCC, Settings(repeats=(2, 2, 2)))))
    assert all(one["it"].startswith("could not be measured: ") for one in found.values())


def test_what_is_left_open_follows_from_the_crystal():
    study = Study.of({"mine": MODEL, "lj": OTHER}, FCC, Settings.of({"quick": True}))
    assert study.defect_repeats == (4, 4, 4)
    assert study.pace.dt == rounded(1e3 / (40 * study.highest))
    # k T = 0.4 h ν
    assert study.temperatures == (rounded(0.4 * 47.992 * study.highest),)
    assert study.hop_temperatures({"mine": 0.05, "lj": 0.06}) == tuple(
        rounded(0.06 / 8.61733e-5 / x) for x in (6.2, 5.5)
    )
    with pytest.raises(Exception, match="no barrier is known to choose temperatures by"):
        study.hop_temperatures({})
    told = Settings.of({"temperatures": [30, 10], "hop_temperatures": 90, "dt": 5, "defect_repeats": [5, 5, 5]})
    study = Study.of({"lj": OTHER}, FCC, told)
    assert (study.temperatures, study.hop_temperatures({}), study.pace.dt) == ((10.0, 30.0), (90.0,), 5.0)
    assert study.defect_repeats == (5, 5, 5)


def test_options_are_read():
    known = read(["lennard_jones", "temperatures=[20,40]", "structure=Ar", "quick=true"])
    assert known == {"model": "lennard_jones", "temperatures": [20, 40], "structure": "Ar", "quick": True}
    silicon = structure_of(None, [potential_of(Path("stillinger_weber"))], Path("stillinger_weber"))
    assert silicon.numbers.tolist() == [14, 14]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([], "there is nothing to look at: say model=NAME"),
        (["mine.json"], "the potential takes all atoms alike: say which crystal, structure=FILE or structure=ELEMENT"),
        (["mine.json", "structure=none.xyz"], "cannot read the structure none.xyz: there is no such file"),
        (["mine.json", "structure=Ga", "reference=nothing"], "there is no potential 'nothing'"),
        (["mine.json", "structur=Ar"], "unknown option 'structur': did you mean 'structure'?"),
        (["mine.json", "structure=Ar", "temperatures=hot"], "temperatures must be positive numbers of K"),
        (["mine.json", "structure=Ar", "hop_temperatures=[100,-3]"], "hop_temperatures must be positive numbers of K"),
        (["mine.json", "structure=Ar", "repeats=[2,2]"], "repeats must be three whole numbers of at least 1"),
        (["mine.json", "structure=Ar", "replicas=1"], "replicas must be a whole number of at least 2, got 1"),
        (["mine.json", "structure=Ar", "dt=0"], "dt must be a positive time in fs, got 0"),
        (["mine.json", "structure=Ar", "quick=maybe"], "quick must be true or false, got 'maybe'"),
        (["mine.json", "structure.x=Ar"], "structure must be given as structure=VALUE"),
        (["stillinger_weber", "structure=Ar"], "StillingerWeber has parameters for Si, but the system contains Ar"),
    ],
)
def test_mistakes_are_refused_in_a_sentence(home, capsys, arguments, sentence):
    assert sentence in refused(capsys, home, "solid", *arguments)
