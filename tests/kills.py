"""Kills a run again and again, resumes it each time, and compares it with one that was left alone.

    python -m tests.kills FOLDER [KILLS]

Every run is a process of its own, forked from this one, which has imported everything and started nothing of jax.
"""

import json
import os
import random
import signal
import sys
import time
import traceback
from pathlib import Path
from typing import Any

os.environ |= {"JAX_DISABLE_MOST_OPTIMIZATIONS": "1", "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0"}
os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", str(Path(__file__).parent.parent / ".jax_cache"))

from diffsim import cli, report
from diffsim.io.checkpoint import load_state
from tests.runs import numbers

_LONGEST = 0.08  # s from the first new update to the kill: some six updates
_UPDATES = 8  # for each kill


def forked(arguments: list[str], output: Path) -> int:
    """A process that does `diffsim ARGUMENTS`."""
    if child := os.fork():
        return child
    descriptor = os.open(output, os.O_CREAT | os.O_WRONLY | os.O_APPEND)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    sys.argv = ["diffsim", *arguments]
    try:
        cli.main()
        sys.stdout.flush()
        os._exit(0)
    except BaseException:
        traceback.print_exc()
        os._exit(1)


def kill_in_the_middle(child: int, log: Path, chance: random.Random) -> bool:
    """Kills a process at some moment after its next update; False where it ended before."""
    size = log.stat().st_size if log.exists() else 0
    while not (log.exists() and log.stat().st_size > size):
        if os.waitpid(child, os.WNOHANG)[0]:
            return False
        time.sleep(0.001)
        size = min(size, log.stat().st_size) if log.exists() else 0  # cut back to the checkpoint
    time.sleep(chance.uniform(0, _LONGEST))
    os.kill(child, signal.SIGKILL)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL


def lost(folder: Path) -> int:
    """Updates that were logged, but are not in the checkpoint."""
    lines = (folder / "log.jsonl").read_bytes().count(b"\n")
    return lines - step_of(folder)


def step_of(folder: Path) -> int:
    skeleton = load_state(folder / "checkpoints" / "last.npz").skeleton
    return skeleton["children"]["step"]["value"]


def survive(folder: Path, kills: int, seed: int = 0) -> dict[str, Any]:
    """What became of a run that was killed so many times."""
    chance, output, killed = random.Random(seed), folder / "output.txt", folder / "killed"
    steps = _UPDATES * kills + 10
    run = ["experiment=argon", "optimizer=adam", "potential.cutoff=6.0", "potential.onset=5.0", f"steps={steps}"]
    assert os.waitpid(forked([*run, f"hydra.run.dir={folder / 'whole'}"], output), 0)[1] == 0, output.read_text()
    done, worst, steps_at = 0, 0, []
    arguments = [*run, f"hydra.run.dir={killed}"]
    while done < kills and kill_in_the_middle(forked(arguments, output), killed / "log.jsonl", chance):
        done += 1
        if (killed / "checkpoints" / "last.npz").exists():
            worst = max(worst, lost(killed))
            steps_at.append(step_of(killed))
            arguments = ["resume", str(killed)]
        else:  # before its first checkpoint
            killed = folder / f"killed again {done}"
            arguments = [*run, f"hydra.run.dir='{killed}'"]
    assert os.waitpid(forked(["resume", str(killed)], output), 0)[1] == 0, output.read_text()
    whole, again = numbers(folder / "whole"), numbers(killed)
    return {
        "kills": done, "updates lost at most": worst, "killed after updates": steps_at, "updates": steps,
        "different": [key for key in whole if whole[key] != again[key]],
    }  # fmt: skip


if __name__ == "__main__":
    assert report  # imported here, and so by every fork
    Path(sys.argv[1]).mkdir(parents=True, exist_ok=True)
    print(json.dumps(survive(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 10)))
