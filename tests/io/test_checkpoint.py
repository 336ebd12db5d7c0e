"""Checkpoints: complete or refused in one sentence, and nothing in them is run."""

import io
import json
import os
import pickle
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import optax
import pytest

from diffsim import fit, load_state, save_state
from diffsim.io.checkpoint import FORMAT, replace_file
from diffsim.io.lock import locked
from tests.fits import NAMES, START, argon_from_its_truth

ADAM = optax.adam(1e-2)


@pytest.fixture(scope="module")
def states():
    return list(fit(START, argon_from_its_truth(), ADAM, steps=4, trainable=NAMES))


@pytest.fixture
def stored(states, tmp_path) -> Path:
    save_state(tmp_path / "last.npz", states[1])
    return tmp_path / "last.npz"


def test_a_fit_goes_on_from_the_file_with_the_same_numbers(states, stored):
    rest = list(fit(START, argon_from_its_truth(), ADAM, steps=2, trainable=NAMES, state=load_state(stored)))
    assert [state.step for state in rest] == [3, 4]
    assert rest[-1].losses == states[-1].losses
    assert rest[-1].evaluations == states[-1].evaluations
    assert float(rest[-1].potential.sigma) == float(states[-1].potential.sigma)


def test_only_the_file_is_left(stored):
    assert [path.name for path in stored.parent.iterdir()] == ["last.npz"]


def test_the_header_says_what_it_is(stored):
    with np.load(stored, allow_pickle=False) as arrays:
        header = json.loads(arrays["header"].tobytes())
    assert (header["format"], header["step"]) == (FORMAT, 2)
    assert "diffsim" in header


def test_every_truncation_is_noticed(stored):
    whole = stored.read_bytes()
    for length in [*range(0, len(whole), 97), len(whole) - 1]:
        stored.write_bytes(whole[:length])
        with pytest.raises(ValueError, match="is not a checkpoint of diffsim, or only a part of one"):
            load_state(stored)


def test_a_flipped_bit_is_noticed(stored):
    """In the data: of the zip's own fields some, like times, say nothing."""
    whole = stored.read_bytes()
    with zipfile.ZipFile(stored) as archive:
        entry = archive.getinfo("header.npy")
    place = entry.header_offset + 30 + len("header.npy") + entry.file_size // 2
    stored.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
    with pytest.raises(ValueError, match="is not a checkpoint"):
        load_state(stored)


def with_header(path: Path, **changes) -> None:
    with np.load(path, allow_pickle=False) as stored:
        arrays = {name: stored[name] for name in stored.files}
    header = json.loads(arrays["header"].tobytes()) | changes
    np.savez(path, **(arrays | {"header": np.frombuffer(json.dumps(header).encode(), np.uint8)}))


def test_another_format_is_refused_with_the_version_that_reads_it(stored):
    with_header(stored, format=FORMAT + 1, diffsim="9.9")
    with pytest.raises(ValueError, match=f"has format {FORMAT + 1}, .* reads format {FORMAT}: go on with .* 9.9"):
        load_state(stored)


class Evil:
    def __reduce__(self):
        return os.mkdir, ("evil",)


@pytest.mark.parametrize("kind", ["pickle", "object array", "text", "other arrays", "array", "empty zip"])
def test_a_file_that_is_no_checkpoint_is_refused_and_not_run(kind, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "last.npz"
    buffer = io.BytesIO()
    if kind == "object array":
        np.savez(buffer, allow_pickle=True, header=np.array([Evil()], object))
    elif kind == "other arrays":
        np.savez(buffer, a=np.zeros(3))
    elif kind == "array":
        np.save(buffer, np.zeros(3))
    elif kind == "empty zip":
        zipfile.ZipFile(buffer, "w").close()
    path.write_bytes({"pickle": pickle.dumps(Evil()), "text": b"loss 3\n"}.get(kind, buffer.getvalue()))
    with pytest.raises(ValueError, match="is not a checkpoint of diffsim"):
        load_state(path)
    assert not (tmp_path / "evil").exists()


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ValueError, match=r"there is no checkpoint '.*nothing.npz'"):
        load_state(tmp_path / "nothing.npz")


@pytest.mark.parametrize("folder", ["missing", "file", "/proc"])
def test_a_folder_that_takes_no_file_is_said_so(folder, states, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ValueError, match=r"cannot write the checkpoint '.*last.npz': "):
        save_state(tmp_path / folder / "last.npz", states[0])


def test_the_old_file_stays_where_the_new_one_finds_no_room(tmp_path):
    """A write that really fails: the kernel lets no file grow beyond 4 kB."""
    path = tmp_path / "last.npz"
    replace_file(path, b"old", "the checkpoint")
    code = f"""
import resource, signal
from diffsim.io.checkpoint import replace_file
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
try:
    replace_file({str(path)!r}, b"n" * 5000, "the checkpoint")
except ValueError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == f"cannot write the checkpoint {str(path)!r}: File too large\n"
    assert path.read_bytes() == b"old"
    assert [file.name for file in tmp_path.iterdir()] == ["last.npz"]


def test_a_state_of_another_fit_is_refused(states, stored):
    experiments = argon_from_its_truth()
    with pytest.raises(ValueError, match="has 2 free numbers, but this fit has 1"):
        fit(START, experiments, ADAM, trainable=["sigma"], state=load_state(stored))
    with pytest.raises(ValueError, match="is not one of this fit"):
        fit(START, experiments, optax.sgd(1e-2), trainable=NAMES, state=load_state(stored))


def test_a_folder_has_one_process_at_a_time(tmp_path):
    with locked(tmp_path):
        pass
    with (
        locked(tmp_path),
        pytest.raises(ValueError, match="another process is at work in"),
        locked(tmp_path),
    ):
        pass


def test_the_lock_of_a_killed_process_is_gone(tmp_path):
    code = f"""
import os, signal
from pathlib import Path
from diffsim.io.lock import locked
with locked(Path({str(tmp_path)!r})):
    os.kill(os.getpid(), signal.SIGKILL)
"""
    assert subprocess.run([sys.executable, "-c", code]).returncode == -9
    with locked(tmp_path):
        pass
