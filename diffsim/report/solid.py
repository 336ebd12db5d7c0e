"""What the study of a solid leaves: figures, their numbers, and one page."""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tqdm import tqdm

from diffsim.quality import NotApplicable
from diffsim.report.figures import write_columns, write_picture
from diffsim.report.html import framed, listed, manifest_table, pictures, tables
from diffsim.report.results import finite, write_json
from diffsim.report.solid_figures import figures
from diffsim.report.solid_tables import solid_tables
from diffsim.report.tables import plain_text
from diffsim.solid import PARTS, Found, Study, examined


def write(study: Study, folder: Path, manifest: Mapping[str, Any]) -> dict[str, Any]:
    """Measures all parts, and leaves `results.json`, which is given back too, `figures/` and `solid.html`.

    `results.json` is written after each part, so that what is interrupted is not lost.
    """
    start, found, results = time.perf_counter(), {}, {}
    (folder / "figures").mkdir(parents=True)
    with tqdm(total=len(PARTS), disable=None, unit="part", leave=False) as line:
        for part, of_solids in examined(study):
            line.set_description(part, refresh=False)
            line.update()
            found[part] = of_solids
            results = _results(study, found, time.perf_counter() - start)
            write_json(folder / "results.json", results)
    drawn = {}
    for name, (draw, columns) in figures({part: _measured(each) for part, each in found.items()}).items():
        path = folder / "figures" / f"{name}.png"
        write_columns(columns, path.with_suffix(".csv"))
        drawn[path] = write_picture(draw, path)
    body = listed("What could not be measured", results["missing"]) + pictures(drawn) + tables(solid_tables(results))
    html = framed(title(results), headline(results), body + tables([manifest_table(manifest)]))
    (folder / "solid.html").write_text(html, encoding="utf-8")
    return results


def _measured(of_solids: Mapping[str, Found | str]) -> dict[str, Found]:
    return {name: one for name, one in of_solids.items() if isinstance(one, Found)}


def _results(study: Study, found: Mapping[str, Mapping[str, Found | str]], seconds: float) -> dict[str, Any]:
    missing, parts = [], {}
    for part, of_solids in found.items():
        for name, one in of_solids.items():
            reason = one.numbers.get("stopped") if isinstance(one, Found) else one
            missing += [f"{name}, {part}: {reason}."] if reason else []
        parts[part] = {name: one.numbers for name, one in _measured(of_solids).items()}
    solids = {name: type(solid.potential).__name__ for name, solid in study.solids.items()}
    told = {"solids": solids, "settings": described(study), "seconds": seconds, "parts": parts, "missing": missing}
    return finite(told)


def described(study: Study) -> dict[str, Any]:
    """The settings, those that were left open as they were found."""
    solid = next(iter(study.solids.values()))
    told = {"crystal": solid.structure.to_ase().get_chemical_formula(), "repeats": solid.repeats}
    told |= {"defect_repeats": study.defect_repeats, "replicas": study.settings.replicas, "steps": study.settings.steps}
    try:
        return told | {"dt": study.pace.dt, "temperatures": study.temperatures}
    except NotApplicable:  # as the parts say
        return told


def title(results: Mapping[str, Any]) -> str:
    """The model, and what it is compared with."""
    return f"{' beside '.join(results['solids'])}: solid {results['settings']['crystal']}"


def headline(results: Mapping[str, Any]) -> str:
    """The study in a sentence or two."""
    told = []
    for name in results["solids"]:
        parts = {part: each[name] for part, each in results["parts"].items() if name in each}
        words = []
        if "density of states" in parts:
            words.append(f"vibrates up to {parts['density of states']['highest']:.4g} THz")
        if "vacancy" in parts:
            words.append(f"makes a vacancy for {parts['vacancy']['relaxed']:.4g} eV")
        if "barrier" in parts:
            words.append(f"lets it hop over {parts['barrier']['barrier']:.4g} eV")
        told.append(f"{name} {', '.join(words) or 'could not be measured'}")
    return f"{'; '.join(told)}."


def overview(results: Mapping[str, Any], folder: Path) -> str:
    """What the terminal shows at the end."""
    shown = [plain_text(table) for table in solid_tables(results) if table.rows and len(table.rows) < 20]
    lines = [headline(results), *results["missing"], *shown]
    return "\n\n".join([*lines, f"everything in {folder}: open {folder / 'solid.html'}"])
