"""Ctrl-C and SIGTERM in runs of what moves: real processes, real signals."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import jax
import numpy as np
import pytest
from ase.build import bulk
from helpers import rattled

from diffsim import Schedule, StillingerWeber, VelocityVerlet, chunks, simulate, units
from tests.kills import step_of
from tests.runs import call, numbers, refused

ROOT = Path(__file__).parent.parent
MOVING = [
    "experiment=silicon_vibrations", "optimizer=adam", "gradient@experiments.motion.gradient=forward", "steps=3",
    "experiments.motion.system.repeats=[1,1,1]", "experiments.motion.replicas=1", "held_out={}", "trainable=[epsilon]",
]  # fmt: skip


def started(folder: Path, patience: float, *arguments: str) -> subprocess.Popen:
    """`diffsim ARGUMENTS` as a process of its own."""
    code = (
        "import sys, jax\n"
        "jax.config.update('jax_disable_most_optimizations', True)\n"
        "jax.config.update('jax_persistent_cache_min_compile_time_secs', 0.2)\n"
        "from diffsim import cli\n"
        "from diffsim.io import stop\n"
        f"stop._PATIENCE = {patience}\n"
        f"sys.argv = ['diffsim', *{list(arguments)!r}]\n"
        "cli.main()\n"
    )
    environment = os.environ | {
        "PYTHONPATH": str(ROOT),
        "JAX_COMPILATION_CACHE_DIR": str(jax.config.jax_compilation_cache_dir),
    }
    return subprocess.Popen([sys.executable, "-c", code], cwd=folder, env=environment, stderr=subprocess.PIPE, text=True)


def wait_for(process: subprocess.Popen, log: Path, lines: int) -> None:
    """Until so many updates are in the log."""
    while not (log.exists() and log.read_bytes().count(b"\n") >= lines):
        assert process.poll() is None, process.stderr.read()
        time.sleep(0.02)
