"""Loss against iterations and against evaluations, one line for each optimizer and start."""

import numpy as np

from diffsim.report.figures.base import blank
from experiments.jctc_2025.problems import Problem
from experiments.jctc_2025.report import METHOD_COLORS, Drawing
from experiments.jctc_2025.search import METHODS, Run

_FLOOR = 1e-9  # relative: below this the losses' own rounding shows


def draw_convergence(problem: Problem, runs: list[Run]) -> Drawing:
    """How far each loss is above the lowest found; the legend counts iterations from the first start."""
    lowest = min(run.losses.min() for run in runs)
    figure, (above, below) = blank(4.6, panels=2)
    columns: dict[str, list] = {}
    for run in runs:
        excess = np.maximum(run.losses / lowest - 1, _FLOOR)
        label = _label(problem, run) if run.start == 0 else None
        style = {"color": METHOD_COLORS[run.method], "linewidth": 1.0, "marker": ".", "markersize": 2.5}
        above.semilogy(np.arange(len(excess)), excess, label=label, **style)
        below.semilogy(run.evaluations, excess, **style)
        head = f"{run.method}, start {run.start + 1}: "
        columns[head + "loss"] = run.losses.tolist()
        columns[head + "evaluations"] = run.evaluations.tolist()
    above.set_xlabel("iteration")
    below.set_xlabel("evaluations of the loss")
    for axes in (above, below):
        axes.set_ylabel("loss / minimum − 1")
    figure.suptitle(_title(problem, lowest), fontsize=7.5)
    figure.legend(*above.get_legend_handles_labels(), loc="outside lower center", ncols=2)
    return Drawing(figure, columns)


def _label(problem: Problem, run: Run) -> str:
    theirs = iterations_of_the_study(problem, run)
    return f"{run.method} {run.iterations}" + (f" (study {theirs})" if theirs else "")


def iterations_of_the_study(problem: Problem, run: Run) -> int | None:
    """Where it gives them: for Stillinger–Weber's elastic fit from the first start."""
    counts = problem.published.iterations if problem.published else None
    return counts.get(run.method) if counts and run.start == 0 else None


def _title(problem: Problem, lowest: float) -> str:
    fit = problem.published
    theirs = f", study {fit.loss:.6f}" if fit and fit.loss else ""
    return f"{title_of(problem)}: minimum {lowest:.6f}{theirs}"


def title_of(problem: Problem) -> str:
    """The potential and what it is fitted to, in words."""
    potential = {"sw": "SW", "edip": "EDIP"}[problem.potential_name]
    return f"{potential}, {problem.kind.replace('both', 'both targets').replace('_', ' ')}"


def tabulate_runs(problem: Problem, runs: list[Run]) -> list[list]:
    """One line for each optimizer and start: iterations, evaluations, and the minimum that was reached."""
    lowest = min(run.losses.min() for run in runs)
    rows = []
    for run in sorted(runs, key=lambda run: (run.start, METHODS.index(run.method))):
        theirs = iterations_of_the_study(problem, run)
        needed = run.needed(lowest)
        last = run.evaluations[-1], run.losses[-1], *run.points[-1]
        rows.append([problem.name, run.start + 1, run.method, run.iterations, theirs, needed, *last])
    return rows


RUN_HEADER = (
    "fit",
    "start",
    "method",
    "iterations",
    "iterations of the study",
    "evaluations to 1e-5",
    "evaluations",
    "loss",
    "first parameter",
    "second parameter",
)
