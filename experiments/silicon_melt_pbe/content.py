"""reference.json of the data set: sections that stages add to it."""

import json
from pathlib import Path

from experiments.silicon_pbe.report import format_json


def read(folder: Path) -> dict:
    """All sections so far."""
    path = folder / "reference.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


def update(folder: Path, **sections) -> None:
    """Sets sections, and leaves the others."""
    content = read(folder) | sections
    (folder / "reference.json").write_text(format_json(content) + "\n", encoding="utf-8")
