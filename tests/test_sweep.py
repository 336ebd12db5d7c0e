"""Sweeps: every run is kept, whatever becomes of the others, and one table tells of all."""

import csv
import dataclasses
import json

import jax
import numpy as np
import pytest

from diffsim import Free, LennardJones, perturbed
from diffsim.fields import parameters
from diffsim.report.sweep import Job, evaluations_to, near_best, swept
from tests.helpers import copper_gold
from tests.runs import QUICK, call, refused

SWEEP = ["-m", "optimizer=levenberg_marquardt,adam", "seed=0,1", "spread=0.05", "hydra.sweep.dir=sweep"]


def rows(folder) -> list[dict[str, str]]:
    with (folder / "sweep.csv").open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def sweep(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sweep")
    call(folder, *QUICK, *SWEEP)
    return folder / "sweep"


def test_the_table_has_a_row_for_each_run(sweep):
    found = [(row["run"], row["optimizer"], row["seed"], row["outcome"]) for row in rows(sweep)]
    assert found == [
        ("0", "levenberg_marquardt", "0", "finished"),
        ("1", "levenberg_marquardt", "1", "finished"),
        ("2", "adam", "0", "finished"),
        ("3", "adam", "1", "finished"),
    ]


def test_the_table_says_what_the_runs_say(sweep):
    for row in rows(sweep):
        results = json.loads((sweep / row["run"] / "results.json").read_text())
        assert float(row["loss before"]) == pytest.approx(results["loss"]["before"], rel=1e-5)
        assert float(row["after"]) == pytest.approx(results["loss"]["after"], rel=1e-5)
        assert int(row["evaluations"]) > int(row["updates"]) == 2


def test_a_seed_is_a_start(sweep):
    before = [row["loss before"] for row in rows(sweep)]
    assert before[0] == before[2] != before[1] == before[3]


def test_the_figure_has_its_data(sweep):
    assert (sweep / "sweep.png").read_bytes().startswith(b"\x89PNG")
    with (sweep / "sweep_curves.csv").open(newline="") as file:
        curves = list(csv.DictReader(file))
    assert [(row["run"], row["evaluations"]) for row in curves[:3]] == [("0", "1"), ("0", "2"), ("0", "3")]


def test_the_table_is_made_again(sweep, capsys):
    before = (sweep / "sweep.csv").read_bytes()
    (sweep / "sweep.csv").unlink()
    (sweep / "sweep.png").unlink()
    call(sweep.parent, "sweep", "sweep")
    assert (sweep / "sweep.csv").read_bytes() == before
    assert (sweep / "sweep.png").exists()
    assert "levenberg_marquardt" in capsys.readouterr().out


def test_a_run_of_a_sweep_can_be_extended(sweep):
    call(sweep.parent, "resume", "sweep/3", "steps=3")
    call(sweep.parent, "sweep", "sweep")
    assert [row["updates"] for row in rows(sweep)] == ["2", "2", "2", "3"]


def test_a_failed_run_leaves_the_others_alone(tmp_path, capsys):
    """The second start is outside of its bounds, which shows when its fit is made."""
    bounds = "trainable={epsilon:{_target_:diffsim.Free},sigma:{_target_:diffsim.Free,upper:3.5}}"
    with pytest.raises(SystemExit) as end:
        call(tmp_path, *QUICK, bounds, "-m", "potential.sigma=3.4,3.6,3.45", "hydra.sweep.dir=sweep")
    assert end.value.code == 2
    assert "1 of the runs in 'sweep' failed" in capsys.readouterr().err
    found = rows(tmp_path / "sweep")
    assert [row["potential.sigma"] for row in found] == ["3.4", "3.6", "3.45"]
    assert [row["outcome"] for row in found][::2] == ["finished", "finished"]
    assert "parameter 'sigma' does not start inside its bounds" in found[1]["outcome"]


@pytest.mark.parametrize(("folder", "expected"), [("nothing", "there is no folder"), (".", "no run is in it")])
def test_a_folder_without_runs_is_refused(tmp_path, capsys, folder, expected):
    assert expected in refused(capsys, tmp_path, "sweep", folder)


@pytest.mark.slow
def test_runs_of_a_sweep_can_go_side_by_side(tmp_path):
    """Each in a process of its own; the numbers are those of one after the other."""
    pytest.importorskip("hydra_plugins.hydra_joblib_launcher")
    call(tmp_path, *QUICK, "-m", "seed=0,1", "spread=0.05", "hydra.sweep.dir=one")
    call(tmp_path, *QUICK, "-m", "seed=0,1", "spread=0.05", "hydra.sweep.dir=two", "hydra/launcher=joblib")
    one, two = rows(tmp_path / "one"), rows(tmp_path / "two")
    for here, there in zip(one, two, strict=True):
        assert {k: v for k, v in here.items() if k != "seconds"} == {k: v for k, v in there.items() if k != "seconds"}


def test_a_launcher_that_is_not_installed_is_named(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("diffsim.config.find_spec", lambda name: None)
    message = refused(capsys, tmp_path, *QUICK, "-m", "seed=0,1", "hydra/launcher=joblib")
    assert "needs one more package: pip install hydra-joblib-launcher" in message


def job(*curve: tuple[int, float], **overrides: str) -> Job:
    return Job("0", overrides, "finished", "", list(curve), len(curve), 0.0)


def test_evaluations_count_until_within_one_percent_of_the_lowest():
    jobs = [job((1, 100.0), (4, 2.02), (9, 2.01)), job((1, 100.0), (3, 2.0)), job((1, 100.0), (50, 3.0)), job()]
    assert [evaluations_to(one, near_best(jobs)) for one in jobs] == [4, 3, None, None]


def test_a_loss_of_zero_needs_not_be_met_exactly():
    jobs = [job((1, 100.0), (4, 1e-5), (5, 0.0)), job((1, 90.0), (7, 1e-7))]
    assert [evaluations_to(one, near_best(jobs)) for one in jobs] == [4, 7]


def test_only_what_differs_is_shown():
    jobs = [job(experiment="argon", seed="0", optimizer="adam"), job(experiment="argon", seed="1", optimizer="adam")]
    assert swept(jobs) == ["seed"]


ARGON = LennardJones(epsilon=0.01, sigma=3.4, cutoff=8.0, onset=7.0)
KEY = jax.random.key(0)


def test_a_perturbed_start_has_the_spread_that_was_asked_for():
    draws = [perturbed(ARGON, 0.1, key, ["epsilon", "sigma"]) for key in jax.random.split(KEY, 200)]
    logs = np.log([[float(p.epsilon) / 0.01, float(p.sigma) / 3.4] for p in draws])
    # of 200 draws: the standard deviation is known to 5 %, the mean to 0.007; three times that
    np.testing.assert_allclose(logs.std(axis=0), 0.1, rtol=0.15)
    np.testing.assert_allclose(logs.mean(axis=0), 0.0, atol=0.021)


def test_what_is_not_trainable_stays():
    found = perturbed(ARGON, 0.1, KEY, ["sigma"])
    same = {name: bool(np.all(entry.value == getattr(ARGON, name))) for name, entry in parameters(found).items()}
    assert same == {"epsilon": True, "sigma": False, "cutoff": True, "onset": True}


def test_the_same_key_is_the_same_start():
    assert float(perturbed(ARGON, 0.1, KEY).sigma) == float(perturbed(ARGON, 0.1, KEY).sigma)
    assert float(perturbed(ARGON, 0.0, KEY).sigma) == pytest.approx(3.4, rel=1e-15)  # exp(ln σ)


def test_bounds_hold_and_tables_stay_symmetric():
    trainable = {"sigma": Free(lower=3.39, upper=3.41)}
    found = [float(perturbed(ARGON, 0.5, key, trainable).sigma) for key in jax.random.split(KEY, 20)]
    assert min(found) == pytest.approx(3.39, rel=1e-12)
    assert max(found) == pytest.approx(3.41, rel=1e-12)
    for lower in np.linspace(3.3, 3.5, 21):  # exp(ln θ) may fall short of the bound by rounding: still a start
        on_it = perturbed(dataclasses.replace(ARGON, sigma=lower), 0.0, KEY, ["sigma"])
        perturbed(on_it, 0.0, KEY, {"sigma": Free(lower, lower + 1)})
    table = np.asarray(perturbed(copper_gold(cutoff=4.5, onset=3.5), 0.1, KEY, ["A"]).A)
    np.testing.assert_array_equal(table, table.T)


def test_a_start_that_the_potential_cannot_take_is_refused():
    with pytest.raises(ValueError, match="onset"):
        [perturbed(ARGON, 0.5, key, ["onset", "cutoff"]) for key in jax.random.split(KEY, 50)]
    with pytest.raises(ValueError, match=r"spread of the start must not be negative, got -0.1"):
        perturbed(ARGON, -0.1, KEY)
