"""Ctrl-C and SIGTERM in runs of what moves: real processes, real signals."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import jax
import numpy as np
import pytest
from ase.build import bulk
from helpers import rattled

from diffsim import Schedule, StillingerWeber, VelocityVerlet, chunks, units
from tests.kills import step_of
from tests.runs import call, moving

ROOT = Path(__file__).parent.parent
FOREVER = """
from diffsim.report import study
save = study.save_state
def then_for_ever(path, state):
    save(path, state)
    jax.jit(lambda: jax.lax.while_loop(lambda x: x >= 0, lambda x: 0.5 * x, 1.0))().block_until_ready()
study.save_state = then_for_ever
"""


def started(folder: Path, arguments: list[str], before: str = "") -> subprocess.Popen:
    """`diffsim ARGUMENTS` as a process of its own, after some preparations."""
    code = f"""
import sys
import jax
jax.config.update("jax_disable_most_optimizations", True)
jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.2)
from diffsim import cli
from diffsim.io import stop
{before}
sys.argv = ["diffsim", *{arguments!r}]
cli.main()
"""
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    environment |= {"JAX_COMPILATION_CACHE_DIR": str(jax.config.jax_compilation_cache_dir)}
    with (folder / "output.txt").open("a") as output:
        return subprocess.Popen([sys.executable, "-c", code], cwd=folder, env=environment, stdout=output, stderr=output)


def wait_for_a_checkpoint(process: subprocess.Popen, folder: Path) -> None:
    while not (folder / "run" / "checkpoints" / "last.npz").exists():
        assert process.poll() is None, (folder / "output.txt").read_text()
        time.sleep(0.01)


def updates(folder: Path) -> int:
    log = folder / "log.jsonl"
    return log.read_bytes().count(b"\n") if log.exists() else 0


@pytest.mark.slow
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_update_that_is_under_way_is_finished_and_saved(tmp_path, number, code):
    """An update of a second or so, at whose beginning the signal comes; meanwhile nobody else gets in."""
    run = [*moving(tmp_path, schedule="frames: 20, equilibration: 10000"), "steps=500", "hydra.run.dir=run"]
    process, folder = started(tmp_path, run, "stop._PATIENCE = 300.0"), tmp_path / "run"
    wait_for_a_checkpoint(process, tmp_path)
    other = started(tmp_path, ["resume", "run"])
    assert other.wait(300) == 2
    assert "another process is at work in" in (tmp_path / "output.txt").read_text()
    done = updates(folder)
    process.send_signal(number)
    assert process.wait(300) == code
    said = (tmp_path / "output.txt").read_text()
    assert updates(folder) == step_of(folder)
    assert done < step_of(folder) <= done + 2  # it may just have begun another
    assert f"diffsim: stopped after update {step_of(folder)}: go on with diffsim resume" in said
    steps = step_of(folder) + 1
    call(tmp_path, "resume", "run", f"steps={steps}")
    assert step_of(folder) == updates(folder) == steps


@pytest.mark.slow
@pytest.mark.parametrize("again", [False, True], ids=["in patience", "twice"])
def test_what_would_take_longer_is_left_and_what_was_saved_is_kept(tmp_path, again):
    """Compiled code that never comes back: Python's own handlers would never be called."""
    patience = 300.0 if again else 3.0
    run = [*moving(tmp_path), "steps=9", "hydra.run.dir=run"]
    process = started(tmp_path, run, f"{FOREVER}\nstop._PATIENCE = {patience}")
    wait_for_a_checkpoint(process, tmp_path)
    time.sleep(1.0)  # until it is inside
    began = time.monotonic()
    process.send_signal(signal.SIGTERM)
    if again:
        time.sleep(0.5)
        process.send_signal(signal.SIGTERM)
    assert process.wait(60) == 143
    seconds = time.monotonic() - began
    said = (tmp_path / "output.txt").read_text()
    assert "stopping when this step is done" in said
    assert "stopped before this step was done; what was saved before is kept" in said
    assert (seconds < 10) if again else (3 <= seconds < 10)
    folder = tmp_path / "run"
    assert updates(folder) == step_of(folder) == 1
    call(tmp_path, "resume", "run", "steps=2")
    assert step_of(folder) == 2


def test_half_a_minute_is_enough_for_everyone():
    from diffsim.io import stop

    assert stop._PATIENCE < 30 - 3  # s to write the sentence and to be gone


def test_the_last_whole_chunk_of_a_trajectory_can_be_gone_on_from():
    """Ctrl-C while a chunk is run: the one before it goes on bit for bit."""
    sw, verlet = StillingerWeber.silicon(), VelocityVerlet(1 * units.fs)
    start = verlet.init(sw, rattled(bulk("Si", a=5.431, cubic=True), 0.02), jax.random.key(0), 600.0)
    kept, heard = [], threading.Event()

    def interrupt() -> None:
        while not heard.wait(0.1):  # one may be lost: where an object is taken apart, exceptions are ignored
            signal.raise_signal(signal.SIGINT)
            heard.wait(2.0)

    def run() -> None:
        for chunk in chunks(sw, verlet, start, Schedule(frames=4000, stride=1000)):
            if not kept:
                threading.Thread(target=interrupt, daemon=True).start()
            kept.append(chunk)

    with pytest.raises(KeyboardInterrupt):
        run()
    heard.set()
    done = int(kept[-1].state.step)
    assert done == 1000 * len(kept)
    again = list(chunks(sw, verlet, start, Schedule(frames=done // 1000 + 2, stride=1000)))
    more = list(chunks(sw, verlet, kept[-1].state, Schedule(frames=2, stride=1000)))
    np.testing.assert_array_equal(more[-1].state.system.positions, again[-1].state.system.positions)
