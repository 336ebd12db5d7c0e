"""One kind of fit for both potentials: optimizers from all starts, phonons before and after, tables and figures."""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import diffsim
from experiments.jctc_2025.convergence import (
    RUN_HEADER,
    draw_convergence,
    iterations_of_the_study,
    tabulate_runs,
)
from experiments.jctc_2025.dynamics import TEMPERATURES, Phonons, before_and_after
from experiments.jctc_2025.dynamics_figures import draw_bands, draw_thermodynamics
from experiments.jctc_2025.observables import MANDEL
from experiments.jctc_2025.problems import Compiled, Problem, compile_losses, problem
from experiments.jctc_2025.references import Reference
from experiments.jctc_2025.report import Row, save_figure, save_json, save_table
from experiments.jctc_2025.search import OURS, Run, best_of, search


class Solved(NamedTuple):
    """A problem with what every optimizer made of it."""

    problem: Problem
    compiled: Compiled
    runs: list[Run]


def solve(name: str, kind: str, reference: Reference, *, starts: int = 4) -> Solved:
    """One potential and kind of target."""
    this = problem(name, kind, reference)
    compiled = compile_losses(this)
    return Solved(this, compiled, search(this, compiled, starts))


def report_fits(found: list[Solved], reference: Reference, output: Path, *, mesh: int) -> list[Row]:
    """Tables, figures and results.json below `output`; returns the lines of the summary."""
    rows: list[Row] = []
    table = []
    results: dict[str, Any] = {"phonons of": reference.name}
    for this, compiled, runs in found:
        best = best_of(runs)
        phonons = before_and_after(this, this.place(this.at(best.points[-1])), reference, mesh)
        table += tabulate_runs(this, runs)
        results[this.name] = describe(this, compiled, best, phonons)
        save_figure(lambda p=this, r=runs: draw_convergence(p, r), output / f"{this.name}_convergence")
        save_figure(lambda p=this, f=phonons: draw_bands(p, f), output / f"{this.name}_bands")
        save_figure(lambda p=this, f=phonons: draw_thermodynamics(p, f), output / f"{this.name}_thermodynamics")
        rows += summarize(this, compiled, runs)
    save_table(RUN_HEADER, table, output / "optimizers.csv")
    save_json(results, output / "results.json")
    return rows


def describe(problem: Problem, compiled: Compiled, best: Run, found: dict[str, Phonons]) -> dict[str, Any]:
    """The numbers of one fit."""
    start, end = problem.starts[0], best.points[-1]
    loss, gradient = compiled.value_and_grad(start)
    room = int(np.argmin(np.abs(TEMPERATURES - 300)))
    return {
        "parameters": problem.parameters,
        "start": {"at": start, "loss": loss, "gradient": gradient, "of each target": compiled.parts(start)},
        "minimum": {"at": end, "loss": best.losses[-1], "of each target": compiled.parts(end)},
        "of the study": problem.published._asdict() if problem.published else None,
        "elastic_constants_GPa": {"before": elastic_of(problem, start), "after": elastic_of(problem, end)},
        "frequencies_THz": {name: phonons.special for name, phonons in found.items()},
        "at_300_K": {
            name: {"heat_capacity": phonons.heat_capacity[room], "entropy": phonons.entropy[room], "unit": "J/K/mol"}
            for name, phonons in found.items()
        },
    }


def elastic_of(problem: Problem, x: Any) -> dict[str, float] | None:
    """C11, C12 and C44 in GPa, where they are predicted."""
    if "elastic" not in problem.experiments:
        return None
    predicted = diffsim.evaluate(problem.at(x), {"elastic": problem.experiments["elastic"]})
    voigt = predicted["elastic"]["constants"] / MANDEL / MANDEL[:, None]
    return {"C11": voigt[0, 0], "C12": voigt[0, 1], "C44": voigt[3, 3]}


def summarize(problem: Problem, compiled: Compiled, runs: list[Run]) -> list[Row]:
    """Start, minimum and optimizers beside what the study published, where its targets are the same."""
    fit, head = problem.published, problem.name
    best = best_of(runs)
    x, y = best.points[-1]
    note = "its code adds 1e-7 Å to the distances in the cosines" if fit and fit.loss else ""
    rows = [
        Row(f"{head}: loss at the start", _number(fit and fit.start_loss, 2), f"{runs[0].losses[0]:.6f}"),
        Row(f"{head}: loss at the minimum", _number(fit and fit.loss, 6), f"{best.losses[-1]:.6f}", note),
        Row(f"{head}: minimum", "–", f"({x:.6f}, {y:.6f})"),
    ]
    if fit:
        value, slope = compiled.value_and_grad(fit.minimum)
        note = f"there our loss is {value:.6f}, its slope {np.linalg.norm(slope):.1g}"
        rows[-1] = rows[-1]._replace(study=f"({fit.minimum[0]:.6f}, {fit.minimum[1]:.6f})", why=note)
    for run in (run for run in runs if run.start == 0):
        theirs = iterations_of_the_study(problem, run)
        ours = f"{run.iterations} ({run.evaluations[-1]} evaluations)"
        rows.append(Row(f"{head}: iterations, {run.method}", str(theirs or "–"), ours))
    starts = sorted({run.start for run in runs})
    needed = " ".join(f"{_needed(runs, start, OURS)}/{_needed(runs, start, 'BFGS')}" for start in starts)
    rows.append(Row(f"{head}: evaluations to 1e-5, LM/BFGS, each start", "–", needed))
    return rows


def _needed(runs: list[Run], start: int, method: str) -> int | None:
    (run,) = [run for run in runs if run.start == start and run.method == method]
    return run.needed(float(best_of(runs).losses[-1]))


def _number(value: float | None, digits: int) -> str:
    return f"{value:.{digits}f}" if value else "–"
