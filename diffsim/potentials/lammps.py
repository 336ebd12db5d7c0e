"""LAMMPS' element-triplet files (`pair_style sw`, `edip`, `edip/multi`, `tersoff`): reading and writing.

An entry is three element symbols and a fixed number of values; it may run over several lines, `#` starts a comment.
Entry i j k belongs to atom i in the middle; what depends on the pair i j alone stands in entry i j j.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np


def read_parameters(
    path: str | Path, species: Sequence[str | int], fields: tuple[str, ...], *, triplets: tuple[str, ...]
) -> dict[str, np.ndarray]:
    """The fields of each entry: tables `[i j k]` of `triplets`, `[i j]` of the others; scalars for one species.

    **Raises** `ValueError` where the file is unreadable, empty, truncated, not in metal units, lacks a triplet or has
    it twice.
    """
    tables = _read_entries(path, [species] if isinstance(species, str) else list(species), fields)
    j = np.arange(len(next(iter(tables.values()))))
    picked = {name: table if name in triplets else table[:, j, j] for name, table in tables.items()}
    return {name: table.reshape(()) if len(j) == 1 else table for name, table in picked.items()}


def write_parameters(path: str | Path, title: str, species: tuple[int, ...], parameters: dict) -> None:
    """Writes every triplet with all the digits that a double has; scalars and pair tables are repeated."""
    from ase.data import chemical_symbols

    if not species:
        raise ValueError("a LAMMPS file names its elements: make the potential with species=, e.g. ('Si',)")
    shape = (len(species),) * 3
    tables = [np.asarray(value) for value in parameters.values()]
    tables = [np.broadcast_to(table[:, :, None] if table.ndim == 2 else table, shape) for table in tables]
    lines = [f"# {title}, written by diffsim. UNITS: metal", f"# element1 element2 element3 {' '.join(parameters)}"]
    for place in np.ndindex(*shape):
        values = (f"{float(table[place]):.17g}" for table in tables)
        lines.append(" ".join([*(chemical_symbols[species[s]] for s in place), *values]))
    write_lines(path, lines)


def write_lines(path: str | Path, lines: list[str]) -> None:
    """Writes a potential file, or says in one sentence why it cannot."""
    try:
        Path(path).write_text("\n".join(lines) + "\n", encoding="utf-8")
    except OSError as error:
        raise ValueError(f"cannot write the potential file {path}: {error}") from None


def _read_entries(path: str | Path, species: list[str], fields: tuple[str, ...]) -> dict[str, np.ndarray]:
    """One array `[species species species]` for each field, entries of other elements left out."""
    words = _words(path)
    size = 3 + len(fields)
    if not words:
        raise ValueError(f"{path} is empty: expected entries of 3 elements and {len(fields)} values")
    found: dict[tuple[int, ...], list[float]] = {}
    for start in range(0, len(words), size):
        entry = words[start : start + size]
        if len(entry) < size:
            raise ValueError(f"{path} is truncated: its last entry has {len(entry)} of {size} words")
        if not all(element in species for element in entry[:3]):
            continue
        place = tuple(species.index(element) for element in entry[:3])
        if place in found:
            raise ValueError(f"{path} has two entries for {' '.join(entry[:3])}: remove one")
        try:
            found[place] = [float(word) for word in entry[3:]]
        except ValueError as error:
            raise ValueError(f"{path}: entry {' '.join(entry[:3])} has a value that is no number ({error})") from None
    shape = (len(species),) * 3
    for place in np.ndindex(*shape):
        if place not in found:
            raise ValueError(f"{path} has no entry for {' '.join(species[s] for s in place)}")
    values = np.array([found[place] for place in np.ndindex(*shape)])
    return {name: values[:, column].reshape(shape) for column, name in enumerate(fields)}


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
