"""What the site needs beyond Markdown: equations as MathML, and a reference that forgets no public name.

Equations are turned into MathML when the site is built, so a reader's browser fetches and runs nothing. The reference
has a page for each module in the table of contents of `diffsim/__init__.py`.
"""

import re
import sys
from html import unescape
from pathlib import Path
from typing import Any

import griffe
from latex2mathml.converter import convert
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))  # the checkout's own diffsim, installed or not

from diffsim import HOMES  # noqa: E402

_FETCHED = re.compile(r'<(?:script|img|iframe)[^>]*\bsrc="(?:https?:)?//|<link[^>]*stylesheet[^>]*"(?:https?:)?//')
_EQUATION = re.compile(r'<(span|div) class="arithmatex">\\[(\[](.*?)\\[)\]]</\1>', re.DOTALL)


def modules() -> dict[str, list[str]]:
    """Module → its public names."""
    found: dict[str, list[str]] = {}
    for name, home in HOMES.items():
        found.setdefault(home, []).append(name)
    return found


def on_config(config: Any) -> Any:
    """Puts the pages of the reference where the table of navigation has `reference/`."""
    pages = [{"All names": "reference/index.md"}]
    pages += [{home: f"reference/{home}.md"} for home in modules()]
    pages += [{"diffsim.units": "reference/diffsim.units.md"}]
    config.nav = [{"Reference": pages} if entry == {"Reference": "reference/"} else entry for entry in config.nav]
    return config


def on_files(files: Files, config: Any) -> Files:
    """Adds the pages of the reference."""
    pages = {"index": contents(), "diffsim.units": units()}
    pages |= {home: page(home, names) for home, names in modules().items()}
    for name, content in pages.items():
        files.append(File.generated(config, f"reference/{name}.md", content=content))
    return files


def page(home: str, names: list[str]) -> str:
    """A module's public names, one after the other."""
    return "\n\n".join([f"# {home}", *(f"::: {home}.{name}" for name in names)])


def units() -> str:
    """The conversion factors are short enough to be read as they are written."""
    source = (ROOT / "diffsim" / "units.py").read_text(encoding="utf-8")
    return f"# diffsim.units\n\nAs `diffsim.units.GPa` and so on.\n\n```python\n{source}```"


def contents() -> str:
    """All public names with the first sentence of each docstring."""
    package = griffe.load("diffsim", search_paths=[str(ROOT)], resolve_aliases=True)
    text = ["# All names", "Each is an attribute of `diffsim`: `diffsim.relax`, `diffsim.System`.", ""]
    for home, names in modules().items():
        text += [f"**{home}**", ""]
        for name in names:
            path = f"{home}.{name}"
            found = package[path.removeprefix("diffsim.")].docstring
            first = re.split(r"(?<=\.)\s", " ".join(found.value.split()))[0] if found else ""
            text.append(f"- [`{name}`][{path}] – {first}")
        text.append("")
    return "\n".join([*text, "**diffsim.units**", "", "- [`units`](diffsim.units.md) – Conversion factors."])


def on_page_content(html: str, page: Any, **_: Any) -> str:
    """Equations as MathML."""

    def rendered(match: re.Match[str]) -> str:
        display = "block" if match[1] == "div" else "inline"
        source = unescape(match[2]).strip()
        made = convert(source, display=display)
        if re.search(r"[\\&]", unescape(made)):
            raise PluginError(f"{page.file.src_path}: an equation has something that is not known here: {source}")
        return f'<div class="equation">{made}</div>' if display == "block" else made

    return _EQUATION.sub(rendered, html)


def on_post_page(output: str, page: Any, **_: Any) -> str:
    """Refuses a page that would load anything from elsewhere."""
    if found := _FETCHED.search(output):
        raise PluginError(f"{page.file.src_path} loads something from elsewhere: {found[0]}")
    return output
