"""Command line: which part to run, where the study's force constants are, where the output goes."""

import argparse
import time
from pathlib import Path
from typing import NamedTuple

import jax

from experiments.jctc_2025 import __doc__ as about
from experiments.jctc_2025.report import Row, print_summary, save_table

COMMANDS = ("elastic", "force_constants", "both", "landscape", "quartz", "trap", "pareto", "evidence", "all")


class Size(NamedTuple):
    """How much is computed."""

    starts: int
    mesh: int
    points: int  # along each axis of a landscape
    updates: int  # at most, in quartz and trap


FULL = Size(starts=4, mesh=21, points=40, updates=60)
QUICK = Size(starts=1, mesh=3, points=5, updates=2)


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m experiments.jctc_2025", description=about, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("command", choices=COMMANDS, nargs="?", default="all", help="what to run (default: all)")
    parser.add_argument("--force-constants", type=Path, metavar="PATH", help="the study's FORCE_CONSTANTS of VASP")
    parser.add_argument("--output", type=Path, default=Path("outputs/jctc_2025"), metavar="FOLDER")
    parser.add_argument("--quick", action="store_true", help="one start, coarse meshes, few updates: to see it run")
    given = parser.parse_args(arguments)
    jax.config.update("jax_enable_x64", True)
    try:
        rows = run(given.command, given.force_constants, given.output, QUICK if given.quick else FULL)
    except ValueError as error:
        parser.error(str(error))
    name = f"summary_{given.command}.csv"
    save_table(Row._fields, rows, given.output / name)
    print_summary(rows)
    print(f"\nwritten to {given.output}")


def run(command: str, path: Path | None, output: Path, size: Size) -> list[Row]:
    """One command or all of them, each into its own folder; returns the lines of the summary."""
    rows: list[Row] = []
    if command in ("elastic", "force_constants", "both", "landscape", "all"):
        rows += run_silicon(command, path, output, size)
    if command in ("quartz", "all"):
        from experiments.jctc_2025.quartz import run_quartz

        with _timed("quartz"):
            rows += run_quartz(output / "quartz", updates=min(size.updates, 15))
    if command in ("trap", "all"):
        from experiments.jctc_2025.trap import run_trap

        with _timed("trap"):
            rows += run_trap(output / "trap", updates=size.updates)
    if command in ("pareto", "all"):
        from experiments.jctc_2025.pareto_run import run_pareto

        with _timed("pareto"):
            rows += run_pareto(output / "pareto", updates=size.updates, quick=size is QUICK)
    if command in ("evidence", "all"):
        from experiments.jctc_2025.evidence_forms import candidates
        from experiments.jctc_2025.evidence_run import run_evidence

        for name, candidate in candidates().items():
            with _timed(f"evidence, {candidate.label}"):
                folder = output / "evidence" / name
                rows += run_evidence(candidate, folder, starts=size.starts, updates=size.updates, quick=size is QUICK)
    return rows


def run_silicon(command: str, path: Path | None, output: Path, size: Size) -> list[Row]:
    """The fits of silicon and their landscapes, which share the optimizers' runs."""
    from experiments.jctc_2025.fits import report_fits, solve
    from experiments.jctc_2025.landscape import draw_landscape
    from experiments.jctc_2025.problems import KINDS, POTENTIALS
    from experiments.jctc_2025.references import reference
    from experiments.jctc_2025.report import save_figure

    targets = reference(path)
    rows: list[Row] = []
    for kind in (command,) if command in KINDS else KINDS:
        with _timed(kind):
            found = [solve(name, kind, targets, starts=size.starts) for name in POTENTIALS]
            if command != "landscape":
                rows += report_fits(found, targets, output / kind, mesh=size.mesh)
        if command in ("landscape", "all"):
            with _timed(f"landscape, {kind}"):
                for one in found:
                    target = output / "landscape" / one.problem.name
                    save_figure(lambda one=one: draw_landscape(*one, size.points), target)
    return rows


class _timed:
    """Says how long a part took."""

    def __init__(self, name: str):
        self.name = name

    def __enter__(self) -> None:
        self.began = time.perf_counter()

    def __exit__(self, *_: object) -> None:
        print(f"{self.name}: {time.perf_counter() - self.began:.0f} s", flush=True)


if __name__ == "__main__":
    main()
