"""The reference data that come with the package: one folder a data set, its numbers in `reference.json`."""

import functools
import json
from pathlib import Path
from typing import Any

from diffsim.instantiate import suggestion

FOLDER = Path(__file__).parent  # of all data sets


def reference(dataset: str, key: str, zero: str | None = None) -> Any:
    """A number, or list of numbers, of a data set: `reference("silicon_pbe", "elastic_constants.C11")`.

    `zero` is the key of a number to subtract.

    **Raises** `ValueError` for a data set or a key that does not exist.
    """
    found = _entry(dataset, key)
    if zero is None:
        return found
    origin = _entry(dataset, zero)
    return [value - origin for value in found] if isinstance(found, list) else found - origin


def _entry(dataset: str, key: str) -> Any:
    found = _load(dataset)
    for name in key.split("."):
        if not isinstance(found, dict) or name not in found:
            known = list(found) if isinstance(found, dict) else []
            raise ValueError(f"{dataset} has no {key!r}{suggestion(name, known)}")
        found = found[name]
    return found["value"] if isinstance(found, dict) and "value" in found else found


@functools.cache
def _load(dataset: str) -> dict[str, Any]:
    path = FOLDER / dataset / "reference.json"
    if not path.exists():
        known = [p.parent.name for p in FOLDER.glob("*/reference.json")]
        raise ValueError(f"unknown data set {dataset!r}{suggestion(dataset, known)}")
    return json.loads(path.read_text())
