"""Tables, figures and the page of a run, on made-up predictions."""

import csv
import json

import numpy as np
import pytest
from ase.build import bulk

from diffsim import CohesiveEnergy, Experiment, LennardJones, Stress, System, Target
from diffsim.report.figures import Deviations, EnergyVolume, PhononBands, Progress, write_figure
from diffsim.report.page import manifest_table, page
from diffsim.report.results import Results, Update, loss_of, rows, summary, values_of, write_json
from diffsim.report.tables import Table, parameter_table, plain_text, rounded, target_table

ARGON = System.from_ase(bulk("Ar", a=5.3))


def potential(epsilon: float = 0.01) -> LennardJones:
    return LennardJones(epsilon=epsilon, sigma=3.4, cutoff=6.0)


@pytest.fixture
def results() -> Results:
    """A fit of stress and energy; the held-out energy could not be predicted afterwards."""
    fitted = {"crystal": Experiment(ARGON, {"stress": Target(Stress(), np.zeros(6), 0.5)})}
    held_out = {"other": Experiment(ARGON, {"energy": Target(CohesiveEnergy(), 0.08, 0.01)})}
    before = {"crystal": {"stress": np.array([1.0, 1, 1, 0, 0, 0])}, "other": {"energy": np.array(0.07)}}
    after = {"crystal": {"stress": np.array([0.5, 0.5, 0.5, 0, 0, 0])}, "other": {"energy": np.array(np.nan)}}
    history = [Update(1, 1.5, 0.1, values_of(potential(0.02)))]
    return Results("made up", fitted, held_out, potential(), potential(0.02), before, after, history, ("epsilon",))


def test_the_loss_is_half_the_sum_of_squares(results):
    assert loss_of(results.fitted, results.predicted_before) == pytest.approx(0.5 * 3 * 2.0**2)


def test_equal_components_share_a_row(results):
    first, second = rows(results, results.fitted)
    assert (first.component, second.component) == ("xx–zz", "yz–xy")
    assert (first.before, first.after, first.better) == (1.0, 0.5, True)


def test_the_summary_says_better_or_worse(results):
    found = summary(results)
    assert found["targets"]["crystal"]["stress"]["better"]
    assert not found["held_out"]["other"]["energy"]["better"]
    assert found["parameters"]["epsilon"] == {"before": 0.01, "after": 0.02, "unit": "eV", "trained": True}


def test_json_has_null_where_there_is_no_number(results, tmp_path):
    write_json(tmp_path / "results.json", summary(results))
    found = json.loads((tmp_path / "results.json").read_text(), parse_constant=pytest.fail)
    assert found["held_out"]["other"]["energy"]["after"] is None


def test_a_table_rounds_to_a_hundredth_of_the_scale():
    assert [rounded(151.1357, scale) for scale in (3.0, 0.1, 20.0, 500.0)] == ["151.14", "151.136", "151.1", "151"]


def test_a_property_without_a_structure_is_said_to_have_none(results):
    assert target_table(results, held_out=True).rows[0][-1] == "no structure"


def test_a_table_is_aligned_in_the_terminal(results):
    lines = plain_text(parameter_table(results)).splitlines()
    assert lines[0] == "Parameters"
    assert {line.index(word) for line, word in zip(lines[1:3], ("unit", "eV"), strict=True)} == {lines[1].index("unit")}


def test_figures_are_written_with_their_data(results, tmp_path):
    for name, figure in {
        "progress": Progress(),
        "targets": Deviations(),
        "held_out": Deviations(held_out=True),
    }.items():
        drawing = write_figure(figure, results, tmp_path / f"{name}.png")
        assert drawing.figure.axes[-1].get_xlabel()
        assert (tmp_path / f"{name}.png").read_bytes().startswith(b"\x89PNG")
        with (tmp_path / f"{name}.csv").open() as file:
            assert next(csv.reader(file)) == list(drawing.columns)


def test_curves_start_from_the_minimum_of_each_potential(results):
    volumes = np.linspace(35.0, 39.0, 5)
    figure = EnergyVolume(ARGON, volumes=volumes, energies=0.001 * (volumes - 37) ** 2 - 5.0)
    columns = figure.draw(results).columns
    assert min(columns["reference (eV/atom)"]) == 0.0
    before, after = (np.array(columns[f"{side} (eV/atom)"]) for side in ("before", "after"))
    assert (before >= 0).all()
    np.testing.assert_allclose(after, 2 * before, rtol=1e-9)  # the energy is linear in ε: the minimum does not move


def test_bands_of_twice_the_stiffness_are_higher_by_its_root(results):
    segment = {"labels": ["Γ", "X"], "length": 1.2, "qpoints": [[0, 0, 0], [0.25, 0, 0.25], [0.5, 0, 0.5]]}
    figure = PhononBands(ARGON, [segment | {"frequencies": [[0.0, 0, 0], [1, 1, 1.5], [1.4, 1.4, 2.0]]}])
    drawing = figure.draw(results)
    low, high = (np.array(drawing.columns[f"{side} 3 (THz)"]) for side in ("before", "after"))
    np.testing.assert_allclose(high[1:], np.sqrt(2) * low[1:], rtol=1e-9)
    assert [label.get_text() for label in drawing.figure.axes[0].get_xticklabels()] == ["Γ", "X"]


def test_the_page_is_escaped_and_needs_nothing_else(results, tmp_path):
    drawing = write_figure(Deviations(), results, tmp_path / "targets.png")
    table = Table("A <b> title", ["quantity"], [["<script>alert(1)</script>"]])
    made_with = manifest_table({"command": ["experiment=<x>"]})
    html = page("<silicon>", "a & b", [table, made_with], {tmp_path / "targets.png": drawing})
    assert "<script>" not in html
    assert "&lt;silicon&gt;" in html
    assert "a &amp; b" in html
    assert 'src="data:image/png;base64,' in html
    assert "http://" not in html
    assert "https://" not in html
