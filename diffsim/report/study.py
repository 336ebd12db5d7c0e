"""One run from its parts: look, fit while logging, look again, and leave everything in the run's folder."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax
from tqdm import tqdm

from diffsim.experiment import check
from diffsim.fields import parameters
from diffsim.fit import FitState, fit
from diffsim.report.results import Results, Update, evaluate_each, finite, write_json
from diffsim.report.tables import parameter_table, plain_text, target_table
from diffsim.report.write import write


def run(parts: Mapping[str, Any], folder: Path, manifest: dict[str, Any], record: dict[str, str]) -> Results:
    """Fits `parts["potential"]` to `parts["experiments"]`; the other parts are those of `conf/config.yaml`.

    `record` holds the texts that `.hydra/` keeps of the configuration; making that folder claims the run's for it.

    **Raises** `ValueError`, before anything is compiled or written, for targets of a wrong shape, structures that the
    potential cannot take, and parameters that it has not.
    """
    potential, fitted, held_out = parts["potential"], parts["experiments"], parts["held_out"]
    trainable = parts["trainable"]
    key = jax.random.key(parts["seed"])
    states = fit(potential, fitted, parts["optimizer"], steps=parts["steps"], trainable=trainable, key=key)
    for name, experiment in held_out.items():
        check(name, experiment, potential, experiment.start(potential))
    (folder / ".hydra").mkdir()
    for name, text in record.items():
        (folder / ".hydra" / name).write_text(text, encoding="utf-8")
    write_json(folder / "manifest.json", manifest)
    before = evaluate_each(potential, held_out)
    last, history = None, []
    with (folder / "log.jsonl").open("w", encoding="utf-8") as log:
        for last in progress(states, parts["steps"]):
            history.append(Update.of(last))
            log.write(json.dumps(finite(history[-1]._asdict())) + "\n")
            log.flush()
    assert last is not None  # fit refuses fewer steps than one
    before = last.start | before
    after = last.predictions | evaluate_each(last.potential, held_out)
    trained = tuple(trainable or parameters(potential))
    results = Results(parts["name"], fitted, held_out, potential, last.potential, before, after, history, trained)
    write(results, parts["figures"], manifest, folder)
    return results


def progress(states: Any, steps: int) -> Any:
    """The fit's states, with a line on stderr (step, loss, time left) where that is a terminal."""
    with tqdm(states, total=steps, disable=None, unit="update", leave=False) as line:
        for state in line:
            assert isinstance(state, FitState)
            line.set_description(f"loss {state.loss:.5g}", refresh=False)
            yield state


def overview(results: Results, folder: Path) -> str:
    """What the terminal shows at the end."""
    tables = [parameter_table(results), target_table(results, held_out=False)]
    if results.held_out:
        tables.append(target_table(results, held_out=True))
    return "\n\n".join([*map(plain_text, tables), f"everything in {folder}: open {folder / 'report.html'}"])
