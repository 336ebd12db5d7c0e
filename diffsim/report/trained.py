"""What a training leaves: errors of every part of the data, pictures of them, the best potential, and the page."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from diffsim import units
from diffsim.data.configurations import Configuration
from diffsim.io.potential import save_potential
from diffsim.potentials.uncertain import AbstractUncertain
from diffsim.report.calibrated import calibration_table, columns_of, told
from diffsim.report.figures import Columns, write_columns, write_picture
from diffsim.report.figures.labels import draw_labels
from diffsim.report.figures.learning import draw_learning
from diffsim.report.figures.reliability import draw_reliability
from diffsim.report.html import framed, manifest_table, pictures, tables
from diffsim.report.results import finite, write_json
from diffsim.report.tables import Table, plain_text
from diffsim.training import Parts, TrainingState, calibration, errors_of, relabelled

_UNITS = {"energy": "eV/atom", "forces": "eV/Å", "stress": "GPa"}
_ERROR_UNITS = {"energy": "meV/atom", "forces": "meV/Å", "stress": "MPa"}
_DRAWN = {"learning": draw_learning} | dict.fromkeys(_UNITS, draw_labels) | {"reliability": draw_reliability}


def write(
    what: Mapping[str, str], data: Parts, last: TrainingState, manifest: Mapping[str, Any], folder: Path
) -> dict[str, Any]:
    """`results.json`, which is given back too, `potential.json`, `figures/`, `report.html`.

    `what` are the name of the run and its file of data.
    """
    found = {part: relabelled(last.best, structures) for part, structures in data._asdict().items()}
    sure = calibration(last.best, data.validation, data.test) if isinstance(last.best, AbstractUncertain) else {}
    results = {**what, **_results(data, last, found), "calibration": told(sure)}
    write_json(folder / "results.json", results)
    save_potential(folder / "potential.json", last.best)
    columns: dict[str, Columns] = {
        "learning": {name: [getattr(epoch, name) for epoch in last.history] for name in last.history[0]._fields}
    }
    columns |= {label: _parity(data, found, label) for label in _UNITS}
    columns["reliability"] = columns_of(sure)
    (folder / "figures").mkdir(exist_ok=True)
    for name, numbers in columns.items():
        if next(iter(numbers.values())):  # not of labels that no structure has
            write_columns(numbers, folder / "figures" / f"{name}.csv")
    render(folder, manifest)
    return results


def render(folder: Path, manifest: Mapping[str, Any]) -> None:
    """Draws the pictures and the page again from the data in the folder."""
    found = json.loads((folder / "results.json").read_text(encoding="utf-8"))
    paths = {folder / "figures" / f"{name}.png": draw for name, draw in _DRAWN.items()}
    drawn = {path: write_picture(draw, path) for path, draw in paths.items() if path.with_suffix(".csv").is_file()}
    body = tables(all_tables(found)) + pictures(drawn) + tables([manifest_table(manifest)])
    html = framed(f"{found['name']}: {found['potential']}", headline(found), body)
    (folder / "report.html").write_text(html, encoding="utf-8")


def headline(found: Mapping[str, Any]) -> str:
    """The training in a few sentences."""
    counts = ", ".join(f"{count} for {part}" for part, count in found["structures"].items())
    known = [label for label in ("energy", "forces") if _rmse(found, "training", label) is not None]
    ratios = [f"{_rmse(found, 'test', label) / _rmse(found, 'training', label):.2f} ({label})" for label in known]
    return (
        f"{found['weights']} weights for {', '.join(found['species'])}, learned from {found['data']} (structures: "
        f"{counts}) in {found['epochs']} epochs and {found['seconds']:.0f} s. Kept are those of epoch "
        f"{found['best_epoch']}, whose validation loss was lowest, {found['best_loss']:.4g}. Errors of the test "
        f"set are {' and '.join(ratios)} times those of the training set."
    )


def all_tables(found: Mapping[str, Any]) -> list[Table]:
    """Errors, and how they were predicted where the potential knows how sure it is."""
    return error_tables(found) + ([calibration_table(found)] if found["calibration"] else [])


def error_tables(found: Mapping[str, Any]) -> list[Table]:
    """Errors of each group of each part, those of the test set first."""
    told = [label for label in _UNITS if _rmse(found, "training", label) is not None]
    heads = [f"{kind} {label} ({_ERROR_UNITS[label]})" for label in told for kind in ("MAE", "RMSE")]
    shown = []
    for part in ("test", "validation", "training"):
        rows = []
        for group, errors in found["errors"][part].items():
            numbers = [errors[f"{label}_{kind}"] for label in told for kind in ("mae", "rmse")]
            rows.append([group, str(errors["structures"]), *("" if n is None else f"{n:.3g}" for n in numbers)])
        shown.append(Table(f"Errors: {part}", ["group", "structures", *heads], rows))
    return shown


def overview(found: Mapping[str, Any], folder: Path) -> str:
    """What the terminal shows at the end."""
    shown = "\n\n".join(map(plain_text, all_tables(found)))
    return f"{headline(found)}\n\n{shown}\n\neverything in {folder}: open {folder / 'report.html'}"


def _rmse(found: Mapping[str, Any], part: str, label: str) -> Any:
    """Of all structures of a part."""
    return list(found["errors"][part].values())[-1][f"{label}_rmse"]


def _results(data: Parts, last: TrainingState, found: Mapping[str, Sequence[Configuration]]) -> dict[str, Any]:
    from ase.data import chemical_symbols

    errors = {
        part: {group: one._asdict() for group, one in errors_of(found[part], structures).items()}
        for part, structures in data._asdict().items()
    }
    return finite(
        {
            "potential": type(last.best).__name__,
            "species": [chemical_symbols[z] for z in last.best.species],
            "structures": {part: len(structures) for part, structures in data._asdict().items()},
            "weights": sum(int(np.size(array)) for array in last.memory.moving.values()),
            "epochs": last.step,
            "best_epoch": last.best_epoch,
            "best_loss": last.history[last.best_epoch].validation_loss,
            "seconds": last.seconds,
            "errors": errors,
        }
    )


def _parity(data: Parts, found: Mapping[str, Sequence[Configuration]], what: str) -> Columns:
    """Every number of one kind of label, and what the potential says of it."""
    columns: dict[str, list[Any]] = {"part": [], "group": [], "label": [], "prediction": [], "unit": []}
    for part, structures in data._asdict().items():
        for true, own in zip(structures, found[part], strict=True):
            label, prediction = (np.ravel(_shown(one, what)) for one in (true, own))
            known = np.isfinite(label) & np.isfinite(prediction)
            columns["label"] += label[known].tolist()
            columns["prediction"] += prediction[known].tolist()
            for head, word in (("part", part), ("group", true.group), ("unit", _UNITS[what])):
                columns[head] += [word] * int(known.sum())
    return columns


def _shown(one: Configuration, what: str) -> Any:
    if what == "energy":
        return one.energy / len(one.forces)
    return one.forces if what == "forces" else one.stress / units.GPa
