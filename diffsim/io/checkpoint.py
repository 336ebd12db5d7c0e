"""A fit's or a trajectory's state on disk: written whole or not at all, read without running anything that it says.

A checkpoint is one `.npz` of plain arrays (the zip format brings a checksum for each). `header`, JSON as bytes, holds
the format's number, diffsim's version, the step, and where in the state each array stands.
"""

import contextlib
import io
import json
import os
import zipfile
import zlib
from pathlib import Path
from typing import Any

import jax
import numpy as np

from diffsim.fit_state import FitState
from diffsim.io.manifest import installed
from diffsim.simulators import State
from diffsim.training import TrainingState
from diffsim.trees import Packed, pack

FORMAT = 1
_BROKEN = (zipfile.BadZipFile, zlib.error, EOFError, ValueError, KeyError, TypeError, NotImplementedError)


def save_state(path: str | Path, state: FitState | TrainingState | State) -> None:
    """Writes a state that `fit` or `train` has yielded, or a simulator has come to.

    Whatever happens, a complete file stands there afterwards, old or new.

    **Raises** `ValueError` for numbers that are not finite, and where it cannot be written: a full disk, a folder that
    is missing or not writable.
    """
    if not _is_finite(state):
        raise ValueError(f"the state is not finite, so it is not saved to {str(path)!r}: what stands there is kept")
    packed = pack(state)
    header = {
        "format": FORMAT,
        "diffsim": installed("diffsim"),
        "step": int(np.max(state.step)),
        "state": packed.skeleton,
    }
    text = np.frombuffer(json.dumps(header).encode(), np.uint8)
    file = io.BytesIO()
    np.savez(file, allow_pickle=False, header=text, **packed.arrays)  # type: ignore[arg-type]
    replace_file(path, file.getvalue(), "the checkpoint")


def _is_finite(state: FitState | TrainingState | State) -> bool:
    """Whether what matters is; optimizers, and frames to come, may begin with infinities and NaN in their memory."""
    parts: list[Any] = []
    if isinstance(state, TrainingState):
        parts += [state.memory.moving, state.memory.averaged]
    elif isinstance(state, FitState):
        parts += [state.loss, state.predictions, state.memory.free]
        parts += [(one.system, one.momenta, one.forces) for one in state.memory.states.values()]
    else:
        parts += [state.system, state.momenta, state.forces]
    return all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(parts))


def load_state(path: str | Path) -> Packed:
    """Reads what `save_state` wrote, for `fit(..., state=)` of the same things.

    A trajectory goes on from `load_state(path).unpack(simulator.init(...))`, a state of the same system and simulator.

    **Raises** `ValueError` for a file that is missing, truncated, no checkpoint, or one of another format.
    """
    path = Path(path)
    if not path.is_file():
        raise ValueError(f"there is no checkpoint {str(path)!r}")
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
            header = json.loads(stored["header"].tobytes())
            number = header["format"]
            arrays = {name: stored[name] for name in stored.files if name != "header"} if number == FORMAT else {}
            skeleton = header["state"] if number == FORMAT else None
    except OSError as error:
        raise ValueError(f"cannot read the checkpoint {str(path)!r}: {error.strerror}") from error
    except _BROKEN as error:
        raise ValueError(f"{str(path)!r} is not a checkpoint of diffsim, or only a part of one") from error
    if number != FORMAT:
        raise ValueError(
            f"the checkpoint {str(path)!r} has format {number}, but this diffsim reads format {FORMAT}: "
            f"go on with the version that wrote it, {header.get('diffsim', 'unknown')}"
        )
    return Packed(skeleton, arrays)


def replace_file(path: str | Path, content: bytes, what: str) -> None:
    """Puts `content` in the place of a file at one moment: on disk first under another name beside it, then renamed.

    **Raises** `ValueError` where that fails; the old file is then as it was.
    """
    path = Path(path)
    new = path.with_name(f".{path.name}.new")
    try:
        with new.open("wb", buffering=0) as file:
            write_all(file.fileno(), content)
            os.fsync(file.fileno())
        new.replace(path)
        _sync_folder(path.parent)
    except OSError as error:
        with contextlib.suppress(OSError):
            new.unlink()
        raise ValueError(f"cannot write {what} {str(path)!r}: {error.strerror}") from error


def write_all(descriptor: int, content: bytes) -> None:
    """Writes all of it: a disk that is nearly full takes a part, and refuses the rest."""
    view = memoryview(content)
    while view:
        view = view[os.write(descriptor, view) :]


def _sync_folder(folder: Path) -> None:
    """Makes the renaming itself last through a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
