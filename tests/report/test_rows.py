"""Rows of a run's tables."""

import numpy as np

from diffsim.report.rows import MANY, rows


def entry(count: int) -> dict:
    reference = np.linspace(-1.0, 1.0, count)
    before, after = reference + 0.3, reference - 0.1
    numbers = {"reference": reference.tolist(), "before": before.tolist(), "after": after.tolist()}
    return numbers | {"unit": "eV/Å", "scale": 0.5, "labels": [str(i) for i in range(count)], "errors": {}}


def test_a_target_of_very_many_numbers_is_shown_by_its_deviation():
    (row,) = rows({"data": {"forces": entry(MANY + 1)}})
    assert row.name == f"forces rms of {MANY + 1}"
    np.testing.assert_allclose((row.reference, row.before, row.after), (0.0, 0.3, 0.1), rtol=1e-12)
    assert row.better


def test_fewer_are_shown_one_by_one():
    assert len(rows({"data": {"forces": entry(MANY)}})) == MANY
