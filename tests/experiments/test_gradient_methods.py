"""The comparison of gradient methods on liquid argon: its identity, its machinery, and what was measured with it."""

import json

import numpy as np
import pytest

from experiments.gradient_methods.__main__ import HERE, main
from experiments.gradient_methods.liquid import NAMES

KEPT = json.loads((HERE / "results.json").read_text(encoding="utf-8"))


def test_both_references_agree():
    """Covariances of one ensemble, and differences of ensembles that were equilibrated anew."""
    for name in NAMES:
        one, other = (KEPT["reference"][kind][name] for kind in ("covariance", "differences"))
        assert abs(one["value"] - other["value"]) < 3 * np.hypot(one["error"], other["error"])


def test_the_path_explodes_and_reweighting_takes_over():
    """The picture's two sentences, as numbers: at the greatest length."""
    expected = KEPT["reference"]["covariance"]["epsilon"]["value"]
    last = {name: entries[-1] for name, entries in KEPT["methods"].items()}
    for name in ("Forward", "Reversible", "Backprop", "FromEquilibrium"):  # exact, and useless
        assert abs(last[name]["slopes"]["epsilon"]) > 1e3 * abs(expected)
    off, error = last["Reweighting"]["slopes"]["epsilon"] - expected, last["Reweighting"]["errors"]["epsilon"]
    assert abs(off) < 3 * error + 0.02 * abs(expected)
    assert error < 0.05 * abs(expected)


@pytest.mark.slow
def test_the_machinery_runs(tmp_path):
    """The shortest length alone; all methods have a slope, and those of the path the same."""
    main(["--quick", "--output", str(tmp_path / "quick.json")])
    found = json.loads((tmp_path / "quick.json").read_text(encoding="utf-8"))
    assert (tmp_path / "quick.png").exists()
    slopes = {name: entries[0]["slopes"]["epsilon"] for name, entries in found["methods"].items()}
    assert np.isfinite(list(slopes.values())).all()
    # one path, differentiated forwards and backwards: apart by rounding, which a list that breaks would not be
    assert slopes["Forward"] == pytest.approx(slopes["Backprop"], rel=1e-9)
    assert slopes["Forward"] == pytest.approx(slopes["Reversible"], rel=1e-6)
