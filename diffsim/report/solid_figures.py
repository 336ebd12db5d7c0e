"""From what the parts of a solid's study found to the columns of its figures."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from diffsim.report.figures import Columns, Drawing
from diffsim.report.figures.solid import draw_bands, draw_barrier, draw_density, draw_hops, draw_lifetimes
from diffsim.solid import Found, rate_of

Parts = Mapping[str, Mapping[str, Found]]  # by part and solid: what could be measured
_LINE = 50


def figures(parts: Parts) -> dict[str, tuple[Callable[[Columns], Drawing], Columns]]:
    """How each figure is drawn and its numbers, those that have any."""
    made = {
        "density_of_states": (draw_density, _density(parts)),
        "bands": (draw_bands, _bands(parts)),
        "lifetimes": (draw_lifetimes, _lifetimes(parts)),
        "barrier": (draw_barrier, _own(parts, "barrier")),
        "hops": (draw_hops, _hops(parts)),
    }
    return {name: one for name, one in made.items() if any("|" in head for head in one[1])}


def _density(parts: Parts) -> Columns:
    columns: dict[str, Any] = {}
    for name, found in parts["density of states"].items():
        rest = dict(found.columns)
        columns = {"frequency (THz)": rest.pop("frequency (THz)")} | columns
        columns |= {f"{name}|{head}": column for head, column in rest.items()}
    if columns:
        columns |= _own(parts, "vibrations")
    return columns


def _own(parts: Parts, part: str) -> dict[str, Any]:
    return {f"{name}|{head}": column for name, found in parts[part].items() for head, column in found.columns.items()}


def _phonons(parts: Parts) -> list[tuple[str, str, list[dict[str, Any]]]]:
    """Solid, temperature and its phonons."""
    return [
        (name, f"{kelvin} K", one["phonons"])
        for name, found in parts["vibrations"].items()
        for kelvin, one in found.numbers["temperatures"].items()
    ]


def _bands(parts: Parts) -> Columns:
    columns = _own(parts, "bands")
    if not columns:
        return {}
    ticks = next(iter(parts["bands"].values())).numbers["ticks"]
    columns |= {"tick": [place for place, _ in ticks], "name": [label for _, label in ticks]}
    for name, kind, phonons in _phonons(parts):
        dots = [(place, one) for one in phonons for place in one["places"]]
        columns[f"{name}|{kind}, path"] = [place for place, _ in dots]
        columns[f"{name}|{kind}, frequency (THz)"] = [one["frequency"] for _, one in dots]
        columns[f"{name}|{kind}, ± (THz)"] = [one["frequency_error"] for _, one in dots]
    return columns


def _lifetimes(parts: Parts) -> Columns:
    columns: dict[str, Any] = {}
    for name, kind, phonons in _phonons(parts):
        columns[f"{name}|{kind}, frequency (THz)"] = [one["frequency"] for one in phonons]
        columns[f"{name}|{kind}, lifetime (ps)"] = [one["lifetime"] for one in phonons]
        columns[f"{name}|{kind}, ± (ps)"] = [one["lifetime_error"] for one in phonons]
    return columns


def _hops(parts: Parts) -> Columns:
    columns: dict[str, Any] = {}
    heats = [one["temperature"] for found in parts["hops"].values() for one in found.numbers["temperatures"]]
    for name, found in parts["hops"].items():
        told = found.numbers["temperatures"]
        columns[f"{name}|1000/T (1/K)"] = [1000 / one["temperature"] for one in told]
        columns[f"{name}|rate (1/ns)"] = [1e3 * one["rate"]["value"] for one in told]
        columns |= {f"{name}|{end} (1/ns)": [1e3 * one["rate"][end] for one in told] for end in ("low", "high")}
        over = np.linspace(1000 / max(heats), 1000 / min(heats), _LINE)
        lines = {"fit": found.numbers.get("arrhenius")}
        if name in parts["barrier"]:
            lines["TST"] = parts["barrier"][name].numbers
        if any(lines.values()):
            columns[f"{name}|line, 1000/T (1/K)"] = over.tolist()
        for kind, one in lines.items():
            if one and "prefactor" in one:
                columns[f"{name}|{kind} (1/ns)"] = [1e3 * rate_of(one, 1000 / x) for x in over]
    return columns
