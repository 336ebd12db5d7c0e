"""Everything that a finished run leaves behind: what was found, as plain data; and what is drawn from that alone."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from diffsim.io.potential import save_potential, write_lammps
from diffsim.report.card import card
from diffsim.report.figures import AbstractFigure, Deviations, Parity, Progress, write_columns, write_picture
from diffsim.report.html import manifest_table
from diffsim.report.page import page
from diffsim.report.results import Results, write_json
from diffsim.report.summary import summary
from diffsim.report.tables import combination_table, correlation_table, error_table, parameter_table, target_table


def write(results: Results, figures: Mapping[str, AbstractFigure], manifest: dict[str, Any], folder: Path) -> None:
    """`results.json`, `sensitivity.json`, `potential.json` and its LAMMPS file, `figures/`, `report.html`."""
    write_json(folder / "results.json", summary(results))
    write_json(folder / "sensitivity.json", card(results, figures))
    save_potential(folder / "potential.json", results.after)
    write_lammps(folder, results.after)
    (folder / "figures").mkdir(exist_ok=True)
    for name, figure in everything(figures, held_out=bool(results.held_out)).items():
        write_columns(figure.columns(results, results.shown.get(name)), folder / "figures" / f"{name}.csv")
    render(folder, figures, manifest)


def render(folder: Path, figures: Mapping[str, AbstractFigure], manifest: dict[str, Any]) -> None:
    """Draws the pictures and the page again from the data in the folder; nothing is simulated."""
    found = json.loads((folder / "results.json").read_text(encoding="utf-8"))
    sensitivity = json.loads((folder / "sensitivity.json").read_text(encoding="utf-8"))
    drawn = {}
    for name, figure in everything(figures, held_out=bool(found["held_out"])).items():
        path = folder / "figures" / f"{name}.png"
        drawn[path] = write_picture(figure.draw, path)
    tables = [parameter_table(found), target_table(found, held_out=False)]
    if found["held_out"]:
        tables.append(target_table(found, held_out=True))
    if found["uncertainty"]["free"]:
        tables += [error_table(found), combination_table(found), correlation_table(found)]
    html = page(found, [*tables, manifest_table(manifest)], drawn, sensitivity)
    (folder / "report.html").write_text(html, encoding="utf-8")


def everything(figures: Mapping[str, AbstractFigure], *, held_out: bool) -> dict[str, AbstractFigure]:
    """The figures that every run has, then its own."""
    standard: dict[str, AbstractFigure] = {"progress": Progress(), "targets": Deviations()}
    if held_out:
        standard["held_out"] = Deviations(held_out=True)
    return standard | {"parity": Parity()} | dict(figures)
