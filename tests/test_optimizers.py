"""Every optimizer behind the same `fit`: the same minimum, and interrupted or not the same numbers."""

import dataclasses
import json

import equinox as eqx
import jax.numpy as jnp
import numpy as np
import optax
import optimistix as optx
import pytest

from diffsim import DampedGaussNewton, Free, Implicit, Plateau, Scipy, fit
from diffsim.fit import problem_of
from diffsim.optimizers.problem import linear_model, slope
from diffsim.trees import pack
from tests.fits import LM, NAMES, START, argon_from_its_truth
from tests.helpers import differences

OPTIMIZERS = {
    "levenberg_marquardt": LM,
    "gauss_newton": optx.GaussNewton(1e-10, 1e-10),
    "damped_gauss_newton": DampedGaussNewton(0.5),
    "dogleg": optx.Dogleg(1e-10, 1e-10),
    "bfgs": optx.BFGS(1e-10, 1e-10),
    "adam": optax.adam(3e-2),
    "lbfgs": optax.lbfgs(),
    "scipy_nelder_mead": Scipy("Nelder-Mead", tolerance=1e-8),
    "scipy_cg": Scipy("CG", tolerance=1e-9),
    "scipy_bfgs": Scipy("BFGS", tolerance=1e-9),
    "scipy_slsqp": Scipy("SLSQP", tolerance=1e-12),
}
ENOUGH = {"adam": 150, "scipy_nelder_mead": 100}
FEWER = {name: OPTIMIZERS[name] for name in ("levenberg_marquardt", "bfgs", "adam", "scipy_nelder_mead", "scipy_bfgs")}


@pytest.fixture(scope="module")
def experiments():
    return argon_from_its_truth(noise=1.0)


@pytest.fixture(scope="module")
def lowest(experiments) -> float:
    *_, last = fit(START, experiments, LM, steps=30, trainable=NAMES)
    return last.loss


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_optimizer_finds_the_same_minimum(name, experiments, lowest):
    *_, last = fit(START, experiments, OPTIMIZERS[name], steps=ENOUGH.get(name, 30), trainable=NAMES)
    assert lowest > 0.1  # noise cannot be fitted
    assert last.loss == pytest.approx(lowest, rel=1e-3 if name == "adam" else 1e-5)
    assert last.losses[-1] == last.loss
    assert len(last.losses) == last.step + 1


@pytest.mark.parametrize("name", FEWER)
def test_a_fit_that_was_stored_goes_on_with_the_same_numbers(name, experiments):
    """Through plain data, as a checkpoint keeps it: bit for bit."""
    whole = list(fit(START, experiments, OPTIMIZERS[name], steps=6, trainable=NAMES))
    packed = pack(whole[2])
    packed = packed._replace(skeleton=json.loads(json.dumps(packed.skeleton)))
    rest = list(fit(START, experiments, OPTIMIZERS[name], steps=3, state=packed, trainable=NAMES))
    assert [s.step for s in rest] == [4, 5, 6]
    for again, once in zip(rest, whole[3:], strict=True):
        assert again.losses == once.losses
        assert again.evaluations == once.evaluations
        for name_ in NAMES:
            assert float(getattr(again.potential, name_)) == float(getattr(once.potential, name_))
        for key, value in once.predictions["crystal"].items():
            np.testing.assert_array_equal(again.predictions["crystal"][key], value)


def test_damped_steps_leave_one_minus_the_fraction_of_the_way(experiments):
    *_, best = fit(START, experiments, LM, steps=30, trainable=NAMES)
    states = list(fit(START, experiments, DampedGaussNewton(0.3), steps=15, trainable=NAMES))
    away = np.array([np.log(float(s.potential.sigma) / float(best.potential.sigma)) for s in states[-4:]])
    np.testing.assert_allclose(away[1:] / away[:-1], 0.7, atol=0.01)  # what is not linear dies out with the way itself


@pytest.mark.parametrize("fraction", [0.0, 1.5])
def test_a_fraction_of_a_step_is_a_fraction(fraction):
    with pytest.raises(ValueError, match=f"above 0 and at most 1, got {fraction}"):
        DampedGaussNewton(fraction)


def test_levenberg_marquardt_asks_less_often_than_bfgs(experiments):
    stop = Plateau(rtol=1e-6, patience=2)
    counted = {}
    for name in ("levenberg_marquardt", "bfgs", "scipy_bfgs", "scipy_nelder_mead"):
        *_, last = fit(START, experiments, OPTIMIZERS[name], steps=80, trainable=NAMES, stop=stop)
        counted[name] = last.evaluations
    assert counted["levenberg_marquardt"] < min(counted["bfgs"], counted["scipy_bfgs"])
    assert counted["bfgs"] < counted["scipy_nelder_mead"]


@pytest.mark.parametrize(
    ("losses", "stops"),
    [
        ([5.0, 4.0, 3.0], False),
        ([5.0, 4.0, 4.0], False),
        ([5.0, 4.0, 4.0, 4.0], True),
        ([5.0, 4.0, 4.5, 4.1], True),
        ([5.0, 4.0, 4.5, 3.9], False),
        ([0.0, 0.0, 0.0], True),
    ],
)
def test_a_plateau_is_where_the_best_loss_stays(losses, stops):
    assert Plateau(rtol=1e-3, patience=2).reached(losses) == stops


def test_a_fit_ends_on_a_plateau(experiments, lowest):
    states = list(fit(START, experiments, LM, steps=300, trainable=NAMES, stop=Plateau(1e-6, 2)))
    assert len(states) < 10
    assert states[-1].loss == pytest.approx(lowest, rel=1e-6)
    goes_on = fit(START, experiments, LM, steps=300, trainable=NAMES, stop=Plateau(1e-6, 2), state=states[-1])
    assert not list(goes_on)


@pytest.mark.parametrize("name", ["levenberg_marquardt", "bfgs", "adam", "scipy_slsqp"])
def test_bounds_hold_and_the_rest_of_the_fit_makes_the_best_of_it(name, experiments):
    trainable = {"epsilon": Free(), "sigma": Free(lower=3.45, upper=3.7)}  # the truth is 3.40
    states = list(fit(START, experiments, OPTIMIZERS[name], steps=ENOUGH.get(name, 30), trainable=trainable))
    assert all(3.45 * (1 - 1e-12) <= float(state.potential.sigma) <= 3.7 for state in states)
    assert float(states[-1].potential.sigma) == pytest.approx(3.45, rel=1e-12)
    on_the_bound = eqx.tree_at(lambda p: p.sigma, START, jnp.asarray(3.45))
    *_, best = fit(on_the_bound, experiments, LM, steps=20, trainable=["epsilon"])
    assert states[-1].loss == pytest.approx(best.loss, rel=1e-3 if name == "adam" else 1e-6)


def test_a_number_leaves_its_bound_when_it_can_go_down(experiments, lowest):
    trainable = {"epsilon": Free(), "sigma": Free(upper=3.55)}
    *_, last = fit(START, experiments, LM, steps=20, trainable=trainable)
    assert last.loss == pytest.approx(lowest, rel=1e-6)


def test_methods_that_know_no_bounds_refuse_them(experiments):
    with pytest.raises(ValueError, match="SciPy's CG knows no bounds: take L-BFGS-B"):
        next(fit(START, experiments, Scipy("CG"), trainable={"sigma": Free(upper=3.7)}))


def test_a_prior_pulls_back_to_the_start(experiments):
    moves = []
    for width in (1e-4, 1e-2, 1e2):
        *_, last = fit(START, experiments, LM, steps=20, trainable={"epsilon": Free(), "sigma": Free(prior=width)})
        moves.append(abs(np.log(float(last.potential.sigma) / 3.55)))
    assert moves[0] < 0.01 * moves[2]
    assert moves[0] < moves[1] < moves[2]
    *_, free = fit(START, experiments, LM, steps=20, trainable=NAMES)
    assert moves[2] == pytest.approx(abs(np.log(float(free.potential.sigma) / 3.55)), rel=1e-4)


def test_derivatives_know_priors(experiments):
    trainable = {"epsilon": Free(prior=0.1), "sigma": Free(), "onset": Free(prior=0.3)}
    problem = problem_of(START, experiments, trainable)
    free = problem.parametrization.start + jnp.array([0.05, -0.02, 0.03])
    model = linear_model(problem, free)
    gradient, outcome = slope(problem, free)
    np.testing.assert_allclose(model.residuals @ model.jacobian, gradient, rtol=1e-7, atol=1e-7)
    np.testing.assert_allclose(gradient, differences(lambda u: float(problem.loss(u)[0]), free), rtol=1e-6)
    assert float(outcome.loss) == pytest.approx(0.5 * float(model.residuals @ model.residuals))


def test_experiments_are_each_differentiated_in_their_own_mode(experiments):
    """One in reverse, its twin in forward mode: twice the gradient of one, and the prior counted once."""
    twin = dataclasses.replace(experiments["crystal"], gradient=Implicit(cell=True, mode="forward"))
    trainable = {"epsilon": Free(prior=0.1), "sigma": Free()}
    both = problem_of(START, experiments | {"twin": twin}, trainable)
    one = problem_of(START, experiments, trainable)
    free = one.parametrization.start + 0.01
    alone, _ = slope(one, free)
    together, outcome = slope(both, free)
    prior = np.array([0.01 / 0.1**2, 0.0])
    np.testing.assert_allclose(together - prior, 2 * (alone - prior), rtol=1e-8)
    assert set(outcome.predictions) == {"crystal", "twin"}


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: Free(lower=2.0, upper=1.0), "lower bound must be below the upper one, got 2.0 and 1.0"),
        (lambda: Free(prior=0.0), "width of a prior must be positive, got 0.0"),
        (lambda: Plateau(patience=0), "patience must be at least 1, got 0"),
        (lambda: Plateau(rtol=-1.0), "rtol of a plateau must not be negative"),
        (lambda: Scipy("newton"), "must be one of Nelder-Mead"),
    ],
)
def test_what_makes_no_sense_is_refused(make, sentence):
    with pytest.raises(ValueError, match=sentence):
        make()


@pytest.mark.parametrize(
    ("free", "sentence"),
    [
        (Free(lower=3.6), "'sigma' does not start inside its bounds"),
        (Free(upper=-1.0), "'sigma' is positive: its upper bound cannot be -1.0"),
    ],
)
def test_bounds_must_hold_the_start(free, sentence, experiments):
    with pytest.raises(ValueError, match=sentence):
        fit(START, experiments, LM, trainable={"sigma": free})


def test_a_state_of_another_optimizer_is_refused(experiments):
    packed = pack(next(fit(START, experiments, optax.adam(1e-2), trainable=NAMES)))
    with pytest.raises(ValueError, match="is not what this program keeps there"):
        next(fit(START, experiments, LM, trainable=NAMES, state=packed))
