"""Runs of the command line in a folder, in this process."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from diffsim import cli
from diffsim.io.checkpoint import load_state

QUICK = ["experiment=argon", "optimizer=adam", "steps=2", "potential.cutoff=6.0", "potential.onset=5.0"]


def call(folder: Path, *arguments: str) -> None:
    """`diffsim ARGUMENTS`, in a folder."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setattr(sys, "argv", ["diffsim", *arguments])
        patch.setenv("HYDRA_FULL_ERROR", "0")
        cli.main()


def refused(capsys, folder: Path, *arguments: str) -> str:
    """The sentence on stderr, after lines `key: old -> new` at most, that refuses; nothing may have been written."""
    before = contents(folder)
    with pytest.raises(SystemExit) as end:
        call(folder, *arguments)
    shown = capsys.readouterr()
    assert end.value.code == 2
    assert shown.out == ""
    *differences, last = shown.err.splitlines()
    assert all(" -> " in line for line in differences)
    assert last.startswith("diffsim: ")
    assert contents(folder) == before
    return shown.err


def contents(folder: Path) -> dict[Path, bytes | None]:
    """Every file and folder."""
    return {path: path.read_bytes() if path.is_file() else None for path in sorted(folder.rglob("*"))}


def numbers(folder: Path) -> dict[str, Any]:
    """Everything that a run leaves, without its times."""
    updates = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
    results = json.loads((folder / "results.json").read_text())
    state = load_state(folder / "checkpoints" / "last.npz")
    for entry in (results, *updates, state.skeleton["children"]):
        entry.pop("seconds", None)
    arrays = {name: (str(array.dtype), array.shape, array.tobytes()) for name, array in state.arrays.items()}
    figures = {path.name: path.read_bytes() for path in (folder / "figures").glob("*.csv")}
    return {
        "updates": updates, "results": results, "state": state.skeleton, "arrays": arrays, "figures": figures,
        "potential": (folder / "potential.json").read_text(),
    }  # fmt: skip


def moving(folder: Path, gradient: str = "diffsim.Forward", schedule: str = "frames: 20") -> list[str]:
    """Arguments for an experiment that moves and is quick to compile: argon at 40 K, fitted to its potential energy."""
    (folder / "conf" / "experiment").mkdir(parents=True)
    (folder / "conf" / "experiment" / "warm.yaml").write_text(f"""# @package _global_
defaults: [{{override /potential: lennard_jones}}, {{override /optimizer: adam}}]
steps: 4
trainable: [epsilon]
potential: {{cutoff: 4.5, onset: 4.0}}
experiments:
  warm:
    _target_: diffsim.Experiment
    system: {{_target_: diffsim.System.from_ase, atoms: {{_target_: ase.build.bulk, name: Ar, a: 5.4, cubic: true}}}}
    simulator: {{_target_: diffsim.Langevin, dt: "${{unit:8,fs}}", temperature: 40.0, friction: 0.02}}
    schedule: {{_target_: diffsim.Schedule, {schedule}}}
    gradient: {{_target_: {gradient}}}
    targets:
      energy:
        _target_: diffsim.Target
        observable: {{_target_: diffsim.PotentialEnergy}}
        reference: -0.2
        scale: 0.01
""")
    return ["experiment=warm", "--config-dir", str(folder / "conf")]
