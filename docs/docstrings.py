"""Docstrings as Markdown: their equations keep their lines, and the fields of a class become a table."""

import re
from pathlib import Path
from typing import Any

import griffe

_EQUATION = re.compile(r"^[^\s`.][^`.]{0,24}? = ")  # `E = …`, `E_i = …`, `φ(r) = …` at the beginning of a line
_RECORDS = ("Module", "NamedTuple", "Abstract")  # whose annotated names are fields


class Fields(griffe.Extension):
    """Changes docstrings after a package has been read."""

    def on_class(self, *, cls: griffe.Class, **_: Any) -> None:
        if cls.docstring is None:
            return
        table = [] if "__init__" in cls.members else fields(cls)
        cls.docstring.value = "\n\n".join([markdown(cls.docstring.value), *table])

    def on_function(self, *, func: griffe.Function, **_: Any) -> None:
        if func.docstring is not None:
            func.docstring.value = markdown(func.docstring.value)


def markdown(text: str) -> str:
    """Paragraphs that begin with an equation keep their lines."""
    parts = []
    for part in text.split("\n\n"):
        lines = part.strip("\n").splitlines()
        if lines and _EQUATION.match(lines[0]) and max(map(len, lines)) < 121:
            part = "\n".join(["```text", *lines, "```"])
        parts.append(part)
    return "\n\n".join(parts)


def fields(cls: griffe.Class) -> list[str]:
    """A table of the fields, as a list of one paragraph or none."""
    source = Path(str(cls.filepath)).read_text(encoding="utf-8").splitlines()
    rows = []
    for name, found in cls.members.items():
        if found.is_attribute and found.annotation and not (name.startswith("_") or "property" in found.labels):
            rows.append(f"| `{name}` | {meaning(str(found.value or ''), source[found.lineno - 1])} |")
    if not rows or not any(str(base).startswith(_RECORDS) or "Module" in str(base) for base in cls.bases):
        return []
    return ["\n".join(["| field | |", "|---|---|", *rows])]


def meaning(value: str, line: str) -> str:
    """The unit, the default and the comment of a field's line."""
    unit = re.match(r"parameter\('([^']*)'", value)
    default = re.search(r"default=(.*?)\)$|default=([^,()]*)", value)
    said = [unit[1] or "dimensionless"] if unit else []
    said += ["positive"] if "positive=True" in value else []
    said += [line.split("  # ", 1)[1].strip().replace("|", "\\|")] if "  # " in line else []
    said += [f"default `{default[1] or default[2]}`"] if default else []
    if value and not re.match(r"parameter|constant|eqx\.field|field", value):
        said.append(f"default `{value}`")
    return ", ".join(said)
