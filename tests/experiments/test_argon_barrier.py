"""A fit to a migration barrier, from its configuration alone."""

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
def test_a_barrier_and_a_lattice_constant_bring_argon_back():
    config = compositions(["experiment=argon_barrier"])[0]
    run = instantiate(plain(OmegaConf.masked_copy(config, [str(key) for key in config if key != "hydra"])))
    *_, last = fit(run["potential"], run["experiments"], run["optimizer"], steps=6, trainable=run["trainable"])
    assert float(last.potential.epsilon) == pytest.approx(0.01042, rel=2e-4)  # to the digits of the references
    assert float(last.potential.sigma) == pytest.approx(3.405, rel=2e-4)
