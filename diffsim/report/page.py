"""`report.html`: one page that needs nothing but itself."""

import base64
import json
from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import Any

from diffsim.report.figures import Drawing
from diffsim.report.results import finite
from diffsim.report.tables import Table

_HERE = Path(__file__).parent
_NUMERIC = {"reference", "start", "fitted", "before", "after", "±", "± χ²", "left out", "log₁₀ eigenvalue"}
_VERDICTS = {"better": "better", "worse": "worse", "inside": "better", "outside": "worse"}


def page(
    found: Mapping[str, Any], tables: list[Table], figures: Mapping[Path, Drawing], sensitivity: Mapping[str, Any]
) -> str:
    """The page as HTML; `figures` are PNG files that have been written, and what they show."""
    title = f"{found['name']}: {found['potential']}"
    images = "".join(_image(path, drawing) for path, drawing in figures.items())
    style, script = ((_HERE / name).read_text(encoding="utf-8") for name in ("page.css", "card.js"))
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>
<meta name="viewport" content="width=device-width, initial-scale=1"><style>{style}</style></head><body>
<h1>{escape(title)}</h1><p>{escape(headline(found))}</p>
{_sentences("Before the fit", found["uncertainty"]["before_the_fit"])}
{_sentences("How it was differentiated", [f"{name}: {why}." for name, why in found.get("gradients", {}).items()])}
{_sentences("What this fit could not do", found["uncertainty"]["sentences"])}
{"".join(_table(table) for table in tables[:1])}
<h2>Figures</h2><div class="figures">{images}</div>
{_card()}
{"".join(_table(table) for table in tables[1:])}
<script type="application/json" id="sensitivity">{_embedded(sensitivity)}</script>
<script>{script}</script>
</body></html>
"""


def headline(found: Mapping[str, Any]) -> str:
    """The run in one sentence or two."""
    loss, (inside, count) = found["loss"], found["uncertainty"]["held_out_inside"]
    coverage = f" {inside} of {count} held-out references lie inside their 95 % intervals." if count else ""
    return (
        f"Loss {loss['before']:.4g} → {loss['after']:.4g} in {found['steps']} updates "
        f"({found['evaluations']} evaluations), {found['seconds']:.1f} s.{coverage}"
    )


def manifest_table(manifest: Mapping[str, Any]) -> Table:
    """Where the numbers come from."""
    return Table("Made with", ["", ""], [[str(key), _flat(value)] for key, value in manifest.items()])


def _flat(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {_flat(inner)}" for key, inner in value.items())
    return " ".join(map(str, value)) if isinstance(value, list) else str(value)


def _embedded(tree: Any) -> str:
    """JSON that cannot end the script it stands in."""
    text = json.dumps(finite(tree), ensure_ascii=True)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _sentences(title: str, sentences: list[str]) -> str:
    if not sentences:
        return ""
    return f"<h2>{escape(title)}</h2><ul>{''.join(f'<li>{escape(sentence)}</li>' for sentence in sentences)}</ul>"


def _card() -> str:
    return """<section id="card"><h2>Sensitivity card</h2>
<p>Predictions to first order in the parameters, around the fitted ones: nothing is simulated. The green part of a
slider is where check runs of the targets and the bands have confirmed first order.</p>
<div class="card"><div id="sliders"></div><div id="plots"></div></div><div id="outputs"></div></section>"""


def _table(table: Table) -> str:
    numeric = {i for i, head in enumerate(table.heads) if head in _NUMERIC or head.startswith("± ")}
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
