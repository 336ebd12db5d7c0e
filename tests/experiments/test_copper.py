"""The experiment of copper, from its configuration alone."""

import pytest
from hydra.core.hydra_config import HydraConfig
from omegaconf import OmegaConf

from diffsim import fit
from diffsim.config import compositions, plain
from diffsim.instantiate import instantiate


@pytest.fixture(autouse=True)
def _forget_hydra():
    yield
    HydraConfig.instance().cfg = None


@pytest.mark.slow
def test_copper_comes_closer_to_experiments():
    vacancy = "experiments.crystal.targets.vacancy.observable"
    config = compositions(["experiment=copper", f"{vacancy}.repeats=[2,2,2]"])[0]
    run = instantiate(plain(OmegaConf.masked_copy(config, [str(key) for key in config if key != "hydra"])))
    states = list(fit(run["potential"], run["experiments"], run["optimizer"], steps=4, trainable=run["trainable"]))
    start, last = states[0].start["crystal"], states[-1].predictions["crystal"]
    assert float(start["cohesive_energy"]) == pytest.approx(3.544, abs=0.01)  # Cleri and Rosato's table: 3.544 eV
    assert abs(last["lattice_constant"] - 3.603) < 0.1 * abs(start["lattice_constant"] - 3.603)
    assert abs(last["cohesive_energy"] - 3.49) < 0.1 * abs(start["cohesive_energy"] - 3.49)
