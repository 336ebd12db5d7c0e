"""The command `pareto`: all fronts, the published parameters beside them, the table and the figure."""

import itertools
from pathlib import Path

import numpy as np

from diffsim.fields import parameters
from diffsim.potentials.base import AbstractPotential
from experiments.jctc_2025.evidence_forms import candidates
from experiments.jctc_2025.pareto import Place, at_rest, lattice_constant, non_dominated, sweep
from experiments.jctc_2025.pareto_figure import HEADER, draw_pareto, line_of, sentence
from experiments.jctc_2025.pareto_forms import forms
from experiments.jctc_2025.report import Row, save_figure, save_json, save_table

RATIOS = tuple(np.geomspace(1e-2, 1e2, 9))  # weight of elastic constants over that of phonons


def run_pareto(output: Path, *, updates: int, quick: bool) -> list[Row]:
    """Writes everything below `output`, and returns the lines of the summary."""
    every = forms(lattice_constant())
    chosen = every[:1] if quick else every
    ratios = RATIOS[::4] if quick else RATIOS
    found = {form.key: sweep(form, ratios, updates=updates) for form in chosen}
    labels = {form.key: form.label for form in chosen}
    fronts = {key: non_dominated(places) for key, places in found.items()}
    points = [at_rest(name, potential) for name, potential in known().items()]
    output.mkdir(parents=True, exist_ok=True)
    save_table(HEADER, [line_of(place) for place in itertools.chain(*fronts.values(), points)], output / "pareto.csv")
    save_json({key: [_plain(place) for place in front] for key, front in fronts.items()}, output / "results.json")
    save_figure(lambda: draw_pareto(labels, fronts, points), output / "pareto_figure")
    print(sentence(fronts, labels))
    return [_row(f"pareto: {labels[key]}", front) for key, front in fronts.items()]


def known() -> dict[str, AbstractPotential]:
    """The published parameter sets, and those of the study."""
    published = dict(zip(("SW", "EDIP", "Tersoff"), candidates().values(), strict=True))
    found = {f"{title} {form.year}": form.original for title, form in published.items()}
    for title, form in published.items():
        found |= {f"{title} {name}": potential for name, potential in form.study.items()}
    return found


def _plain(place: Place) -> dict:
    values = {name: float(parameter.value) for name, parameter in parameters(place.potential).items()}
    return {
        "weight_ratio": place.ratio,
        "elastic_rms_percent": place.elastic,
        "phonons_rms_percent": place.phonons,
        "stress_GPa": place.stress,
        "elastic_constants_GPa": place.constants,
        "frequencies_THz": place.frequencies,
        "cutoff_A": float(place.potential.cutoff),
        "parameters": values,
    }


def _row(name: str, front: list[Place]) -> Row:
    if not front:
        return Row(name, "–", "no fit came to rest")
    ends = [f"C {place.elastic:.1f} %, phonons {place.phonons:.1f} %" for place in (front[0], front[-1])]
    return Row(name, "–", " … ".join(ends), f"TA(X) {front[0].ta_x:.2f} … {front[-1].ta_x:.2f} THz")
