"""Tables of a run: rows of text, for the page and for the terminal."""

import math
from typing import Any, NamedTuple

from diffsim.report.results import Results, Row, rows, summary


class Table(NamedTuple):
    """A title, the heads of the columns, and rows of text."""

    title: str
    heads: list[str]
    rows: list[list[str]]


def parameter_table(results: Results) -> Table:
    """Each parameter before and after."""
    lines = []
    for name, entry in summary(results)["parameters"].items():
        values = [number(entry["before"]), number(entry["after"]) if entry["trained"] else "kept"]
        lines.append([name, entry["unit"], *values])
    return Table("Parameters", ["parameter", "unit", "before", "after"], lines)


def target_table(results: Results, *, held_out: bool) -> Table:
    """Each number of each target: reference, before, after, and whether it came closer."""
    experiments = results.held_out if held_out else results.fitted
    lines = [
        [
            row.experiment, f"{row.target} {row.component}", row.unit,
            *(rounded(value, row.scale) for value in (row.reference, row.before, row.after)), verdict(row),
        ]
        for row in rows(results, experiments)
    ]  # fmt: skip
    heads = ["experiment", "quantity", "unit", "reference", "before", "after", ""]
    return Table("Held out: not fitted to" if held_out else "Targets of the fit", heads, lines)


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
    return "\n".join([table.title, *(f"  {line.rstrip()}" for line in lines)])


def rounded(value: float, scale: float) -> str:
    """To a hundredth of the scale, whose digits are the ones that matter."""
    return f"{value:.{max(0, 2 - math.floor(math.log10(scale)))}f}"


def number(value: Any) -> str:
    """Six significant digits; of a table over species, its shape where it is long."""
    if isinstance(value, list):
        return "[" + ", ".join(number(v) for v in value) + "]" if len(str(value)) < 80 else f"{len(value)} rows"
    return f"{value:.6g}"
