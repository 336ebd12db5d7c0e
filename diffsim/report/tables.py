"""Tables of a run: rows of text, for the page and for the terminal, from what `results.json` keeps."""

import math
from collections.abc import Mapping
from itertools import groupby
from typing import Any, NamedTuple

import numpy as np

from diffsim.report.rows import Row, rows

_FEW = 20  # free numbers that are shown one by one: of an array with more, its shape and norm
_BOUNDS = {-1: "on its lower bound", 0: "", 1: "on its upper bound"}


class Table(NamedTuple):
    """A title, the heads of the columns, rows of text, and a sentence below."""

    title: str
    heads: list[str]
    rows: list[list[str]]
    note: str = ""


def parameter_table(found: Mapping[str, Any]) -> Table:
    """Each free number before and after with its error, those of a long array in one line; then what was kept."""
    lines = []
    for name, group in groupby(found["uncertainty"]["free"], lambda entry: entry["label"].split("[")[0]):
        entries = list(group)
        if len(entries) > _FEW:
            array = found["parameters"][name]
            lines.append([name, array["unit"], number(array["before"]), number(array["after"]), "", "", ""])
            continue
        for entry in entries:
            error, scaled = (_error(entry[name]) for name in ("error", "error_chi_squared_scaled"))
            numbers = [number(entry["start"]), number(entry["fitted"]), error, scaled]
            lines.append([entry["label"], entry["unit"], *numbers, _BOUNDS[entry["bound"]]])
    one_by_one = {entry["label"].split("[")[0] for entry in found["uncertainty"]["free"]}
    for name, entry in found["parameters"].items():
        if name not in one_by_one:
            after = number(entry["after"]) if entry["trained"] else "kept"
            lines.append([name, entry["unit"], number(entry["before"]), after, "", "", ""])
    note = "±: what the scales of the targets leave open (Laplace). ± χ²: the same times √(Σr²/(n − p)), the misfit."
    note = note if one_by_one else ""
    return Table("Parameters", ["parameter", "unit", "start", "fitted", "±", "± χ²", ""], lines, note)


def target_table(found: Mapping[str, Any], *, held_out: bool) -> Table:
    """Each number of each target: reference, before, after, whether it came closer, and its errors."""
    lines = []
    for row in rows(found["held_out" if held_out else "targets"]):
        digits = lambda value, row=row: rounded(value, row.scale)  # noqa: E731
        interval = f"{digits(row.low)} … {digits(row.high)}" if math.isfinite(row.low) else ""
        numbers = [digits(value) for value in (row.reference, row.before, row.after)]
        lines.append([row.experiment, row.name, row.unit, *numbers, verdict(row), interval])
        lines[-1].append("" if not interval else "inside" if row.inside else "outside")
    heads = ["experiment", "quantity", "unit", "reference", "before", "after", "", "95 %", "reference is"]
    if not held_out:
        return Table("Targets of the fit", heads, lines)
    inside, count = found["uncertainty"]["held_out_inside"]
    note = f"{inside} of {count} held-out references lie inside their 95 % intervals." if count else ""
    return Table("Held out: not fitted to", heads, lines, note)


def error_table(found: Mapping[str, Any]) -> Table:
    """The errors of each prediction by where they come from, and what the others predict for a target left out."""
    lines = []
    for kind in ("targets", "held_out"):
        for row in rows(found[kind]):
            parts = (row.parametric, row.chi_squared_scaled, row.pops, row.after, row.left_out)
            texts = ["" if math.isnan(value) else rounded(value, row.scale) for value in parts]
            lines.append([row.name, row.unit, *texts, rounded(row.reference, row.scale)])
    heads = ["quantity", "unit", "± parametric", "± model (χ²)", "± model (POPS)"]
    heads += ["after", "left out", "reference"]
    note = (
        "Parametric: of the parameters, as the scales of the targets leave them open. Model: that the force field is "
        "wrong, from the misfit of all targets (χ²) and from the parameters that would fit each target exactly (POPS, "
        "doi:10.1088/2632-2153/ad9fce). "
        "Left out: predicted by a fit to all other targets."
    )
    return Table("Errors of the predictions", heads, lines, note)


def combination_table(found: Mapping[str, Any]) -> Table:
    """The largest eigenvalues of the Fisher matrix in decades, and the combinations that they belong to."""
    known = found["uncertainty"]
    lines = []
    for value, combination in [*zip(known["eigenvalues"], known["combinations"], strict=True)][:_FEW]:
        decades = f"{math.log10(value):.1f}" if value and value > known["eigenvalues"][0] * 1e-14 else "none"
        error = f"{100 / math.sqrt(value):.2g} %" if decades != "none" else "open"
        lines.append([decades, error, combination])
    note = f"Condition number {known['condition']:.1e}." if known["condition"] else "The matrix is singular."
    heads = ["log₁₀ eigenvalue", "±", "combination"]
    return Table("What the targets determine: the Fisher matrix in ln |θ|", heads, lines, note)


def correlation_table(found: Mapping[str, Any]) -> Table:
    """Correlations of the free numbers, where they are few enough for a table."""
    labels = [entry["label"] for entry in found["uncertainty"]["free"]]
    if len(labels) > _FEW:
        return Table("Correlations", [], [], f"Of {len(labels)} free numbers, in `results.json`.")
    lines = [
        [label, *(f"{value:+.2f}" for value in line)]
        for label, line in zip(labels, found["uncertainty"]["correlation"], strict=True)
    ]
    return Table("Correlations", ["", *labels], lines)


def verdict(row: Row) -> str:
    """Closer to the reference, further, or as before to 1 % of the scale."""
    change = abs(row.after - row.reference) - abs(row.before - row.reference)
    if not abs(change) < float("inf"):
        return "no structure"
    return "same" if abs(change) < 0.01 * row.scale else "better" if change < 0 else "worse"


def plain_text(table: Table) -> str:
    """The table for a terminal."""
    widths = [max(map(len, column)) for column in zip(table.heads, *table.rows, strict=True)]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        for row in [table.heads, *table.rows]
    ]
    return "\n".join([table.title, *(f"  {line.rstrip()}" for line in lines), *([table.note] if table.note else [])])


def rounded(value: float, scale: float) -> str:
    """To a hundredth of the scale, whose digits are the ones that matter."""
    return f"{value:.{max(0, 2 - math.floor(math.log10(scale)))}f}"


def number(value: Any) -> str:
    """Six significant digits; of an array that is long, its shape and its norm."""
    if isinstance(value, list) and len(str(value)) >= 80:
        value = {"shape": np.shape(value), "norm": np.linalg.norm(np.asarray(value))}
    if isinstance(value, dict):
        return f"{'×'.join(map(str, value['shape']))} of norm {value['norm']:.6g}"
    if isinstance(value, list):
        return "[" + ", ".join(number(v) for v in value) + "]"
    return f"{value:.6g}"


def _error(value: float | None) -> str:
    """Two significant digits; what is not determined has no error."""
    return "open" if value is None or math.isinf(value) else f"{value:.2g}"
