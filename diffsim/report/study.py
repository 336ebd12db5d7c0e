"""One run from its parts: look, fit while logging, look again, and leave everything in the run's folder.

After each update its line is added to `log.jsonl`, then `checkpoints/last.npz` is replaced: a run that was stopped, in
whatever way, goes on from there with the numbers it would have had.
"""

import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jax
from tqdm import tqdm

from diffsim.choice import decided
from diffsim.fit import Plateau, problem_of, updates
from diffsim.fit_state import FitState, kept_choices, restored
from diffsim.gradients import Auto
from diffsim.io.checkpoint import load_state, replace_file, save_state
from diffsim.io.crash import crash_written
from diffsim.io.lock import locked
from diffsim.io.stop import finishing
from diffsim.optimizers import AbstractMethod, Problem, method_for
from diffsim.potentials.base import AbstractPotential
from diffsim.report.analysis import analysed, before, check_looked_at
from diffsim.report.log import Log, read_log
from diffsim.report.results import Results, Update, finite
from diffsim.report.summary import summary
from diffsim.report.tables import parameter_table, plain_text, target_table
from diffsim.report.write import write
from diffsim.starts import perturbed
from diffsim.trees import Packed

CHECKPOINT = "checkpoints/last.npz"


def run(parts: Mapping[str, Any], folder: Path, manifest: dict[str, Any], record: dict[str, str]) -> Results:
    """Fits `parts["potential"]` to `parts["experiments"]`; the other parts are those of `conf/config.yaml`.

    `record` holds the texts that `.hydra/` keeps of the configuration; making that folder claims the run's for it.

    **Raises** `ValueError`, before anything is compiled or written, for targets of a wrong shape, structures that the
    potential cannot take, and parameters that it has not.
    """
    start = start_of(parts)
    parts = with_methods(parts, start)
    states = updates(*made_of(parts, start), parts["steps"], parts["stop"], None)
    check_looked_at(parts, start)
    (folder / ".hydra").mkdir()
    (folder / "checkpoints").mkdir()
    with locked(folder / "checkpoints"):
        keep_record(folder, record)
        keep_manifest(folder, manifest)
        return _run(parts, start, states, None, folder, manifest)


def resume(
    parts: Mapping[str, Any], folder: Path, manifest: dict[str, Any], record: dict[str, str], *, finished: bool
) -> Results:
    """Goes on with a run from its last checkpoint until `parts["steps"]` updates are done in total.

    To be called with `folder / "checkpoints"` locked. Where a kill came between the fit and the report, only the
    report is made.

    **Raises** `ValueError`, before anything is compiled or written, for a checkpoint that cannot be read or is of
    another run, and for a run that is finished.
    """
    start = start_of(parts)
    packed = load_state(folder / CHECKPOINT)
    parts = with_methods(parts, start, packed)
    problem, method = made_of(parts, start)
    last = restored(packed, problem, method)
    further = parts["steps"] - last.step
    if further < 0:
        raise ValueError(f"steps is {parts['steps']}, but {last.step} updates are done already")
    if finished and (why := why_finished(parts, last)):
        raise ValueError(f"{str(folder)!r} is finished after {last.step} updates: {why}")
    states = updates(problem, method, further, parts["stop"], last)
    check_looked_at(parts, start)
    read_log(folder / "log.jsonl", last.step)
    keep_record(folder, record)
    keep_manifest(folder, manifest)
    return _run(parts, start, states, last, folder, manifest)


def why_finished(parts: Mapping[str, Any], last: FitState) -> str:
    """Why no update follows this state, and what would change that; empty where one does."""
    if last.memory.done:
        return "the optimizer saw no way further"
    if parts["stop"] is not None and parts["stop"].reached(last.losses):
        return "the loss had reached the plateau that stop asks for; go on with stop=null"
    return "go on with steps=NUMBER, of all updates" if last.step == parts["steps"] else ""


def start_of(parts: Mapping[str, Any]) -> AbstractPotential:
    """The potential that the fit starts from: that of the configuration, moved at random where `spread` says so."""
    if not parts["spread"]:
        return parts["potential"]
    return perturbed(parts["potential"], parts["spread"], jax.random.key(parts["seed"]), parts["trainable"])


def with_methods(parts: Mapping[str, Any], start: AbstractPotential, last: Packed | None = None) -> Mapping[str, Any]:
    """The parts with what `Auto` chooses for experiments, or has chosen in the fit that goes on; said on stderr."""
    experiments = decided(start, parts["experiments"], parts["trainable"], kept=kept_choices(last))
    for name, experiment in experiments.items():
        if isinstance(experiment.gradient, Auto) and last is None:
            print(f"gradient of {name}: {experiment.gradient.certificate}", file=sys.stderr)
    return {**parts, "experiments": experiments}


def made_of(parts: Mapping[str, Any], start: AbstractPotential) -> tuple[Problem, AbstractMethod]:
    """What is fitted, and how, checked."""
    if not isinstance(parts["stop"], Plateau | None):
        raise ValueError(f"stop must be null or a diffsim.Plateau, got {parts['stop']!r}")
    return problem_of(start, parts["experiments"], parts["trainable"]), method_for(parts["optimizer"])


def keep_record(folder: Path, record: Mapping[str, str]) -> None:
    """Writes what `.hydra/` keeps of the configuration."""
    for name, text in record.items():
        replace_file(folder / ".hydra" / name, text.encode(), "the configuration")


def keep_manifest(folder: Path, manifest: dict[str, Any]) -> None:
    """Writes `manifest.json`, without which a run cannot be gone on with."""
    text = json.dumps(finite(manifest), indent=1, ensure_ascii=False) + "\n"
    replace_file(folder / "manifest.json", text.encode(), "the manifest")


def _run(
    parts: Mapping[str, Any],
    start: AbstractPotential,
    states: Iterable[FitState],
    last: FitState | None,
    folder: Path,
    manifest: dict[str, Any],
) -> Results:
    begun = before(parts, start)
    for sentence in begun.spots if last is None else ():  # said once
        print(sentence, file=sys.stderr)
    history = read_log(folder / "log.jsonl", last.step) if last else []
    with Log(folder / "log.jsonl", history) as log, crash_written(folder / "crash.extxyz"), finishing() as obey:
        for last in progress(states, parts["steps"], len(history)):
            log.append(Update.of(last))
            save_state(folder / CHECKPOINT, last)
            obey(f"stopped after update {last.step}: go on with diffsim resume {str(folder)!r}")
    assert last is not None  # fit refuses fewer steps than one
    results = analysed(parts, start, last, history, begun)
    write(results, parts["figures"], manifest, folder)
    keep_manifest(folder, manifest | {"finished": datetime.now(UTC).isoformat(timespec="seconds")})
    return results


def progress(states: Iterable[FitState], steps: int, done: int) -> Iterator[FitState]:
    """The fit's states, with a line on stderr (loss, diagnostics, step, time left) where that is a terminal."""
    with tqdm(states, total=steps, initial=done, disable=None, unit="update", leave=False) as line:
        for state in line:
            said = [f"{name} {value:.3g}" for name, value in state.diagnostics.items()]
            line.set_description(", ".join([f"loss {state.loss:.5g}", *said]), refresh=False)
            yield state


def loss_of(results: Results) -> float:
    """The loss in the end."""
    return results.history[-1].loss


def overview(results: Results, folder: Path) -> str:
    """What the terminal shows at the end."""
    found = summary(results)
    tables = [parameter_table(found), target_table(found, held_out=False)]
    if results.held_out:
        tables.append(target_table(found, held_out=True))
    words = found["uncertainty"]["sentences"]
    return "\n\n".join(
        [*map(plain_text, tables), "\n".join(words), f"everything in {folder}: open {folder / 'report.html'}"]
    )
