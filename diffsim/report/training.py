"""One training from its parts: learn while logging, measure the errors, and leave everything in the run's folder.

After each epoch its line is added to `log.jsonl`, then `checkpoints/last.npz` is replaced, as in a fit.
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from tqdm import tqdm

from diffsim.fit import Plateau
from diffsim.io.checkpoint import load_state, save_state
from diffsim.io.lock import locked
from diffsim.io.stop import finishing
from diffsim.potentials.base import AbstractPotential
from diffsim.report.log import Log
from diffsim.report.study import CHECKPOINT, keep_manifest, keep_record
from diffsim.report.trained import overview as overview
from diffsim.report.trained import write
from diffsim.training import Parts, TrainingState, restored, train


class Begun(NamedTuple):
    """A training that has been read and checked."""

    parts: Mapping[str, Any]  # those of `conf/experiment/train.yaml`
    data: Parts
    start: AbstractPotential

    def states(self, epochs: int, last: TrainingState | None = None) -> Iterator[TrainingState]:
        """What `train` yields, with a line on stderr where that is a terminal; ends early where `stop` says so."""
        how, stop = self.parts["training"], self.parts["stop"]
        known = {name: getattr(how, name) for name in ("batch_size", "average", "dropout", "loss")}
        known |= {name: self.parts[name] for name in ("seed", "trainable")} | {"epochs": epochs, "state": last}
        states = train(self.start, self.data.training, self.data.validation, self.parts["optimizer"], **known)
        return _until(stop, states, epochs + (last is None))


def run(parts: Mapping[str, Any], folder: Path, manifest: dict[str, Any], record: dict[str, str]) -> dict[str, Any]:
    """Trains what `parts["training"]` describes, and gives back what `results.json` holds.

    **Raises** `ValueError`, before anything is written, for data that cannot be learned from.
    """
    begun = begin(parts)
    states = begun.states(parts["steps"])
    (folder / ".hydra").mkdir()
    (folder / "checkpoints").mkdir()
    with locked(folder / "checkpoints"):
        keep_record(folder, record)
        keep_manifest(folder, manifest)
        return _run(begun, states, None, folder, manifest)


def resume(
    parts: Mapping[str, Any], folder: Path, manifest: dict[str, Any], record: dict[str, str], *, finished: bool
) -> dict[str, Any]:
    """Goes on from the last checkpoint until `parts["steps"]` epochs are done in total; the folder is locked.

    Where a kill came between training and the report, only the report is made.

    **Raises** `ValueError`, before anything is written, for a checkpoint of another training, and for one that is done.
    """
    begun = begin(parts)
    last = restored(load_state(folder / CHECKPOINT), begun.start, parts["optimizer"], parts["trainable"])
    further = parts["steps"] - last.step
    if further < 0:
        raise ValueError(f"steps is {parts['steps']}, but {last.step} epochs are done already")
    if finished and not further:
        raise ValueError(
            f"{str(folder)!r} is finished after {last.step} epochs: go on with steps=NUMBER, of all epochs"
        )
    states = begun.states(further, last)
    keep_record(folder, record)
    keep_manifest(folder, manifest)
    return _run(begun, states, last, folder, manifest)


def begin(parts: Mapping[str, Any]) -> Begun:
    """Data read and divided, and the potential before its first update."""
    if not isinstance(parts["stop"], Plateau | None):
        raise ValueError(f"stop must be null or a diffsim.Plateau, got {parts['stop']!r}")
    data = parts["training"].parts(parts["seed"])
    return Begun(parts, data, parts["training"].start(data.training))


def _until(stop: Plateau | None, states: Iterator[TrainingState], count: int) -> Iterator[TrainingState]:
    with tqdm(states, total=count, disable=None, unit="epoch", leave=False) as line:
        for state in line:
            line.set_description(f"validation loss {state.history[-1].validation_loss:.5g}", refresh=False)
            yield state
            if stop is not None and stop.reached([epoch.validation_loss for epoch in state.history]):
                return


def _run(
    begun: Begun, states: Iterator[TrainingState], last: TrainingState | None, folder: Path, manifest: dict[str, Any]
) -> dict[str, Any]:
    with Log(folder / "log.jsonl", [] if last is None else [*last.history]) as log, finishing() as obey:
        for last in states:
            log.append(last.history[-1])
            save_state(folder / CHECKPOINT, last)
            obey(f"stopped after epoch {last.step}: go on with diffsim resume {str(folder)!r}")
    assert last is not None  # there is at least the start
    what = {"name": begun.parts["name"], "data": begun.parts["training"].data}
    results = write(what, begun.data, last, manifest, folder)
    keep_manifest(folder, manifest | {"finished": datetime.now(UTC).isoformat(timespec="seconds")})
    return results


def loss_of(results: Mapping[str, Any]) -> float:
    """The lowest loss on the validation set."""
    return results["best_loss"]
