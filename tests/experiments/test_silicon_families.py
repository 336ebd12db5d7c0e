"""All families on first-principles silicon: what is learned from, and all of it in quick form."""

import json

import numpy as np

from experiments.silicon_families.__main__ import main
from experiments.silicon_families.data import FAR, crystalline, parts


def test_fewer_structures_are_among_more_and_the_test_is_the_same():
    few, more = parts(8), parts(16)
    prints = [{np.asarray(one.system.positions).tobytes() for one in part} for part in (*few, *more)]
    assert prints[0] < prints[3]
    assert prints[1] < prints[4]
    assert prints[2] == prints[5]
    assert not prints[3] & (prints[4] | prints[5])
    assert {one.group for one in few.training} >= {"liquid", "rattled", "vacancy"}
    assert not {one.group for one in crystalline(more.training)} & {*FAR}


def test_all_of_it_in_quick_form(tmp_path, capsys):
    main(["all", "--quick", "--output", str(tmp_path)])
    told = json.loads((tmp_path / "moment_tensors_16-12.json").read_text())
    assert told["structures"] == 12
    assert 0 < told["training"]["all"]["forces_mae"] < told["test"]["all"]["forces_mae"]
    assert 0 < told["step (µs/atom)"] < 1e4
    lines = (tmp_path / "table.md").read_text().splitlines()
    assert len(lines) == 2 + 2
    assert "| SchNet | 12 |" in capsys.readouterr().out
    assert (tmp_path / "learning_curves.png").stat().st_size > 10_000
