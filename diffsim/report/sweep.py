"""A sweep's runs beside each other: `sweep.csv`, `sweep.png`, and the curves of the figure as `sweep_curves.csv`."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from diffsim.report.figures.sweep import draw_sweep
from diffsim.report.tables import Table, plain_text

_CLOSE = 0.01  # of the lowest loss: how near a run must come to it to have found it
_NOTHING = 1e-6  # of the highest loss: below this all losses are the same


class Job(NamedTuple):
    """One run of a sweep."""

    name: str  # its folder
    overrides: dict[str, str]
    outcome: str  # finished, failed, or stopped
    error: str
    curve: list[tuple[int, float]]  # evaluations and loss, after each update
    updates: int
    seconds: float


def read_sweep(folder: Path) -> list[Job]:
    """The runs in a sweep's folder, whatever has become of each.

    **Raises** `ValueError` where there is none.
    """
    if not folder.is_dir():
        raise ValueError(f"there is no folder {str(folder)!r}")
    found = [_read(path) for path in sorted(folder.iterdir(), key=lambda p: (len(p.name), p.name)) if path.is_dir()]
    jobs = [job for job in found if job is not None]
    if not jobs:
        raise ValueError(f"{str(folder)!r} is not the folder of a sweep: no run is in it")
    return jobs


def _read(folder: Path) -> Job | None:
    error, overrides = "", []
    try:
        if (folder / ".hydra" / "overrides.yaml").is_file():
            overrides = yaml.safe_load((folder / ".hydra" / "overrides.yaml").read_text(encoding="utf-8"))
        if (folder / "failed.json").is_file():
            failed = json.loads((folder / "failed.json").read_text(encoding="utf-8"))
            error, overrides = failed["error"], failed["overrides"]
        elif not (folder / ".hydra").is_dir():
            return None
        lines = _lines(folder / "log.jsonl")
        done = (folder / "manifest.json").is_file() and "finished" in json.loads(
            (folder / "manifest.json").read_text(encoding="utf-8")
        )
        curve = [(line["evaluations"], line["loss"]) for line in lines]
        if curve and (folder / "results.json").is_file():
            first = json.loads((folder / "results.json").read_text(encoding="utf-8"))["loss"]["before"]
            curve = [(1, first), *curve]
    except (OSError, ValueError, KeyError, TypeError, yaml.YAMLError) as problem:
        return Job(folder.name, {}, "failed", f"its files cannot be read: {problem}", [], 0, 0.0)
    outcome = "failed" if error else "finished" if done else "stopped"
    settings = dict(override.split("=", 1) for override in overrides if "=" in override)
    return Job(folder.name, settings, outcome, error, curve, len(lines), lines[-1]["seconds"] if lines else 0.0)


def _lines(path: Path) -> list[dict[str, Any]]:
    """The whole lines of a log, which may be in the middle of being written."""
    text = path.read_text(encoding="utf-8") if path.is_file() else ""
    return [json.loads(line) for line in text.splitlines(keepends=True) if line.endswith("\n")]


def swept(jobs: list[Job]) -> list[str]:
    """What differs between the runs."""
    keys = dict.fromkeys(key for job in jobs for key in job.overrides)
    return [key for key in keys if len({job.overrides.get(key) for job in jobs}) > 1]


def near_best(jobs: list[Job]) -> float:
    """The loss at which the best of the sweep counts as found: 1 % above the lowest."""
    losses = [loss for job in jobs for _, loss in job.curve]
    return max((1 + _CLOSE) * min(losses), _NOTHING * max(losses)) if losses else 0.0


def evaluations_to(job: Job, loss: float) -> int | None:
    """How many evaluations it took to come down to a loss; None for a run that did not."""
    return next((evaluations for evaluations, reached in job.curve if reached <= loss), None)


def table_of(jobs: list[Job]) -> Table:
    """A row for each run."""
    keys, goal = swept(jobs), near_best(jobs)
    lines = []
    for job in jobs:
        losses = [f"{loss:.6g}" for _, loss in (job.curve[:1] + job.curve[-1:])] or ["", ""]
        last = str(job.curve[-1][0]) if job.curve else ""
        needed = evaluations_to(job, goal)
        counts = [str(job.updates), last, "" if needed is None else str(needed), f"{job.seconds:.1f}"]
        lines.append(
            [job.name, *(job.overrides.get(key, "") for key in keys), *losses, *counts, job.error or job.outcome]
        )
    heads = ["run", *keys, "loss before", "after", "updates", "evaluations", "to within 1 %", "seconds", "outcome"]
    return Table("Runs of the sweep", heads, lines)


def write_sweep(jobs: list[Job], folder: Path) -> None:
    """`sweep.csv`, `sweep.png`, `sweep_curves.csv`."""
    table, keys, goal = table_of(jobs), swept(jobs), near_best(jobs)
    _write_csv(folder / "sweep.csv", [table.heads, *table.rows])
    curves = [[job.name, evaluations, loss] for job in jobs for evaluations, loss in job.curve]
    _write_csv(folder / "sweep_curves.csv", [["run", "evaluations", "loss"], *curves])
    kind = "optimizer" if "optimizer" in keys else (keys or ["run"])[0]
    kinds = [job.overrides.get(kind, job.name if kind == "run" else "") for job in jobs]
    needed = [evaluations_to(job, goal) for job in jobs]
    draw_sweep([job.curve for job in jobs], kinds, needed, folder / "sweep.png")


def _write_csv(path: Path, lines: list[list[Any]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(lines)


def overview(jobs: list[Job], folder: Path) -> str:
    """What the terminal shows."""
    return f"{plain_text(table_of(jobs))}\n\ntable in {folder / 'sweep.csv'}, figure in {folder / 'sweep.png'}"
