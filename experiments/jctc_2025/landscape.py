"""The loss over the two parameters, with the ways that the optimizers took."""

import numpy as np

from diffsim.report.figures.base import blank
from experiments.jctc_2025.convergence import title_of
from experiments.jctc_2025.problems import WINDOWS, Compiled, Problem
from experiments.jctc_2025.report import MATH, METHOD_COLORS, Drawing
from experiments.jctc_2025.search import METHODS, Run, best_of

POINTS = 40  # along each axis, as in the study


def landscape(problem: Problem, compiled: Compiled, points: int = POINTS) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Two axes, and the loss `[second first]` over them."""
    x, y = (np.linspace(*edges, points) for edges in WINDOWS[problem.potential_name])
    grid = np.stack(np.meshgrid(x, y), axis=-1)
    return x, y, compiled.grid(grid.reshape(-1, 2)).reshape(grid.shape[:2])


def draw_landscape(problem: Problem, compiled: Compiled, runs: list[Run], points: int = POINTS) -> Drawing:
    """Contours of the loss, paths, our minimum and the study's."""
    x, y, loss = landscape(problem, compiled, points)
    best = best_of(runs)
    found = best.points[-1]
    figure, axes = blank(3.3)
    levels = np.geomspace(best.losses.min() * 1.001, loss.max(), 16)
    shades = axes.contourf(x, y, loss, levels=levels, cmap="Greys", alpha=0.55, extend="both")
    axes.contour(x, y, loss, levels=levels, colors="black", linewidths=0.2)
    for method in METHODS:
        for run in runs:
            if run.method == method:
                label = method if run.start == 0 else None
                axes.plot(*run.points.T, "-", color=METHOD_COLORS[method], linewidth=0.9, label=label)
    axes.plot(*np.array(problem.starts).T, "o", color="black", markersize=3, label="start")
    fit = problem.published
    title = f"{title_of(problem)}\nours ({found[0]:.4f}, {found[1]:.4f})"
    axes.plot(*found, "*", color=METHOD_COLORS["LM (ours)"], markeredgecolor="white", markersize=9, label="minimum")
    if fit:
        axes.plot(*fit.minimum, "o", color="black", markerfacecolor="none", markersize=8, label="study's")
        title += f", study ({fit.minimum[0]:.4f}, {fit.minimum[1]:.4f})"
    axes.set_title(title)
    axes.set_xlim(*WINDOWS[problem.potential_name][0])
    axes.set_ylim(*WINDOWS[problem.potential_name][1])
    axes.set_xlabel(MATH[problem.parameters[0]])
    axes.set_ylabel("λ (eV)" if problem.potential_name == "edip" else "λ")
    bar = figure.colorbar(shades, ax=axes, format="%.0f", ticks=levels[::3])
    bar.set_label("loss")
    figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=4, columnspacing=1.0)
    columns = {"x": np.tile(x, len(y)).tolist(), "y": np.repeat(y, len(x)).tolist(), "loss": loss.ravel().tolist()}
    return Drawing(figure, columns)
