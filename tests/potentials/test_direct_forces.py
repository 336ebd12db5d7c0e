"""What forces without an energy are good for, and what is refused: training, batches, quality reports."""

import functools

import numpy as np
import optax
import pytest

import diffsim
from diffsim import Ensemble, Loss, Sum
from diffsim.data.configurations import unlabelled
from diffsim.io.ase import Calculator
from diffsim.quality import CHECKS, Subject
from diffsim.training import errors_of, relabelled, train
from tests.helpers import layered, rattled
from tests.potentials.test_direct_schnet import CONSERVATIVE, DIRECT, MIXTURE

REFUSED = {
    "energy": lambda: diffsim.energy(DIRECT, MIXTURE),
    "stress": lambda: diffsim.stress(DIRECT, MIXTURE),
    "relax": lambda: diffsim.relax(DIRECT, MIXTURE),
    "elastic constants": lambda: diffsim.elastic_constants(DIRECT, MIXTURE),
    "sum": lambda: Sum([CONSERVATIVE, DIRECT]),
    "ensemble": lambda: Ensemble([DIRECT, DIRECT]),
    "ASE": lambda: Calculator(DIRECT).get_potential_energy(MIXTURE.to_ase()),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_is_made_of_energies_is_refused(what):
    with pytest.raises(ValueError, match="DirectSchNet predicts forces directly and has no energy"):
        REFUSED[what]()


def test_a_batch_has_forces_and_no_energies():
    systems = [MIXTURE, MIXTURE.supercell((2, 1, 1)), rattled(layered("Si", "C", 5.1), 0.1, 1)]
    found = relabelled(DIRECT, unlabelled(systems))
    for one in found:
        np.testing.assert_allclose(one.forces, diffsim.forces(DIRECT, one.system), rtol=0, atol=1e-13)
        assert np.isnan([one.energy, *one.stress.ravel()]).all()
    errors = errors_of(found, relabelled(CONSERVATIVE, unlabelled(systems)))["all"]
    assert np.isnan(errors.energy_rmse)
    assert errors.forces_rmse > 0


def test_it_learns_forces_and_refuses_energies():
    systems = [rattled(layered("Si", "C", 5.0), 0.1, seed, strain=0.05) for seed in range(10)]
    data = relabelled(CONSERVATIVE, unlabelled(systems))
    optimizer = optax.adam(1e-2)
    with pytest.raises(
        ValueError, match=r"cannot learn energies or stresses: train it with Loss\(energy=0, stress=0\)"
    ):
        train(DIRECT, data[:8], data[8:], optimizer)
    learn = functools.partial(train, loss=Loss(energy=0, stress=0), epochs=40, batch_size=4, average=0.9)
    states = list(learn(DIRECT, data[:8], data[8:], optimizer))
    first, last = states[0].history[0], states[-1].history[states[-1].best_epoch]
    assert last.forces_rmse < 0.3 * first.forces_rmse
    assert np.isnan(last.energy_rmse)
    assert all(np.isfinite(epoch.validation_loss) for epoch in states[-1].history)


def test_quality_says_that_its_hessian_is_not_symmetric():
    subject = Subject(DIRECT, MIXTURE)
    assert CHECKS["symmetric Hessian"](subject).outcome == "failed"
    assert CHECKS["symmetric Hessian"](Subject(CONSERVATIVE, MIXTURE)).outcome == "passed"
    assert CHECKS["rotation"](subject).outcome == "passed"
