"""`log.jsonl`: a line for each update of a fit or epoch of a training, on disk before the checkpoint that counts it."""

from __future__ import annotations

import json
import os
from pathlib import Path

from diffsim.io.checkpoint import write_all
from diffsim.report.results import Update, finite
from diffsim.training.train import Epoch


def read_log(path: Path, steps: int) -> list[Update]:
    """The first `steps` lines; what a run that was stopped has left behind them is not looked at.

    **Raises** `ValueError` where they are not there.
    """
    try:
        lines = path.read_bytes().splitlines()[:steps]
        history = [Update(**json.loads(line)) for line in lines]
    except (OSError, ValueError, TypeError) as error:
        raise ValueError(f"{str(path)!r} is not the log of a run: {error}") from error
    if [update.step for update in history] != [*range(1, steps + 1)]:
        raise ValueError(f"{str(path)!r} does not hold the {steps} updates of the checkpoint")
    return history


class Log:
    """The log, open at the end of the updates that are known; what stands behind them is cut off."""

    def __init__(self, path: Path, history: list[Update] | list[Epoch]):
        self.path, self.history = path, history
        lines = path.read_bytes().splitlines(keepends=True) if path.exists() else []
        self.descriptor = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o644)
        os.ftruncate(self.descriptor, sum(map(len, lines[: len(history)])))

    def append(self, update: Update | Epoch) -> None:
        """Adds a line, and waits until it is on the disk."""
        self.history.append(update)
        line = json.dumps(finite(update._asdict())) + "\n"
        try:
            write_all(self.descriptor, line.encode())
            os.fsync(self.descriptor)
        except OSError as error:
            raise ValueError(f"cannot write the log {str(self.path)!r}: {error.strerror}") from error

    def __enter__(self) -> Log:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self.descriptor)
