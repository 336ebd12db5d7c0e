"""Pictures and tables of a solid's study: any number of temperatures and of solids, and notes that say what is so."""

from typing import Any

import numpy as np
import pytest
from matplotlib.colors import is_color_like

from diffsim.report.figures.solid import draw_bands, draw_barrier, draw_density, draw_hops, draw_lifetimes
from diffsim.report.solid_tables import points_table, rest_table

KELVIN = [f"{10 * n} K" for n in range(1, 6)]
GRID = np.linspace(0.1, 2.0, 5).tolist()
PATH = [0.0, 0.25, 0.5, 0.75, 1.0]


def test_notes_say_how_frequencies_were_found():
    """Each solid its own way; one way is said once."""
    bands = {name: {"special_points": {"X": [1.0]}, "by": by} for name, by in {"a": "supercell", "b": "exact"}.items()}
    results = {"parts": {"bands": bands}, "settings": {"repeats": [2, 2, 2]}}
    mixed = points_table(results).note
    assert (
        "by the force constants of the 2×2×2 cell, exact where a wave fits into it and else interpolated (a)" in mixed
    )
    assert "exact at each wave vector (b)" in mixed
    bands["a"]["by"] = "interpolated"  # between points of meshes, not here
    assert points_table(results).note == "In THz, ascending, at 0 K; exact at each wave vector."
    rest = {part: {} for part in ("crystal", "vacancy", "barrier")}
    rest["density of states"] = {name: {"highest": 2.0, "lowest": 0.0, "by": "interpolated"} for name in "ab"}
    settings = {"repeats": [2, 2, 2], "defect_repeats": [3, 3, 3]}
    note = rest_table({"solids": ["a", "b"], "parts": rest, "settings": settings}).note
    assert "Frequencies: exact second derivatives on a coarse mesh of wave vectors, interpolated to a fine one;" in note


def density(names: list[str]) -> dict[str, Any]:
    columns: dict[str, Any] = {"frequency (THz)": GRID}
    for name in names:
        columns |= {f"{name}|0 K": GRID, f"{name}|0 K, waves of the cell": GRID}
        columns |= {f"{name}|{kind}": GRID for kind in KELVIN} | {f"{name}|± {kind}": GRID for kind in KELVIN}
    return columns


def bands(names: list[str]) -> dict[str, Any]:
    columns: dict[str, Any] = {"tick": [0.0, 1.0], "name": ["Γ", "X"]}
    for name in names:
        columns |= {f"{name}|path": PATH, f"{name}|branch 1 (THz)": GRID}
        for kind in KELVIN:
            dots = {"path": [0.5], "frequency (THz)": [1.0], "± (THz)": [0.1]}
            columns |= {f"{name}|{kind}, {what}": values for what, values in dots.items()}
    return columns


def lifetimes(names: list[str]) -> dict[str, Any]:
    heads = {"frequency (THz)": GRID, "lifetime (ps)": GRID, "± (ps)": GRID}
    return {f"{name}|{kind}, {head}": values for name in names for kind in KELVIN for head, values in heads.items()}


def barrier(names: list[str]) -> dict[str, Any]:
    return {f"{name}|{head}": PATH for name in names for head in ("way", "energy (eV)")}


def hops(names: list[str]) -> dict[str, Any]:
    heads = {"1000/T (1/K)": GRID, "rate (1/ns)": GRID, "low (1/ns)": [0.05] * 5, "high (1/ns)": [3.0] * 5}
    return {f"{name}|{head}": values for name in names for head, values in heads.items()}


@pytest.mark.parametrize("names", [["mine"], ["mine", "lj"], ["a", "b", "c", "d", "e", "f", "lj"]])
@pytest.mark.parametrize(
    ("draw", "columns"),
    [
        (draw_density, density),
        (draw_bands, bands),
        (draw_lifetimes, lifetimes),
        (draw_barrier, barrier),
        (draw_hops, hops),
    ],
)
def test_five_temperatures_of_any_number_of_solids_are_drawn(draw, columns, names, tmp_path):
    """Each solid has a line, of a colour."""
    figure = draw(columns(names)).figure
    figure.savefig(tmp_path / "it.png", dpi=20)
    lines = [line for axes in figure.axes for line in axes.get_lines()]
    assert all(is_color_like(line.get_color()) for line in lines)
    shown = {label for axes in figure.axes for label in axes.get_legend_handles_labels()[1]}
    assert all(any(label.split(":")[0].split(",")[0] == name for label in shown) for name in names)
