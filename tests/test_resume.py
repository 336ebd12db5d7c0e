"""`diffsim resume`: a run that was stopped, in whatever way, ends with the numbers it would have had."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import jax
import pytest
from omegaconf import OmegaConf

from diffsim.commands.stored import changed, differences, stored
from diffsim.config import CONF, compositions, plain, resolved
from diffsim.io.lock import locked
from tests.runs import QUICK, call, numbers, refused

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> Path:
    """Five updates in one go."""
    folder = tmp_path_factory.mktemp("whole")
    call(folder, *QUICK, "steps=5", "hydra.run.dir=run")
    return folder / "run"


@pytest.fixture(scope="module")
def begun(tmp_path_factory) -> Path:
    """Three updates, as a finished run."""
    folder = tmp_path_factory.mktemp("begun")
    call(folder, *QUICK, "steps=3", "hydra.run.dir=run")
    return folder / "run"


@pytest.fixture
def run(begun, tmp_path) -> Path:
    """A copy, to be spoiled."""
    return Path(shutil.copytree(begun, tmp_path / "run"))


def test_a_run_survives_kills(tmp_path):
    """Ten times kill -9, some of them in the middle of a write; `python -m tests.kills FOLDER 100` for more."""
    command = [sys.executable, "-m", "tests.kills", str(tmp_path), "10"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["kills"] == 10
    assert found["updates lost at most"] <= 1
    assert found["different"] == []
    assert len(set(found["killed after updates"])) > 3  # not always at the same place


def test_an_extended_run_is_the_longer_one(run, whole, tmp_path):
    call(tmp_path, "resume", "run", "steps=5")
    assert numbers(run) == numbers(whole)
    manifest = json.loads((run / "manifest.json").read_text())
    assert [entry["command"] for entry in manifest["resumed"]] == [["resume", "run", "steps=5"]]
    assert "finished" in manifest


@pytest.mark.parametrize("rest", ['{"step": 4, "lo', '{"step": 4}\n'], ids=["half a line", "a line"])
def test_what_a_kill_has_left_in_the_log_is_cut_off(run, whole, tmp_path, rest):
    with (run / "log.jsonl").open("a") as file:
        file.write(rest)
    call(tmp_path, "resume", "run", "steps=5")
    assert numbers(run) == numbers(whole)


def test_a_kill_during_the_report_costs_the_report_alone(run, begun, tmp_path):
    for name in ("report.html", "results.json"):
        (run / name).unlink()
    manifest = json.loads((run / "manifest.json").read_text())
    del manifest["finished"]
    (run / "manifest.json").write_text(json.dumps(manifest))
    call(tmp_path, "resume", "run")
    assert numbers(run) == numbers(begun)


@pytest.mark.parametrize("name", sorted(path.stem for path in (CONF / "experiment").glob("*.yaml")))
def test_the_stored_configuration_is_the_one_that_ran(name, tmp_path):
    config = compositions([f"experiment={name}"])[0]
    config = OmegaConf.masked_copy(config, [str(key) for key in config if key != "hydra"])
    (tmp_path / ".hydra").mkdir()
    (tmp_path / ".hydra" / "config.yaml").write_text(resolved(config))
    assert "${" not in resolved(config)
    assert plain(stored(tmp_path)) == plain(config)
    assert differences(plain(stored(tmp_path)), plain(changed(config, ["steps=7"]))) == []


def test_what_is_looked_at_besides_may_change(run, tmp_path):
    call(tmp_path, "resume", "run", "steps=4", "held_out={}", "figures={}")
    assert json.loads((run / "results.json").read_text())["steps"] == 4


def test_a_changed_configuration_is_shown_and_refused(run, capsys, tmp_path):
    message = refused(capsys, tmp_path, "resume", "run", "steps=5", "optimizer.learning_rate=0.02", "seed=3")
    assert "optimizer.learning_rate: 0.01 -> 0.02\n" in message
    assert "seed: 0 -> 3\n" in message
    assert "steps" not in message
    assert message.splitlines()[-1].startswith("diffsim: this is not how the run began: add --force")


def test_force_goes_on_with_it(run, whole, tmp_path, capsys):
    call(tmp_path, "resume", "run", "steps=5", "optimizer.learning_rate=0.02", "--force")
    assert "optimizer.learning_rate: 0.01 -> 0.02" in capsys.readouterr().err
    here, there = numbers(run), numbers(whole)
    assert here["updates"][:3] == there["updates"][:3]
    assert here["updates"][3] != there["updates"][3]
    assert "learning_rate: 0.02" in (run / ".hydra" / "config.yaml").read_text()


def test_another_optimizer_is_another_fit_even_by_force(run, capsys, tmp_path):
    message = refused(capsys, tmp_path, "resume", "run", "steps=5", "optimizer=bfgs", "--force")
    assert "optimizer._target_: optax.adam -> optimistix.BFGS\n" in message
    assert "the state to go on from is not one of this fit" in message


def test_a_changed_input_is_shown_and_refused(run, capsys, tmp_path):
    (tmp_path / "Ar.json").write_text("new")
    manifest = json.loads((run / "manifest.json").read_text())
    manifest["inputs"][str(tmp_path / "Ar.json")] = "0" * 64
    manifest["inputs"][str(tmp_path / "gone.json")] = "1" * 64
    (run / "manifest.json").write_text(json.dumps(manifest))
    message = refused(capsys, tmp_path, "resume", "run", "steps=5")
    assert f"{tmp_path / 'Ar.json'}: 000000000000 -> " in message
    assert f"{tmp_path / 'gone.json'}: 111111111111 -> missing\n" in message


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["resume", "run"], "is finished after 3 updates: go on with steps=NUMBER"),
        (["resume", "run", "steps=2"], "steps is 2, but 3 updates are done already"),
        (["resume", "nothing"], "is not the folder of a run: it has no .hydra/config.yaml"),
        (["resume"], "the following arguments are required: folder"),
        (["resume", "run", "--nonsense"], "--nonsense"),
        (["resume", "run", "stepz=5"], "unknown option 'stepz': did you mean 'steps'?"),
        (["resume", "run", "steps=0"], "steps must be a whole number of at least 1, got 0"),
        (["resume", "run", "optimizer=adm"], "did you mean 'adam'?"),
        (["resume", "run", "experiment=silicon"], "would make another run: start it with diffsim experiment=silicon"),
        (["resume", "run", "potential._target_=os.system"], "which a configuration may not call"),
    ],
)
def test_mistakes_are_refused_in_one_sentence(run, capsys, tmp_path, arguments, expected):
    message = refused(capsys, tmp_path, *arguments)
    assert expected in message
    assert message.count("\n") == 1


def spoil(run: Path, kind: str) -> None:
    checkpoint = run / "checkpoints" / "last.npz"
    if kind == "truncated checkpoint":
        checkpoint.write_bytes(checkpoint.read_bytes()[:-100])
    elif kind == "no checkpoint":
        checkpoint.unlink()
    elif kind == "shortened log":
        (run / "log.jsonl").write_text("")
    elif kind == "spoiled manifest":
        (run / "manifest.json").write_text("{")
    elif kind == "spoiled configuration":
        (run / ".hydra" / "config.yaml").write_text("[1, 2")
    elif kind == "configuration with aliases":
        (run / ".hydra" / "config.yaml").write_text("a: &a [1]\nb: *a\n")


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("truncated checkpoint", "is not a checkpoint of diffsim, or only a part of one"),
        ("no checkpoint", "has no checkpoint, it was stopped before its first update: start again"),
        ("shortened log", "does not hold the 3 updates of the checkpoint"),
        ("spoiled manifest", "is not the manifest of a run"),
        ("spoiled configuration", "is not readable YAML"),
        ("configuration with aliases", "uses the YAML alias *a"),
    ],
)
def test_a_spoiled_folder_is_refused_in_one_sentence(run, capsys, tmp_path, kind, expected):
    spoil(run, kind)
    message = refused(capsys, tmp_path, "resume", "run", "steps=5")
    assert expected in message
    assert message.count("\n") == 1


def test_two_processes_cannot_work_in_one_folder(run, capsys, tmp_path):
    with locked(run / "checkpoints"):
        assert "another process is at work in" in refused(capsys, tmp_path, "resume", "run", "steps=5")


@pytest.mark.skipif(os.getuid() == 0, reason="nothing is unwritable for root")
def test_a_folder_that_is_not_writable_is_refused(run, capsys, tmp_path):
    (run / "checkpoints" / "lock").unlink()
    (run / "checkpoints").chmod(0o555)
    assert "Permission denied" in refused(capsys, tmp_path, "resume", "run", "steps=5")


def test_a_folder_that_takes_no_lock_is_refused(run, capsys, tmp_path):
    (run / "checkpoints" / "lock").unlink()
    (run / "checkpoints" / "lock").mkdir()
    assert "cannot write to" in refused(capsys, tmp_path, "resume", "run", "steps=5")


def test_a_full_disk_is_said_and_the_last_checkpoint_survives(run, whole, tmp_path):
    """A write that really fails: no file may grow beyond the size that the checkpoint has now."""
    limit = (run / "checkpoints" / "last.npz").stat().st_size - 1
    code = f"""
import resource, signal, sys
import jax
jax.config.update("jax_disable_most_optimizations", True)
from diffsim import cli
from diffsim.io import checkpoint
save = checkpoint.replace_file
def full(path, content, what):
    if what == "the checkpoint":
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, {limit}))
    save(path, content, what)
checkpoint.replace_file = full
sys.argv = ["diffsim", "resume", "run", "steps=5"]
cli.main()
"""
    environment = os.environ | {"JAX_COMPILATION_CACHE_DIR": str(jax.config.jax_compilation_cache_dir)}
    environment |= {"PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].startswith("diffsim: cannot write the checkpoint")
    assert done.stderr.endswith("last.npz': File too large\n")
    call(tmp_path, "resume", "run", "steps=5")
    assert numbers(run) == numbers(whole)


def test_bounds_priors_and_a_plateau_come_from_the_configuration(tmp_path):
    """The loss falls with σ down to its lower bound, against which it is pressed."""
    trainable = "{sigma:{_target_:diffsim.Free,lower:3.404},epsilon:{_target_:diffsim.Free,prior:0.1}}"
    stop = "{_target_:diffsim.Plateau,rtol:0.1,patience:1}"
    run = [*QUICK, "optimizer=levenberg_marquardt", "steps=9", "hydra.run.dir=run"]
    call(tmp_path, *run, f"trainable={trainable}", f"stop={stop}")
    results = json.loads((tmp_path / "run" / "results.json").read_text())
    assert results["parameters"]["sigma"]["after"] == pytest.approx(3.404, rel=1e-12)
    assert results["steps"] < 9
