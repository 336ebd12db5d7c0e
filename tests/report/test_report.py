"""Tables, figures, the card and the page of a run, on made-up predictions."""

import csv
import json

import numpy as np
import pytest
from ase.build import bulk

from diffsim import CohesiveEnergy, Experiment, LennardJones, Stress, System, Target
from diffsim.report.card import card
from diffsim.report.confirmed import Range
from diffsim.report.figures import Deviations, EnergyVolume, Parity, PhononBands, Progress, write_columns, write_picture
from diffsim.report.figures.base import read_columns
from diffsim.report.html import manifest_table
from diffsim.report.page import page
from diffsim.report.results import Results, Shown, Update, values_of, write_json
from diffsim.report.rows import rows
from diffsim.report.summary import summary
from diffsim.report.tables import (
    Table,
    combination_table,
    correlation_table,
    error_table,
    parameter_table,
    plain_text,
    rounded,
    target_table,
)
from diffsim.uncertainty import Component, LeftOut, LocalModel, Uncertainty, determination, intervals

ARGON = System.from_ase(bulk("Ar", a=5.3))
STRESS = ("xx", "yy", "zz", "yz", "xz", "xy")


def potential(epsilon: float = 0.01) -> LennardJones:
    return LennardJones(epsilon=epsilon, sigma=3.4, cutoff=6.0)


def made_up() -> Uncertainty:
    """Two free numbers, ε and σ; the stress depends on both, the held-out energy has no structure."""
    slopes = [[0.4, 1.0], [0.4, 1.0], [0.4, 1.0], [0.0, 0.0], [0.0, 0.0], [0.0, 0.0]]
    after = [0.5, 0.5, 0.5, 0.0, 0.0, 0.0]
    stress = [
        Component("crystal", "stress", name, "GPa", 0.0, 0.5, 1.0, value, np.array(slope))
        for name, value, slope in zip(STRESS, after, slopes, strict=True)
    ]
    energy = Component("other", "energy", "E_coh", "eV/atom", 0.08, 0.01, 1.0, np.nan, np.array([np.nan, np.nan]))
    model = LocalModel(
        labels=("epsilon", "sigma"),
        logarithmic=np.array([True, True]),
        free=np.log([0.02, 3.4]),
        bounds=np.array([0, 1]),
        pull=np.zeros(2),
        stiffness=np.array([1.0, 2.0]),
        fitted=stress,
        held_out=[energy],
    )
    known = determination(model)
    left = [LeftOut("crystal", "stress", c.label, "GPa", 0.0, 0.5, c.prediction, 0.7) for c in stress]
    sentences = ["<b>stress</b> stays too high"]
    fitted, unseen = intervals(model, known, stress), intervals(model, known, [energy])
    return Uncertainty(model, known, fitted, unseen, left, sentences)


@pytest.fixture
def results() -> Results:
    """A fit of stress and energy; the held-out energy could not be predicted afterwards."""
    before = {"crystal": {"stress": np.array([1.0, 1, 1, 0, 0, 0])}, "other": {"energy": np.array(0.07)}}
    after = {"crystal": {"stress": np.array([0.5, 0.5, 0.5, 0, 0, 0])}, "other": {"energy": np.array(np.nan)}}
    modes = np.array([[0.0, 0, 0], [1.0, 1.0, 1.5], [1.4, 1.4, 2.0]])
    parts = {"path": modes[:2], "mesh": modes[2:]}
    slopes = {name: np.stack([0.5 * part, -part], axis=-1) for name, part in parts.items()}
    stiffer = {name: np.sqrt(2) * part for name, part in parts.items()}
    return Results(
        name="made up",
        fitted={"crystal": Experiment(ARGON, {"stress": Target(Stress(), np.zeros(6), 0.5)})},
        held_out={"other": Experiment(ARGON, {"energy": Target(CohesiveEnergy(), 0.08, 0.01)})},
        before=potential(),
        after=potential(0.02),
        predicted_before=before,
        predicted_after=after,
        first_loss=6.0,
        history=[Update(1, 1.5, 2, 0.1, values_of(potential(0.02)))],
        trained=("epsilon", "sigma"),
        expected=["No target depends on <i>."],
        uncertainty=made_up(),
        shown={"bands": Shown(parts, stiffer, slopes)},
        confirmed=[Range(-0.1, 0.2), Range(0.0, 0.05)],
    )


def drawn(figure, results, path, shown=None):
    """The figure as a run leaves it."""
    write_columns(figure.columns(results, shown), path.with_suffix(".csv"))
    return write_picture(figure.draw, path)


def test_equal_components_share_a_row(results):
    first, second = rows(summary(results)["targets"])
    assert (first.component, second.component) == ("xx–zz", "yz–xy")
    assert (first.before, first.after, first.better) == (1.0, 0.5, True)
    assert (first.left_out, first.inside) == (0.7, True)


def test_the_summary_says_better_or_worse(results):
    found = summary(results)
    assert found["loss"] == {"before": 6.0, "after": 1.5}
    assert found["evaluations"] == 2
    assert found["targets"]["crystal"]["stress"]["better"]
    assert not found["held_out"]["other"]["energy"]["better"]
    assert found["parameters"]["epsilon"] == {"before": 0.01, "after": 0.02, "unit": "eV", "trained": True}
    assert found["uncertainty"]["held_out_inside"] == [0, 1]


def test_json_has_null_where_there_is_no_number(results, tmp_path):
    write_json(tmp_path / "results.json", summary(results))
    found = json.loads((tmp_path / "results.json").read_text(), parse_constant=pytest.fail)
    assert found["held_out"]["other"]["energy"]["after"] is None


def test_tables_can_be_made_again_from_the_stored_summary(results, tmp_path):
    write_json(tmp_path / "results.json", summary(results))
    again, once = json.loads((tmp_path / "results.json").read_text()), summary(results)
    for table in (parameter_table, combination_table, correlation_table, error_table):
        assert table(again) == table(once)
    for held_out in (False, True):
        assert target_table(again, held_out=held_out) == target_table(once, held_out=held_out)


def test_parameters_have_errors_in_their_own_units(results):
    known, lines = results.uncertainty.parameters, parameter_table(summary(results)).rows
    assert lines[0] == ["epsilon", "eV", "0.01", "0.02", f"{0.02 * known.errors[0]:.2g}", lines[0][5], ""]
    assert float(lines[0][5]) >= float(lines[0][4])
    assert lines[1][-1] == "on its upper bound"
    assert lines[2] == ["cutoff", "Å", "6", "kept", "", "", ""]


def test_combinations_are_listed_by_decades(results):
    lines = combination_table(summary(results)).rows
    values = results.uncertainty.parameters.eigenvalues
    assert float(lines[0][0]) == pytest.approx(np.log10(values[0]), abs=0.06)
    assert "ln sigma" in lines[0][2]


def test_a_table_rounds_to_a_hundredth_of_the_scale():
    assert [rounded(151.1357, scale) for scale in (3.0, 0.1, 20.0, 500.0)] == ["151.14", "151.136", "151.1", "151"]


def test_a_property_without_a_structure_is_said_to_have_none(results):
    line = target_table(summary(results), held_out=True).rows[0]
    assert "no structure" in line
    assert line[-2:] == ["", ""]


def test_a_table_is_aligned_in_the_terminal(results):
    lines = plain_text(parameter_table(summary(results))).splitlines()
    assert lines[0] == "Parameters"
    assert {line.index(word) for line, word in zip(lines[1:3], ("unit", "eV"), strict=True)} == {lines[1].index("unit")}


def test_figures_are_drawn_from_their_stored_data(results, tmp_path):
    for name, figure in {
        "progress": Progress(),
        "targets": Deviations(),
        "held_out": Deviations(held_out=True),
        "parity": Parity(),
    }.items():
        drawing = drawn(figure, results, tmp_path / f"{name}.png")
        assert drawing.figure.axes[-1].get_xlabel()
        assert (tmp_path / f"{name}.png").read_bytes().startswith(b"\x89PNG")
        with (tmp_path / f"{name}.csv").open() as file:
            assert next(csv.reader(file)) == list(figure.columns(results, None))


def test_columns_come_back_as_they_were(tmp_path):
    columns = {"x": [0.1, 1 / 3, 1e-17], "unit": ["GPa", "", ""], "short": [1.0]}
    write_columns(columns, tmp_path / "c.csv")
    assert read_columns(tmp_path / "c.csv") == columns


def test_curves_start_from_the_minimum_of_each_potential(results, tmp_path):
    volumes = np.linspace(35.0, 39.0, 5)
    figure = EnergyVolume(ARGON, volumes=volumes, energies=0.001 * (volumes - 37) ** 2 - 5.0)
    shown = Shown({"curve": np.arange(5.0)}, {"curve": 2 * np.arange(5.0)}, {})
    columns = figure.columns(results, shown)
    assert min(columns["reference (eV/atom)"]) == 0.0
    np.testing.assert_array_equal(columns["after (eV/atom)"], 2 * np.arange(5.0))
    assert drawn(figure, results, tmp_path / "eos.png", shown).figure.axes[0].get_xlabel() == "volume (Å³/atom)"
    experiment = figure.experiment
    found = experiment.predict(potential(), experiment.start(potential()))[0]["curve"]
    assert found.shape == (5,)
    assert float(found.min()) > -1e-3  # relative to the potential's own volume, where it is zero


@pytest.fixture
def bands() -> PhononBands:
    segment = {"labels": ["Γ", "X"], "length": 1.2, "qpoints": [[0, 0, 0], [0.25, 0, 0.25]]}
    expected = {"frequencies": [[0.0, 0, 0], [1, 1, 1.5]]}
    density = {"frequencies": [0.0, 2.0], "density": [0.0, 1.0]}
    return PhononBands(ARGON, [segment | expected], mesh=(1, 1, 1), width=0.2, density=density)


def test_bands_and_their_density_are_drawn(results, bands, tmp_path):
    drawing = drawn(bands, results, tmp_path / "bands.png", results.shown["bands"])
    columns = read_columns(tmp_path / "bands.csv")
    assert columns["after 3 (THz)"] == (np.sqrt(2) * np.array([0.0, 1.5])).tolist()
    states = np.trapezoid(columns["before density (1/THz)"], columns["frequency (THz)"])
    assert 1.9 < states <= 3.0  # the highest of the mesh's three modes lies above the grid
    assert [label.get_text() for label in drawing.figure.axes[0].get_xticklabels()] == ["Γ", "X"]
    assert {k: t.reference.shape for k, t in bands.experiment.targets.items()} == {"path": (2, 3), "mesh": (1, 3)}


def test_the_card_holds_every_prediction_and_its_slopes(results, bands):
    found = card(results, {"bands": bands, "other": Progress()})
    assert [p["label"] for p in found["parameters"]] == ["epsilon", "sigma"]
    assert found["parameters"][0]["confirmed"] == [-0.1, 0.2]
    stress = found["outputs"][0]
    assert (stress["name"], stress["value"], stress["slope"]) == ("stress xx", 0.5, [0.4, 1.0])
    assert [o["kind"] for o in found["outputs"]] == ["fitted to", "fitted to", "held out"]  # equal ones once
    (shown,) = found["bands"]
    assert np.shape(shown["slopes"]) == (2, 3, 2)
    assert np.shape(shown["mesh_slopes"]) == (1, 3, 2)


def test_the_page_is_escaped_and_needs_nothing_else(results, bands, tmp_path):
    drawing = drawn(Deviations(), results, tmp_path / "targets.png")
    table = Table("A <b> title", ["quantity"], [["<script>alert(1)</script>"]], "a <note>")
    made_with = manifest_table({"command": ["experiment=<x>"]})
    found = summary(results._replace(name="<silicon> & </script>"))
    sensitivity = card(results, {"bands": bands})
    sensitivity["outputs"][0]["name"] = "</script><script>alert(2)</script>"
    html = page(found, [table, made_with], {tmp_path / "targets.png": drawing}, sensitivity)
    assert html.count("<script") == 2  # the data and the card
    assert "alert(2)</script>" not in html
    assert "&lt;silicon&gt; &amp; &lt;/script&gt;" in html
    assert "&lt;b&gt;stress&lt;/b&gt; stays too high" in html
    assert "No target depends on &lt;i&gt;." in html
    assert 'src="data:image/png;base64,' in html
    for elsewhere in ("https://", "src=http", "@import", "url("):
        assert elsewhere not in html
    assert html.count("http://") == html.count("http://www.w3.org/2000/svg") == 1
