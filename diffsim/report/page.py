"""`report.html` of a fit: one page that needs nothing but itself."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from diffsim.report.figures import Drawing
from diffsim.report.html import framed, listed, pictures, tables
from diffsim.report.results import finite
from diffsim.report.tables import Table

_SCRIPT = Path(__file__).parent / "card.js"


def page(
    found: Mapping[str, Any], shown: list[Table], figures: Mapping[Path, Drawing], sensitivity: Mapping[str, Any]
) -> str:
    """The page as HTML; `figures` are PNG files that have been written, and what they show."""
    gradients = [f"{name}: {why}." for name, why in found.get("gradients", {}).items()]
    body = f"""{listed("Before the fit", found["uncertainty"]["before_the_fit"])}
{listed("How it was differentiated", gradients)}
{listed("What this fit could not do", found["uncertainty"]["sentences"])}
{tables(shown[:1])}
{pictures(figures)}
{_card(sensitivity) if sensitivity else ""}
{tables(shown[1:])}"""
    return framed(f"{found['name']}: {found['potential']}", headline(found), body)


def headline(found: Mapping[str, Any]) -> str:
    """The run in one sentence or two."""
    loss, (inside, count) = found["loss"], found["uncertainty"]["held_out_inside"]
    coverage = f" {inside} of {count} held-out references lie inside their 95 % intervals." if count else ""
    return (
        f"Loss {loss['before']:.4g} → {loss['after']:.4g} in {found['steps']} updates "
        f"({found['evaluations']} evaluations), {found['seconds']:.1f} s.{coverage}"
    )


def _embedded(tree: Any) -> str:
    """JSON that cannot end the script it stands in."""
    text = json.dumps(finite(tree), ensure_ascii=True)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _card(sensitivity: Mapping[str, Any]) -> str:
    return f"""<section id="card"><h2>Sensitivity card</h2>
<p>Predictions to first order in the parameters, around the fitted ones: nothing is simulated. The green part of a
slider is where check runs of the targets and the bands have confirmed first order.</p>
<div class="card"><div id="sliders"></div><div id="plots"></div></div><div id="outputs"></div></section>
<script type="application/json" id="sensitivity">{_embedded(sensitivity)}</script>
<script>{_SCRIPT.read_text(encoding="utf-8")}</script>"""
