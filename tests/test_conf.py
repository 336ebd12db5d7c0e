"""Every file under conf/ makes what it says."""

import importlib.util
from pathlib import Path

import pytest
from hydra.core.hydra_config import HydraConfig
from omegaconf import OmegaConf

from diffsim import StillingerWeber, save_potential
from diffsim.config import CONF, compositions, plain, unit
from diffsim.instantiate import instantiate

FILES = sorted(CONF.glob("*/*.yaml"))


def test_there_is_a_configuration_of_each_kind():
    assert {path.parent.name for path in FILES} >= {"experiment", "gradient", "optimizer", "potential"}


@pytest.mark.parametrize(
    "path", [p for p in FILES if p.parent.name != "experiment"], ids=lambda p: f"{p.parent.name}/{p.stem}"
)
def test_a_choice_makes_an_object(path: Path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    save_potential("potential.json", StillingerWeber.silicon())  # what potential=stored reads
    run = OmegaConf.create({"seed": 0, "choice": OmegaConf.load(path)})
    if path.stem == "chgnet" and importlib.util.find_spec("chgnet") is None:
        pytest.skip("needs the weights of CHGNet: pip install --no-deps chgnet==0.4.2")
    made = instantiate(OmegaConf.to_container(run, resolve=True))["choice"]
    made = made["model"] if isinstance(made, dict) else made  # with settings of the run beside it
    assert not isinstance(made, dict)


@pytest.mark.parametrize("name", [p.stem for p in FILES if p.parent.name == "experiment"])
def test_an_experiment_makes_a_run(name: str):
    config = compositions([f"experiment={name}"])[0]
    parts = instantiate(plain(OmegaConf.masked_copy(config, [str(key) for key in config if key != "hydra"])))
    assert parts["name"] == name
    assert parts["experiments"] or "training" in parts
    assert all(experiment.targets for experiment in parts["experiments"].values())
    assert set(parts["held_out"]).isdisjoint(parts["experiments"])


@pytest.mark.parametrize("path", FILES, ids=lambda p: f"{p.parent.name}/{p.stem}")
def test_a_file_begins_with_the_command_that_uses_it(path: Path):
    lines = [line for line in path.read_text().splitlines() if not line.startswith("# @package")]
    assert lines[0].startswith("# diffsim experiment=")
    command = lines[0].partition(": ")[0].removeprefix("# diffsim ")
    assert compositions(command.replace("<time>", "TIME").split())


def test_units_in_yaml_are_diffsims_own():
    assert unit(1, "eV") == 1.0
    assert unit(160.21766208, "GPa") == pytest.approx(1.0, rel=1e-8)  # 1 eV/Å³, to the digits written here


@pytest.fixture(autouse=True)
def _forget_hydra():
    yield
    HydraConfig.instance().cfg = None
