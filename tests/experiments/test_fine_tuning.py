"""The experiment that fine-tunes a network: its data, and all of it in quick form."""

import csv
import json

import numpy as np
import optax
from ase.build import bulk

from diffsim import Experiment, LennardJones, Stress, System, Target
from experiments.fine_tuning.__main__ import main
from experiments.fine_tuning.data import learned, unseen
from experiments.fine_tuning.fits import FITS, tuned
from experiments.fine_tuning.judge import MELTS, NAMES
from experiments.fine_tuning.size import QUICK
from experiments.fine_tuning.universal import FITS as UNIVERSAL_FITS


def test_nothing_that_is_learned_from_is_tested_on():
    data, rest = learned(QUICK), unseen(QUICK)
    sizes = {name: len(part) for name, part in (data._asdict() | rest._asdict()).items()}
    assert sizes == {"pretraining": 20, "validation": 4, "tuning": 17, "crystals": 2, "liquids": 10}
    prints = lambda *parts: {np.asarray(one.system.positions).tobytes() for part in parts for one in part}  # noqa: E731
    held_out = prints(data.validation, rest.crystals, rest.liquids)
    assert len(held_out) == 4 + 2 + 10
    assert not held_out & prints(data.pretraining, data.tuning)
    assert {one.group for one in rest.crystals} == {"crystal"}
    assert {len(one.forces) for one in rest.liquids} == {64}


def test_a_fit_that_was_stopped_goes_on(tmp_path):
    start = LennardJones(epsilon=0.0104, sigma=3.4, cutoff=6.0, onset=5.0)
    crystal = Experiment(System.from_ase(bulk("Ar", a=5.3)), {"stress": Target(Stress(), np.zeros(6), 0.1)})
    for folder, stretches in (("at once", [3]), ("in parts", [1, 3, 3])):
        for updates in stretches:
            tuned(tmp_path / folder, start, {"crystal": crystal}, optax.adam(1e-4), updates)
    logs = [(tmp_path / folder / "log.jsonl").read_text().splitlines() for folder in ("at once", "in parts")]
    steps, losses = ([[json.loads(line)[key] for line in log] for log in logs] for key in ("step", "loss"))
    assert steps[0] == steps[1] == [1, 2, 3]
    assert losses[0] == losses[1]
    assert losses[0][0] > losses[0][2] > 0


def test_fits_and_their_judgement_in_quick_form(tmp_path):
    for stage in ("pretrain", "fits", "judge"):
        main([stage, "--quick", "--output", str(tmp_path)])
    assert all((tmp_path / name / "potential.json").exists() for name in ("pretrained", *FITS))
    with (tmp_path / "judged.csv").open() as file:
        lines = list(csv.DictReader(file))
    assert {line["potential"] for line in lines} == set(NAMES)
    assert {line["what"] for line in lines} >= {f"g(r) {melt}" for melt in MELTS} | {"forces, liquid", "phonons"}
    assert (tmp_path / "figure.png").stat().st_size > 10_000


def test_the_universal_network_in_quick_form(tmp_path):
    main(["universal", "--quick", "--output", str(tmp_path)])
    with (tmp_path / "universal.csv").open() as file:
        lines = {(line["potential"], line["what"]): float(line["value"]) for line in csv.DictReader(file)}
    assert lines["before", "forces, other crystals: change"] == 0
    for name in UNIVERSAL_FITS:
        assert lines[name, "forces, other crystals: change"] > 0
        assert lines[name, "phonons"] > 0
        assert lines[name, "other phonons"] != lines["before", "other phonons"]
