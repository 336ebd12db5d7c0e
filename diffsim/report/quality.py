"""What a quality report leaves: the verdict of every check, their figures, and the page."""

import functools
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from tqdm import tqdm

from diffsim.quality import CHECKS, Subject, examined
from diffsim.report.figures import Columns, Drawing, write_columns, write_picture
from diffsim.report.figures.labels import draw_labels
from diffsim.report.figures.quality import draw_curves
from diffsim.report.html import framed, manifest_table, pictures, tables
from diffsim.report.results import finite, write_json
from diffsim.report.tables import Table, plain_text

_CAPTIONS = {
    "smooth to the cutoff": "energy and force while an atom leaves the reach of a bonded pair.",
    "phonons": "density of states of the waves that fit into a supercell; below zero they are imaginary.",
    "energy conservation": "total energy of the crystal in motion, from its start.",
}
_RANGE = "atoms by their distance from the training set; right of the line the potential extrapolates."
_RANGES = ("test set in the training range", "crystal in the training range")
_DIMERS = "energy of two atoms from that at the largest distance; linear below 1 eV, logarithmic above."
_LABELS = ("energies of the test set", "forces of the test set", "stresses of the test set")
_DRAWN: dict[str, Callable[[Columns], Drawing]] = {
    **dict.fromkeys(_LABELS, draw_labels),
    **{name: functools.partial(draw_curves, caption=caption) for name, caption in _CAPTIONS.items()},
    **dict.fromkeys(_RANGES, functools.partial(draw_curves, caption=_RANGE, mark=1.0)),
    "repulsive dimers": functools.partial(draw_curves, caption=_DIMERS, symmetric_log=True),
}


def write(subject: Subject, name: str, folder: Path, manifest: Mapping[str, Any]) -> dict[str, Any]:
    """Makes all checks, and leaves `results.json`, which is given back too, `figures/` and `report.html`."""
    start = time.perf_counter()
    checks, columns = {}, {}
    with tqdm(examined(subject), total=len(CHECKS), disable=None, unit="check", leave=False) as line:
        for check, verdict in line:
            line.set_description(check, refresh=False)
            checks[check] = {key: value for key, value in verdict._asdict().items() if key != "columns"}
            if verdict.columns:
                columns[check] = verdict.columns
    results = finite({"name": name, **_described(subject), "seconds": time.perf_counter() - start, "checks": checks})
    (folder / "figures").mkdir(parents=True)
    write_json(folder / "results.json", results)
    drawn = {}
    for check, numbers in columns.items():
        path = folder / "figures" / f"{check.replace(' ', '_')}.png"
        write_columns(numbers, path.with_suffix(".csv"))
        drawing = write_picture(_DRAWN[check], path)
        drawn[path] = drawing._replace(caption=f"{check.capitalize()}: {drawing.caption}")
    body = tables([check_table(results)]) + pictures(drawn) + tables([manifest_table(manifest)])
    html = framed(f"{name}: quality of {results['potential']}", headline(results), body)
    (folder / "report.html").write_text(html, encoding="utf-8")
    return results


def headline(found: Mapping[str, Any]) -> str:
    """The report in a few sentences."""
    outcomes = [one["outcome"] for one in found["checks"].values()]
    failed = [name for name, one in found["checks"].items() if one["outcome"] == "failed"]
    counts = f"{outcomes.count('passed')} of {len(outcomes)} checks passed"
    missed = f", {len(failed)} failed ({', '.join(failed)})" if failed else ", none failed"
    rest = outcomes.count("not applicable")
    lacking = f", {rest} could not be made for lack of data or of a structure" if rest else ""
    return f"{counts}{missed}{lacking}. {found['made_on']}"


def check_table(found: Mapping[str, Any]) -> Table:
    """A line for each check."""
    rows = []
    for name, one in found["checks"].items():
        numbers = ["", ""]
        if one["bar"] is not None:
            numbers = [_number(one["measured"]), f"{one['sense']} {one['bar']:.3g} {one['unit']}"]
        rows.append([name, one["outcome"], *numbers, one["sentence"]])
    return Table("Checks", ["check", "outcome", "measured", "bar", "what was found"], rows)


def overview(found: Mapping[str, Any], folder: Path) -> str:
    """What the terminal shows at the end."""
    table = check_table(found)
    return f"{headline(found)}\n\n{plain_text(table)}\n\neverything in {folder}: open {folder / 'report.html'}"


def _described(subject: Subject) -> dict[str, Any]:
    crystal = None if subject.structure is None else subject.structure.to_ase().get_chemical_formula()
    made = f"The crystal has {crystal} in a cell" if crystal else "There is no crystal"
    data = f"; {len(subject.training)} training and {len(subject.test)} test structures" if subject.training else ""
    return {
        "potential": type(subject.potential).__name__,
        "made_on": f"{made}{data}.",
        "temperature": subject.temperature,
    }


def _number(value: float | None) -> str:
    return "not a number" if value is None else f"{value:.3g}"
