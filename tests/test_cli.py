"""The command line: what a run leaves, and what is refused in one sentence before anything is compiled or written."""

import csv
import json
import os
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest

import diffsim
from diffsim.io.potential import load_potential
from tests.runs import QUICK, call, refused

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def finished(tmp_path_factory) -> Path:
    """The folder of one short run."""
    folder = tmp_path_factory.mktemp("run")
    call(folder, *QUICK)
    return next((folder / "outputs" / "argon").iterdir())


def test_a_run_leaves_everything(finished):
    files = {"log.jsonl", "manifest.json", "potential.json", "report.html", "results.json", "sensitivity.json"}
    expected = {".hydra", "checkpoints", "figures"} | files
    assert {path.name for path in finished.iterdir()} == expected
    assert {path.name for path in (finished / ".hydra").iterdir()} == {"config.yaml", "hydra.yaml", "overrides.yaml"}


def test_results_tell_before_and_after(finished):
    results = json.loads((finished / "results.json").read_text())
    assert results["steps"] == 2
    assert results["loss"]["after"] < results["loss"]["before"]
    assert results["parameters"]["epsilon"]["unit"] == "eV"
    assert [name for name, entry in results["parameters"].items() if entry["trained"]] == ["epsilon", "sigma"]
    target = results["targets"]["crystal"]["lattice_constant"]
    assert (target["reference"], target["unit"]) == (5.3, "Å")
    assert target["better"] == (abs(target["after"] - 5.3) < abs(target["before"] - 5.3))


def test_the_log_has_a_line_for_each_update(finished):
    lines = [json.loads(line) for line in (finished / "log.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == [1, 2]
    assert (
        lines[-1]["parameters"]["sigma"]
        == json.loads((finished / "results.json").read_text())["parameters"]["sigma"]["after"]
    )


def test_every_figure_has_its_data(finished):
    names = {path.stem for path in (finished / "figures").glob("*.png")}
    assert names == {path.stem for path in (finished / "figures").glob("*.csv")} == {"progress", "targets", "parity"}
    with (finished / "figures" / "progress.csv").open() as file:
        assert [row["update"] for row in csv.DictReader(file)] == ["0", "1", "2"]


def test_the_saved_potential_is_the_fitted_one(finished):
    results = json.loads((finished / "results.json").read_text())
    potential = load_potential(finished / "potential.json")
    assert isinstance(potential, diffsim.LennardJones)
    assert float(potential.sigma) == results["parameters"]["sigma"]["after"]
    assert float(potential.onset) == 5.0


def test_the_manifest_says_what_made_it(finished):
    manifest = json.loads((finished / "manifest.json").read_text())
    assert manifest["x64"] is True
    assert manifest["seed"] == 0
    assert {"python", "jax", "numpy"} <= {name for name, version in manifest["versions"].items() if version}
    assert manifest["device"]["platform"] in ("cpu", "gpu", "tpu")
    assert len(manifest["inputs"]["configuration"]) == 64


def test_a_run_is_never_written_over(finished, capsys, tmp_path):
    before = {path: path.stat().st_mtime_ns for path in finished.rglob("*")}
    assert "is not empty" in refused(capsys, tmp_path, *QUICK, f"hydra.run.dir={finished}")
    assert {path: path.stat().st_mtime_ns for path in finished.rglob("*")} == before


def test_a_sweep_makes_a_run_of_each_value(tmp_path):
    call(tmp_path, *QUICK, "-m", "seed=1,2")
    assert sorted(path.parent.name for path in tmp_path.rglob("results.json")) == ["0", "1"]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (
            ["experiment=silicom"],
            "unknown experiment 'silicom': did you mean 'silicon'? available: argon, argon_barrier, copper, silicon, ",
        ),
        (["experiment=../../secret"], "unknown experiment '../../secret'"),
        ([], "nothing to run: choose with experiment=NAME"),
        (["experiment=argon", "optimiser=adam"], "unknown option 'optimiser': did you mean 'optimizer'?"),
        (["experiment=argon", "optimizer=adm"], "unknown optimizer 'adm': did you mean 'adam'?"),
        (["experiment=argon", "stepz=3"], "did you mean 'steps'?"),
        (["experiment=argon", "potential.epsilom=1"], "did you mean 'epsilon'?"),
        (["experiment=argon", "+stepz=3"], "unknown option 'stepz'"),
        (["experiment=argon", "steps=0"], "steps must be a whole number of at least 1, got 0"),
        (["experiment=argon", "steps=1.5"], "steps must be a whole number"),
        (["experiment=argon", "steps=[1"], "[1"),
        (["experiment=argon", "steps=1,2"], "add -m"),
        (["experiment=argon", "spread=-0.1"], "spread must be a number of at least 0, got -0.1"),
        (["experiment=argon", "spread=wide"], "spread must be a number of at least 0, got 'wide'"),
        (["experiment=argon", "stop={_target_:diffsim.Plateau,rtol:-1.0}"], "rtol of a plateau must not be negative"),
        (["experiment=argon", "stop={_target_:diffsim.Free}"], "stop must be null or a diffsim.Plateau"),
        (["experiment=argon", "trainable={epsilon:1}"], "trainable.epsilon must be a diffsim.Free, got 1"),
        (["experiment=argon", "trainable=epsilon"], "trainable must be null, a list of names, or a mapping"),
        (
            ["experiment=argon", "trainable={sigma:{_target_:diffsim.Free,lower:4.0}}"],
            "does not start inside its bounds",
        ),
        (["experiment=argon", "potential._target_=diffsim.save_state"], "a configuration may not call"),
        (["experiment=argon", "--nonsense"], "--nonsense"),
        (["experiment=argon", "+potential.dt=0"], "potential.dt must be positive, got 0"),
        (["experiment=argon", "+potential.temperature=-3.0"], "potential.temperature must be positive, got -3.0"),
        (["experiment=argon", "potential.sigma=${unit:1,fz}"], "unknown unit 'fz'"),
        (["experiment=argon", "potential.sigma=${reference:silicon_pb,x}"], "did you mean 'silicon_pbe'?"),
        (["experiment=argon", "potential.cutoff=-1"], "-1"),
        (["experiment=argon", "potential.sigma=wide"], "potential: could not convert string to float: 'wide'"),
        (["experiment=argon", "+potential.widht=1"], "unexpected keyword argument 'widht'"),
        (["experiment=argon", "trainable=[epsilom]"], "did you mean 'epsilon'?"),
        (["experiment=argon", "experiments.crystal.targets.lattice_constant.unit=nm"], "'nm'"),
        (["experiment=argon", "experiments.crystal.targets.lattice_constant.reference=[1.0,2.0]"], "shape"),
        (["experiment=argon", "experiments.crystal.targets.lattice_constant.scale=0"], "must be positive"),
    ],
)
def test_mistakes_are_refused_in_one_sentence(capsys, tmp_path, arguments, expected):
    message = refused(capsys, tmp_path, *arguments, "hydra.run.dir=run")
    assert expected in message


@pytest.mark.parametrize(
    "target",
    [
        "os.system",
        "numpy.load",
        "builtins.eval",
        "subprocess.Popen",
        "ase.io.read",
        "diffsim.cli.main",
        "diffsim.potentials.lammps.np.load",
        "diffsim.report.figures.base.Path",
    ],
)
def test_only_listed_names_are_called(capsys, tmp_path, target):
    message = refused(capsys, tmp_path, "experiment=argon", f"potential._target_={target}")
    assert f"potential._target_ is '{target}', which a configuration may not call" in message


@pytest.mark.parametrize("name", ["to_lammps", "__class__", "silicoon"])
def test_only_constructors_of_public_classes_are_called(capsys, tmp_path, name):
    message = refused(capsys, tmp_path, "experiment=argon", f"potential={{_target_:diffsim.EDIP.{name}}}")
    assert f"diffsim.EDIP.{name}" in message


@pytest.mark.parametrize(
    "override",
    [
        "+hydra.callbacks.evil._target_=os.system",
        "hydra.launcher._target_=os.system",
        "+hydra.job_logging.handlers.x.class=os.system",
    ],
)
def test_hydra_runs_nothing_but_its_own(capsys, tmp_path, override):
    refused(capsys, tmp_path, "experiment=argon", override)


def test_an_alias_bomb_is_refused_at_once(capsys, tmp_path):
    bomb = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    bomb += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 9)]
    (tmp_path / "experiment").mkdir()
    (tmp_path / "experiment" / "bomb.yaml").write_text("\n".join(bomb))
    start = time.process_time()
    message = refused(capsys, tmp_path, "--config-dir", str(tmp_path), "experiment=bomb")
    assert "alias *a0" in message
    assert time.process_time() - start < 2


def test_own_experiments_come_from_a_folder(capsys, tmp_path):
    (tmp_path / "mine" / "experiment").mkdir(parents=True)
    text = "# @package _global_\ndefaults: [argon]\nsteps: 0\n"
    (tmp_path / "mine" / "experiment" / "colder.yaml").write_text(text)
    message = refused(capsys, tmp_path, "--config-dir", "mine", "experiment=colder")
    assert "steps must be" in message


@pytest.mark.parametrize("folder", ["file/run", "/proc/run"])
def test_a_folder_that_cannot_be_made_is_refused(capsys, tmp_path, folder):
    (tmp_path / "file").write_text("")
    refused(capsys, tmp_path, *QUICK, f"hydra.run.dir={folder}")


def test_help_answers_within_two_seconds_and_without_jax():
    code = (
        "import sys; from diffsim.cli import main\n"
        "try: main()\n"
        "finally: assert not {'jax', 'ase', 'matplotlib'} & {*sys.modules}"
    )
    command = [sys.executable, "-c", code, "--help"]
    before = os.times()
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=True)
    after = os.times()  # processor time: the wall clock also measures what else the machine is doing
    assert "experiment: argon, argon_barrier, copper, silicon, silicon_edip" in done.stdout
    assert after.children_user + after.children_system - before.children_user - before.children_system < 2


@pytest.mark.slow
def test_an_installed_wheel_runs_in_an_empty_folder(tmp_path):
    build = [sys.executable, "-m", "pip", "wheel", str(ROOT), "--no-deps", "--no-build-isolation", "-w", str(tmp_path)]
    subprocess.run([*build, "-q"], check=True)
    wheel = next(tmp_path.glob("*.whl"))
    (tmp_path / "site").mkdir()
    with zipfile.ZipFile(wheel) as archive:
        assert "diffsim/conf/experiment/silicon.yaml" in archive.namelist()
        archive.extractall(tmp_path / "site")
    (tmp_path / "empty").mkdir()
    code = "import diffsim.cli; print(diffsim.__file__); diffsim.cli.main()"
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"} | {"PYTHONPATH": str(tmp_path / "site")}
    done = subprocess.run(
        [sys.executable, "-c", code, *QUICK], cwd=tmp_path / "empty", env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert str(tmp_path / "site") in done.stdout
    assert len(list((tmp_path / "empty").rglob("results.json"))) == 1


def test_gradients_of_what_is_at_rest_are_not_compared(tmp_path, capsys):
    sentence = refused(capsys, tmp_path, "gradients", "experiment=argon")
    assert "nothing moves in these experiments: at rest there is one method, Implicit" in sentence


@pytest.mark.slow
def test_gradients_leave_a_table_and_a_picture(tmp_path, capsys):
    motion = "experiments.motion"
    small = [f"{motion}.system.repeats=[1,1,1]", f"{motion}.replicas=1", f"{motion}.schedule.equilibration=0"]
    short = [f"{motion}.schedule.frames=10", f"{motion}.targets.vibrations.observable.lags=10"]
    call(tmp_path, "gradients", "experiment=silicon_vibrations", *small, *short)
    shown = capsys.readouterr().out
    assert "Take " in shown
    folder = next((tmp_path / "outputs" / "silicon_vibrations").iterdir())
    assert {path.name for path in folder.iterdir()} == {f"gradients_motion.{kind}" for kind in ("json", "csv", "png")}
    told = json.loads((folder / "gradients_motion.json").read_text())
    assert told["parameters"] == ["epsilon", "lam"]
    assert "correlates times" in told["methods"]["Reweighting"]["refusal"]
    forward, back = (told["methods"][name]["gradient"] for name in ("Forward", "Reversible"))
    assert forward == pytest.approx(back, rel=1e-6)
    with (folder / "gradients_motion.csv").open() as file:
        rows = [row for row in csv.DictReader(file) if row["method"] == "Forward"]
    assert [float(row["gradient"]) for row in rows] == forward
