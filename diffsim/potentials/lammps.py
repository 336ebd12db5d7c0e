"""LAMMPS' element-triplet files (`pair_style sw`, `edip`, `tersoff`): reading and writing.

An entry is three element symbols and a fixed number of values; it may run over several lines, `#` starts a comment.
"""

from pathlib import Path

import numpy as np


def read_entries(path: str | Path, species: list[str], fields: tuple[str, ...]) -> dict[str, np.ndarray]:
    """One array `[species species species]` for each field, entries of other elements left out.

    **Raises** `ValueError` where the file is unreadable, empty, truncated, not in metal units, or lacks a triplet.
    """
    words = _words(path)
    size = 3 + len(fields)
    if not words:
        raise ValueError(f"{path} is empty: expected entries of 3 elements and {len(fields)} values")
    tables = {name: np.full((len(species),) * 3, np.nan) for name in fields}
    for start in range(0, len(words), size):
        entry = words[start : start + size]
        if len(entry) < size:
            raise ValueError(f"{path} is truncated: its last entry has {len(entry)} of {size} words")
        if not all(element in species for element in entry[:3]):
            continue
        place = tuple(species.index(element) for element in entry[:3])
        try:
            values = [float(word) for word in entry[3:]]
        except ValueError as error:
            raise ValueError(f"{path}: entry {' '.join(entry[:3])} has a value that is not a number ({error})") from None
        for name, value in zip(fields, values, strict=True):
            tables[name][place] = value
    missing = np.argwhere(np.isnan(next(iter(tables.values()))))
    if len(missing):
        raise ValueError(f"{path} has no entry for {' '.join(species[s] for s in missing[0])}")
    return tables


def _words(path: str | Path) -> list[str]:
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"cannot read the potential file {path}: {error}") from None
    lines = text.splitlines()
    for line in lines:
        if "UNITS:" in line and (unit := line.split("UNITS:")[1].split()[0]) != "metal":
            raise ValueError(f"{path} is in {unit} units: convert it to metal units (eV, Å) first")
    return [word for line in lines for word in line.split("#")[0].split()]


def write_entries(path: str | Path, title: str, species: list[str], tables: dict[str, np.ndarray]) -> None:
    """Writes every triplet with all the digits that a double has."""
    lines = [f"# {title}, written by diffsim. UNITS: metal", f"# element1 element2 element3 {' '.join(tables)}"]
    for place in np.ndindex(*(len(species),) * 3):
        values = (f"{float(table[place]):.17g}" for table in tables.values())
        lines.append(" ".join([*(species[s] for s in place), *values]))
    Path(path).write_text("\n".join(lines) + "\n", encoding="utf-8")


