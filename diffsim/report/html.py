"""Pieces of a page that needs nothing but itself: its frame, tables, pictures, lists of sentences."""

import base64
from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import Any

from diffsim.report.figures import Drawing
from diffsim.report.tables import Table

_HERE = Path(__file__).parent
_NUMERIC = {
    "reference",
    "start",
    "fitted",
    "before",
    "after",
    "±",
    "± χ²",
    "left out",
    "log₁₀ eigenvalue",
    "structures",
    "measured",
}
_NUMBERS = ("± ", "MAE ", "RMSE ")  # what heads of numbers begin with
_VERDICTS = {
    **dict.fromkeys(("better", "inside", "passed"), "better"),
    **dict.fromkeys(("worse", "outside", "failed"), "worse"),
}


def framed(title: str, headline: str, body: str) -> str:
    """The whole page."""
    style = (_HERE / "page.css").read_text(encoding="utf-8")
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>
<meta name="viewport" content="width=device-width, initial-scale=1"><style>{style}</style></head><body>
<h1>{escape(title)}</h1><p>{escape(headline)}</p>
{body}
</body></html>
"""


def listed(title: str, sentences: list[str]) -> str:
    """Sentences one below the other, or nothing where there are none."""
    if not sentences:
        return ""
    return f"<h2>{escape(title)}</h2><ul>{''.join(f'<li>{escape(sentence)}</li>' for sentence in sentences)}</ul>"


def pictures(drawn: Mapping[Path, Drawing]) -> str:
    """PNG files that have been written, and what they show."""
    images = "".join(_image(path, drawing) for path, drawing in drawn.items())
    return f'<h2>Figures</h2><div class="figures">{images}</div>'


def tables(given: list[Table]) -> str:
    """Tables one below the other, numbers to the right."""
    return "".join(map(_table, given))


def manifest_table(manifest: Mapping[str, Any]) -> Table:
    """Where the numbers come from."""
    return Table("Made with", ["", ""], [[str(key), _flat(value)] for key, value in manifest.items()])


def _flat(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {_flat(inner)}" for key, inner in value.items())
    return " ".join(map(str, value)) if isinstance(value, list) else str(value)


def _table(table: Table) -> str:
    numeric = {i for i, head in enumerate(table.heads) if head in _NUMERIC or head.startswith(_NUMBERS)}
    kind = lambda i: ' class="number"' if i in numeric else ""  # noqa: E731
    heads = "".join(f"<th{kind(i)}>{escape(head)}</th>" for i, head in enumerate(table.heads))
    lines = "".join(f"<tr>{''.join(_cell(cell, kind(i)) for i, cell in enumerate(row))}</tr>" for row in table.rows)
    note = f'<p class="note">{escape(table.note)}</p>' if table.note else ""
    return f'<h2>{escape(table.title)}</h2><div class="wide"><table><tr>{heads}</tr>{lines}</table></div>{note}'


def _cell(text: str, kind: str) -> str:
    if text in _VERDICTS:
        kind = f' class="{_VERDICTS[text]}"'
    return f"<td{kind}>{escape(text)}</td>"


def _image(path: Path, drawing: Drawing) -> str:
    data = base64.b64encode(path.read_bytes()).decode()
    caption = escape(drawing.caption)
    return (
        f'<figure><img alt="{caption}" src="data:image/png;base64,{data}"><figcaption>{caption}</figcaption></figure>'
    )
