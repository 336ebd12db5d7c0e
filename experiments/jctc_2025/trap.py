"""Why elastic constants at a fixed lattice constant are a trap: with σ free, the crystal is stretched until they fit.

Stillinger–Weber silicon at 5.431 Å against the study's elastic target, by `diffsim.fit` with Levenberg–Marquardt. With
cosθ₀ = −1/3, loss 0 is reached at 46 GPa of stress alone, and at rest no other parameter brings the loss below that of
ε and λ. What the functional form lacks is cosθ₀: with it free the constants are met at rest.
"""

import itertools
from pathlib import Path
from typing import NamedTuple

import numpy as np
import optimistix

import diffsim
from diffsim import Experiment, StillingerWeber, Stress, Target, units
from diffsim.fields import parameters
from diffsim.potentials.base import AbstractPotential
from diffsim.report.figures.base import AFTER, BEFORE, REFERENCE, blank
from experiments.jctc_2025.observables import MANDEL, AsGiven, MandelConstants
from experiments.jctc_2025.published import ELASTIC_EDGE, FITS
from experiments.jctc_2025.references import primitive_cell, study_elastic
from experiments.jctc_2025.report import Drawing, Row, save_figure, save_json, save_table

ALL = ("epsilon", "lam", "sigma", "gamma", "A", "B", "cos_theta0")
_STRESS_SCALE = 0.01  # GPa: residuals of the constants have a scale of 1 GPa
_UPDATES = 60  # many are steps that the stress lets fail


class Case(NamedTuple):
    """What is free, and whether the crystal must be at rest."""

    label: str
    trainable: tuple[str, ...]
    stress: bool


CASES = (
    Case("ε, λ", ALL[:2], False),
    Case("ε, λ, σ", ALL[:3], False),
    Case("all but cosθ₀, at rest", ALL[:-1], True),
    Case("all", ALL, False),
    Case("all, at rest", ALL, True),
)


class Outcome(NamedTuple):
    """Where a case ended."""

    case: Case
    potential: AbstractPotential
    loss: float  # GPa, the study's norm
    stress: float  # GPa, tension positive
    constants: dict[str, float]  # GPa


def fit_case(case: Case, updates: int = _UPDATES) -> Outcome:
    """One fit from the parameters of 1985."""
    targets = {"constants": Target(MandelConstants(), study_elastic(), scale=1.0, unit="GPa")}
    if case.stress:
        targets["stress"] = Target(Stress(), np.zeros(6), scale=_STRESS_SCALE, unit="GPa")
    crystal = {"crystal": Experiment(primitive_cell(ELASTIC_EDGE["sw"]), targets, AsGiven())}
    solver = optimistix.LevenbergMarquardt(rtol=1e-10, atol=1e-10)
    options = {"steps": updates, "trainable": list(case.trainable), "stop": diffsim.Plateau(rtol=1e-9, patience=12)}
    *_, best = itertools.takewhile(_worth_more, diffsim.fit(StillingerWeber.silicon(), crystal, solver, **options))
    matrix = best.predictions["crystal"]["constants"]
    voigt = matrix / MANDEL / MANDEL[:, None]
    constants = {"C11": voigt[0, 0], "C12": voigt[0, 1], "C44": voigt[3, 3]}
    stress = diffsim.stress(best.potential, primitive_cell(ELASTIC_EDGE["sw"]))[0, 0] / units.GPa
    return Outcome(case, best.potential, float(np.linalg.norm(matrix - study_elastic())), float(stress), constants)


def _worth_more(state: diffsim.FitState) -> bool:
    """Stops short of exact zeros, whose relative change never plateaus."""
    return state.loss > 1e-16


def run_trap(output: Path, *, updates: int = _UPDATES) -> list[Row]:
    """All cases. Writes everything below `output`, and returns the lines of the summary."""
    outcomes = [fit_case(case, updates) for case in CASES]
    save_json({outcome.case.label: _plain(outcome) for outcome in outcomes}, output / "results.json")
    header = ("free", "loss (GPa)", "stress (GPa)", "C11", "C12", "C44", *ALL)
    save_table(header, [_line(outcome) for outcome in outcomes], output / "trap.csv")
    save_figure(lambda: draw_trap(outcomes), output / "trap_figure")
    theirs = FITS["sw_elastic"].loss
    rows = []
    for outcome in outcomes:
        ours = f"{outcome.loss:.4f}, stress {outcome.stress:.2f} GPa"
        study = f"{theirs:.4f}" if outcome.case == CASES[0] else "–"
        rows.append(Row(f"trap: loss, free: {outcome.case.label}", study, ours))
    return rows


def _plain(outcome: Outcome) -> dict:
    values = {name: float(parameter.value) for name, parameter in parameters(outcome.potential).items()}
    return {
        "trainable": outcome.case.trainable,
        "loss_GPa": outcome.loss,
        "stress_GPa": outcome.stress,
        "constants_GPa": outcome.constants,
        "parameters": values,
    }


def _line(outcome: Outcome) -> list:
    values = [float(getattr(outcome.potential, name)) for name in ALL]
    return [outcome.case.label, outcome.loss, outcome.stress, *outcome.constants.values(), *values]


def draw_trap(outcomes: list[Outcome]) -> Drawing:
    """Loss and stress of each case, one above the other."""
    figure, (above, below) = blank(3.6, panels=2, sharex=True)
    labels = [outcome.case.label.replace(", at", ",\nat").replace("all but ", "all but\n") for outcome in outcomes]
    places = np.arange(len(outcomes))
    colors = [BEFORE, AFTER, BEFORE, AFTER, REFERENCE]
    losses, stresses = [o.loss for o in outcomes], [o.stress for o in outcomes]
    for axes, values, form in ((above, losses, "{:.2f}"), (below, stresses, "{:.2f}")):
        axes.bar(places, values, color=colors, width=0.6)
        for place, value in zip(places, values, strict=True):
            where = {"ha": "center", "va": "bottom" if value >= 0 else "top", "fontsize": 7}
            axes.text(place, value, form.format(value + 0.0), **where)
        axes.margins(y=0.18)
    above.axhline(FITS["sw_elastic"].loss or 0.0, color="black", linewidth=0.6, linestyle=":")
    above.text(places[-1] + 0.4, (FITS["sw_elastic"].loss or 0.0) + 0.6, "study", fontsize=7, ha="right")
    above.set_ylabel("elastic loss (GPa)")
    below.axhline(0, color="black", linewidth=0.4)
    below.set_ylabel("stress left (GPa)")
    below.set_xticks(places, labels, fontsize=6.5)
    below.set_xlabel("free of ε, λ, σ, γ, A, B, cosθ₀")
    columns = {"free": [o.case.label for o in outcomes], "loss (GPa)": losses, "stress (GPa)": stresses}
    return Drawing(figure, columns)
