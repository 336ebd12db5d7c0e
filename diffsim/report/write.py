"""Everything that a finished run leaves behind."""

from pathlib import Path
from typing import Any

from diffsim.io.potential import save_potential
from diffsim.report.figures import AbstractFigure, Deviations, Progress, write_figure
from diffsim.report.page import manifest_table, page
from diffsim.report.results import Results, summary, write_json
from diffsim.report.tables import parameter_table, target_table


def write(results: Results, figures: dict[str, AbstractFigure], manifest: dict[str, Any], folder: Path) -> None:
    """`results.json`, `potential.json` and the LAMMPS file where the form has one, `figures/`, `report.html`."""
    found = summary(results)
    write_json(folder / "results.json", found)
    save_potential(folder / "potential.json", results.after)
    for name, file in (("to_lammps", "potential.lammps"), ("to_setfl", "potential.eam.alloy")):
        if hasattr(results.after, name):
            getattr(results.after, name)(folder / file)
    standard = {"progress": Progress(), "targets": Deviations()}
    if results.held_out:
        standard["held_out"] = Deviations(held_out=True)
    (folder / "figures").mkdir()
    drawn = {}
    for name, figure in (standard | figures).items():
        path = folder / "figures" / f"{name}.png"
        drawn[path] = write_figure(figure, results, path)
    tables = [parameter_table(results), target_table(results, held_out=False)]
    if results.held_out:
        tables.append(target_table(results, held_out=True))
    title = f"{results.name}: {type(results.after).__name__}"
    html = page(title, headline(found), [*tables, manifest_table(manifest)], drawn)
    (folder / "report.html").write_text(html, encoding="utf-8")


def headline(found: dict[str, Any]) -> str:
    """The run in one sentence."""
    loss = found["loss"]
    return (
        f"Loss {loss['before']:.4g} → {loss['after']:.4g} "
        f"in {found['steps']} updates, {found['seconds']:.1f} s, compilation included."
    )
