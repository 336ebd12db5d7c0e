"""DYNAMO's setfl files (`pair_style eam/alloy` and `eam/fs`): reading and writing.

Three lines of comment; the elements; the grid; for each element a line about it, F(ρ) and its density functions; then
r·φ(r) of the pairs i ≥ j. In `eam/fs` an element has one density function for each element that it acts on.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from diffsim.potentials.lammps import write_lines


class Setfl(NamedTuple):
    """What a setfl file says."""

    elements: tuple[str, ...]
    remarks: tuple[str, ...]  # of each element: atomic number, mass (amu), lattice constant (Å), lattice
    density_step: float
    distance_step: float  # Å
    cutoff: float  # Å
    embedding: np.ndarray  # [elements knots] eV
    density: np.ndarray  # [source knots]; in eam/fs [source at knots]
    pair: np.ndarray  # [pairs knots] eV Å; pairs (0, 0), (1, 0), (1, 1), (2, 0) …


def read_setfl(path: str | Path) -> Setfl:
    """Reads a file of either style; which of them it is shows in its length.

    **Raises** `ValueError` where the file is unreadable, not a setfl file, truncated, or not in metal units.
    """
    lines = _lines(path)
    try:
        elements = tuple(lines[3].split()[1:])
        words = lines[4].split()
        n_rho, n_r = int(words[0]), int(words[2])
        steps = float(words[1]), float(words[3]), float(words[4])
        sound = int(lines[3].split()[0]) == len(elements) > 0 and min(n_rho, n_r) >= 5 and min(steps) > 0
    except (IndexError, ValueError):
        sound = False
    if not sound:
        raise ValueError(f"{path} is no setfl file: its fourth line must name the elements, its fifth the grid")
    for functions in (1, len(elements)):  # density functions of an element: eam/alloy, eam/fs
        try:
            remarks, embedding, density, pair = _tables(iter(lines[5:]), len(elements), n_rho, n_r, functions)
        except ValueError as error:
            reason = error
            continue
        return Setfl(
            elements=elements,
            remarks=remarks,
            density_step=steps[0],
            distance_step=steps[1],
            cutoff=steps[2],
            embedding=embedding,
            density=density[:, 0] if functions == 1 else density,
            pair=pair,
        )
    raise ValueError(f"{path} does not hold the tables that its head announces: {reason}")


def write_setfl(path: str | Path, title: str, file: Setfl) -> None:
    """Writes all the digits that a double has."""
    lines = [f"{title}, written by diffsim. UNITS: metal", "F(rho) in eV, rho(r), r phi(r) in eV Angstrom", ""]
    lines.append(" ".join([str(len(file.elements)), *file.elements]))
    n_rho, n_r = file.embedding.shape[-1], file.pair.shape[-1]
    lines.append(f"{n_rho} {file.density_step:.17g} {n_r} {file.distance_step:.17g} {file.cutoff:.17g}")
    for remark, embedding, density in zip(file.remarks, file.embedding, file.density, strict=True):
        lines += [remark, *_numbers(embedding)]
        for function in np.atleast_2d(density):
            lines += _numbers(function)
    for pair in file.pair:
        lines += _numbers(pair)
    write_lines(path, lines)


def _lines(path: str | Path) -> list[str]:
    try:
        lines = Path(path).read_text(encoding="utf-8", errors="replace").splitlines()  # comments may hold anything
    except OSError as error:
        raise ValueError(f"cannot read the potential file {path}: {error}") from None
    for line in lines[:3]:
        if "UNITS:" in line and (unit := line.split("UNITS:")[1].split()[:1]) != ["metal"]:
            raise ValueError(f"{path} is in {' '.join(unit)} units: convert it to metal units (eV, Å) first")
    return lines


def _tables(lines: Iterator[str], n: int, n_rho: int, n_r: int, functions: int) -> tuple:
    """The remarks, embedding, density and pair tables, nothing left over."""
    remarks, embedding, density = [], [], []
    for _ in range(n):
        remarks.append(next(lines, "").strip())
        embedding.append(_take(lines, n_rho))
        density.append([_take(lines, n_r) for _ in range(functions)])
    pair = [_take(lines, n_r) for _ in range(n * (n + 1) // 2)]
    if any(line.strip() for line in lines):
        raise ValueError("there is more in the file than its tables")
    return tuple(remarks), np.array(embedding), np.array(density), np.array(pair)


def _take(lines: Iterator[str], count: int) -> np.ndarray:
    """The next `count` numbers, which start and end with a line."""
    words: list[str] = []
    while len(words) < count:
        line = next(lines, None)
        if line is None:
            raise ValueError(f"it is truncated: a table has {len(words)} of {count} numbers")
        words += line.split()
    if len(words) > count:
        raise ValueError(f"a table has {len(words)} numbers instead of {count}")
    return np.array(words, dtype=float)


def _numbers(values: np.ndarray) -> list[str]:
    words = [f"{float(value):.17g}" for value in values]
    return [" ".join(words[start : start + 5]) for start in range(0, len(words), 5)]
