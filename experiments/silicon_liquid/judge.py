"""The potentials in LAMMPS, melted, quenched and sampled as the truth was: which of them has its g(r)?"""

import csv
import json
from pathlib import Path
from typing import NamedTuple

import matplotlib
import numpy as np
from matplotlib.figure import Figure

from diffsim.report.figures.base import AFTER, BEFORE, REFERENCE, STYLE, WIDTH
from experiments.silicon_liquid.fits import LIMIT, potentials
from experiments.silicon_liquid.melts import Melt
from experiments.silicon_liquid.truth import CENTERS, LARGE, UNSEEN, distribution, frames_of, truth_of

REPLICAS = {2: 8, 3: 2}  # half of the truth's

_LEAST = 1e-4  # of g: bins where no pair ever was have no error
LABELS = {
    "1985": "1985",
    "energies_and_forces": "energies, forces",
    "with_rdf": "energies, forces, g(r)",
    "rdf_alone": "g(r) at 2000 K alone",
}
COLORS = dict(zip(LABELS, (BEFORE, "#2b5c9e", AFTER, "#3f8f4f"), strict=True))
MELTS = (*(Melt(T, 2) for T in UNSEEN), Melt(LARGE, 3))


class Verdict(NamedTuple):
    """How far g(r) is from the truth's, in standard errors of the difference."""

    potential: str
    temperature: float  # K
    atoms: int
    rms_in_errors: float
    largest_in_errors: float
    share_within_two: float
    rms: float  # of g itself
    sampled_ps: float


def judge(work: Path, output: Path) -> None:
    """At temperatures that the two fits have not seen, and in the larger cell: a table and a figure."""
    verdicts, curves = [], {}
    for melt in MELTS:
        name = f"T{melt.temperature:.0f}" + ("" if melt.repeats == 2 else f"_{8 * melt.repeats**3}")
        truth, truth_error = truth_of(name)
        curves[name] = {"truth": truth, "truth error": truth_error}
        for label, potential in potentials(output).items():
            if label == LIMIT and melt != Melt(LARGE, 2):
                continue
            frames = frames_of(melt, potential, work / label, REPLICAS[melt.repeats])
            found, error, _ = distribution(frames, melt.repeats)
            curves[name] |= {label: found, f"{label} error": error}
            sampled = len(frames) * melt.sampling
            verdicts.append(_verdict(label, melt, found - truth, np.hypot(error, truth_error), sampled))
            print(verdicts[-1], flush=True)
            _write(output, verdicts, curves)
    with matplotlib.rc_context(STYLE):
        draw(curves).savefig(output / "rdf.png")


def _verdict(label: str, melt: Melt, off: np.ndarray, error: np.ndarray, sampled: float) -> Verdict:
    z = off / np.maximum(error, _LEAST)
    return Verdict(
        label,
        melt.temperature,
        8 * melt.repeats**3,
        round(float(np.sqrt(np.mean(z**2))), 2),
        round(float(np.abs(z).max()), 2),
        round(float(np.mean(np.abs(z) < 2)), 3),
        round(float(np.sqrt(np.mean(off**2))), 4),
        sampled,
    )


def _write(output: Path, verdicts: list[Verdict], curves: dict[str, dict[str, np.ndarray]]) -> None:
    with (output / "verdicts.csv").open("w", newline="", encoding="utf-8") as file:
        lines = csv.writer(file)
        lines.writerow(Verdict._fields)
        lines.writerows(verdicts)
    text = json.dumps({name: {k: np.round(g, 5).tolist() for k, g in one.items()} for name, one in curves.items()})
    (output / "curves.json").write_text(text, encoding="utf-8")


def draw(curves: dict[str, dict[str, np.ndarray]]) -> Figure:
    """g(r) at each temperature; the truth as a band of two standard errors."""
    figure = Figure(figsize=(WIDTH, 1.25 * len(curves) + 0.6), layout="constrained")
    panels = figure.subplots(len(curves), 1, sharex=True)
    for axes, (name, one) in zip(panels, curves.items(), strict=True):
        g, error = one["truth"], one["truth error"]
        axes.fill_between(CENTERS, g - 2 * error, g + 2 * error, color=REFERENCE, alpha=0.35, linewidth=0)
        axes.plot(CENTERS, g, color=REFERENCE, linewidth=0.6, label="EDIP (truth)")
        for label, words in LABELS.items():
            if label not in one:
                continue
            axes.plot(CENTERS, one[label], color=COLORS[label], linewidth=0.9, label=words)
        axes.set_title(name.removeprefix("T").replace("_216", " K, 216 atoms") + ("" if "_" in name else " K"))
        axes.set_ylabel("g(r)")
    panels[-1].set_xlabel("r (Å)")
    most = max(panels, key=lambda axes: len(axes.lines))
    figure.legend(*most.get_legend_handles_labels(), loc="outside lower center", ncols=2)
    return figure
