"""`report.html`: one page that needs nothing but itself."""

import base64
from html import escape
from pathlib import Path
from typing import Any

from diffsim.report.figures import Drawing
from diffsim.report.tables import Table

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #1f1f1f; }
h1 { font-size: 1.6rem; margin-bottom: 0; } h2 { font-size: 1.15rem; margin-top: 2.2rem; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: 0.87rem; }
th, td { text-align: left; padding: 0.15rem 0.9rem 0.15rem 0; border-bottom: 1px solid #e4e4e4; }
td.number, th.number { text-align: right; } td.better { color: #1a7a3a; } td.worse { color: #c8442b; }
.figures { display: flex; flex-wrap: wrap; gap: 1.5rem; align-items: flex-start; }
figure { margin: 0; width: 27rem; max-width: 100%; } img { width: 100%; }
figcaption { font-size: 0.85rem; color: #555; }
"""


def page(title: str, summary: str, tables: list[Table], figures: dict[Path, Drawing]) -> str:
    """The page as HTML; `figures` are PNG files that have been written, and what they show."""
    images = "".join(_image(path, drawing) for path, drawing in figures.items())
    return f"""<!doctype html>
<html lang="en"><meta charset="utf-8"><title>{escape(title)}</title>
<meta name="viewport" content="width=device-width, initial-scale=1"><style>{_STYLE}</style>
<h1>{escape(title)}</h1><p>{escape(summary)}</p>
<div class="figures">{images}</div>
{"".join(_table(table) for table in tables)}
</html>
"""


def manifest_table(manifest: dict[str, Any]) -> Table:
    """Where the numbers come from."""
    return Table("Made with", ["", ""], [[str(key), _flat(value)] for key, value in manifest.items()])


def _flat(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {_flat(inner)}" for key, inner in value.items())
    return " ".join(map(str, value)) if isinstance(value, list) else str(value)


def _table(table: Table) -> str:
    numeric = {i for i, head in enumerate(table.heads) if head in ("reference", "before", "after")}
    kind = lambda i: ' class="number"' if i in numeric else ""  # noqa: E731
    heads = "".join(f"<th{kind(i)}>{escape(head)}</th>" for i, head in enumerate(table.heads))
    lines = "".join(f"<tr>{''.join(_cell(cell, kind(i)) for i, cell in enumerate(row))}</tr>" for row in table.rows)
    return f"<h2>{escape(table.title)}</h2><table><tr>{heads}</tr>{lines}</table>"


def _cell(text: str, kind: str) -> str:
    if text in ("better", "worse"):
        kind = f' class="{text}"'
    return f"<td{kind}>{escape(text)}</td>"


def _image(path: Path, drawing: Drawing) -> str:
    data = base64.b64encode(path.read_bytes()).decode()
    caption = escape(drawing.caption)
    return (
        f'<figure><img alt="{caption}" src="data:image/png;base64,{data}"><figcaption>{caption}</figcaption></figure>'
    )
