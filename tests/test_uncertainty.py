"""Errors after a fit: right for known noise, and plain words where a fit cannot do better."""

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from diffsim import Experiment, Free, Target, fit, uncertainty
from diffsim.fit import problem_of
from diffsim.observables import ElasticConstants, LatticeConstant
from diffsim.optimizers.problem import linear_model
from diffsim.uncertainty import blind_spots, determination, intervals, local_model, spelled, verdicts
from diffsim.uncertainty.local import Component, LocalModel
from diffsim.uncertainty.predictions import pops_box
from tests.fits import ARGON, LM, NAMES, START, TRUTH, argon_from_its_truth

RNG = np.random.default_rng(0)


def linear(jacobian, residuals, *, held_out=(), logarithmic=True, bounds=None) -> LocalModel:
    """A made-up fit: targets of scale 1 with these derivatives and residuals."""
    jacobian = np.asarray(jacobian, float)
    n = jacobian.shape[1]
    make = lambda i, slope, r: Component("e", f"t{i}", "x", "eV", 0.0, 1.0, 1.0, float(r), np.asarray(slope, float))  # noqa: E731
    return LocalModel(
        labels=tuple("abcdefg"[:n]),
        logarithmic=np.full(n, logarithmic),
        free=np.full(n, 0.5),
        bounds=np.zeros(n, int) if bounds is None else np.array(bounds),
        pull=np.zeros(n),
        stiffness=np.zeros(n),
        fitted=[make(i, slope, r) for i, (slope, r) in enumerate(zip(jacobian, residuals, strict=True))],
        held_out=[make(100 + i, slope, 0.0) for i, slope in enumerate(held_out)],
    )


def test_95_percent_intervals_hold_the_truth_in_95_of_100_fits():
    """200 fits of argon to targets with known noise: each of two parameters inside in 90–99 % of them."""
    experiments = argon_from_its_truth()
    problem = problem_of(TRUTH, experiments, NAMES)
    truth = problem.parametrization.start
    targets = experiments["crystal"].targets

    def refit(noise):
        moved = {
            name: eqx.tree_at(lambda t: t.reference, t, t.reference + t.scale * noise[name])
            for name, t in targets.items()
        }
        noisy = eqx.tree_at(lambda p: p.experiments["crystal"].targets, problem, moved)
        free = truth
        for _ in range(3):  # Gauss–Newton, from the truth: quadratic convergence
            model = linear_model(noisy, free)
            free = free - jnp.linalg.lstsq(model.jacobian, model.residuals)[0]
        last = linear_model(noisy, free)
        return free, jnp.sqrt(jnp.diag(jnp.linalg.inv(last.jacobian.T @ last.jacobian)))

    noise = {name: RNG.normal(size=(200, *np.shape(t.reference))) for name, t in targets.items()}
    found, errors = jax.lax.map(refit, noise)
    inside = np.mean(np.abs(found - truth) < 1.96 * errors, axis=0)
    assert (inside >= 0.90).all()
    assert (inside <= 0.99).all()
    one = local_model(problem, truth)
    np.testing.assert_allclose(determination(one).errors, errors.mean(axis=0), rtol=0.05)


@pytest.fixture(scope="module")
def analysed():
    """A fit to argon with noise, with its own lattice constant again as a held-out property."""
    experiments = argon_from_its_truth(noise=1.0)
    *_, last = fit(START, experiments, LM, steps=10, trainable=NAMES)
    seen = experiments["crystal"].targets["a"]
    other = dataclasses.replace(experiments["crystal"], targets={"again": seen})
    return uncertainty(START, experiments, last, trainable=NAMES, held_out={"unseen": other}), last, experiments


def test_a_held_out_property_has_the_errors_of_the_same_property_fitted(analysed):
    found, *_ = analysed
    fitted, unseen = found.fitted[0], found.held_out[0]
    assert unseen.component.target == "again"
    # ε does not move the lattice constant: that slope is zero up to rounding
    np.testing.assert_allclose(unseen.component.slope, fitted.component.slope, rtol=1e-9, atol=1e-12)
    assert (unseen.parametric, unseen.low, unseen.high) == pytest.approx((fitted.parametric, fitted.low, fitted.high))


def test_slopes_are_differences_of_refreshed_predictions(analysed):
    found, last, experiments = analysed
    problem = problem_of(START, experiments, NAMES)
    free, h = last.memory.free, 1e-5
    for index in range(2):
        step = h * jnp.eye(2)[index]
        up, down = (problem.evaluate(free + sign * step).predictions["crystal"]["C"] for sign in (1, -1))
        slopes = [c.slope[index] for c in found.model.fitted if c.target == "C"]
        np.testing.assert_allclose(slopes, (up - down) / (2 * h), rtol=1e-6)


def test_leaving_a_target_out_is_a_fit_to_the_others(analysed):
    found, last, experiments = analysed
    crystal = experiments["crystal"]
    others = {name: t for name, t in crystal.targets.items() if name != "C"}
    *_, refit = fit(last.potential, {"x": dataclasses.replace(crystal, targets=others)}, LM, steps=20, trainable=NAMES)
    everything = problem_of(refit.potential, experiments, NAMES)
    expected = everything.evaluate(everything.parametrization.start).predictions["crystal"]["C"]
    predicted = [row.without_it for row in found.left_out if row.target == "C"]
    np.testing.assert_allclose(predicted, expected, rtol=1e-5)
    assert [row.target for row in found.left_out] == ["a", "cohesion", "C", "C"]


def test_the_covariance_of_a_linear_fit_is_textbook():
    jacobian = RNG.normal(size=(20, 3))
    known = determination(linear(jacobian, RNG.normal(size=20)))
    expected = np.linalg.inv(jacobian.T @ jacobian)
    np.testing.assert_allclose(known.covariance, expected, rtol=1e-10)
    np.testing.assert_allclose(known.errors, np.sqrt(np.diag(expected)))
    assert known.correlation[0, 1] == pytest.approx(expected[0, 1] / np.sqrt(expected[0, 0] * expected[1, 1]))
    assert known.condition == pytest.approx(np.linalg.cond(jacobian) ** 2)


def test_open_combinations_are_counted_and_spelled():
    model = linear([[1.0, 1.0, 0.0], [2.0, 2.0, 0.0], [0.0, 0.0, 1.0]], [0.1, 0.2, 0.3])
    known = determination(model)
    assert known.open_combinations == 1
    assert known.condition == np.inf
    assert np.isinf(known.errors[:2]).all()
    assert known.errors[2] == pytest.approx(1.0)
    assert spelled(model, known.softest) in ("0.71 ln a − 0.71 ln b", "0.71 ln b − 0.71 ln a")
    assert any("leave 1 combination of the 3 free numbers open" in s for s in blind_spots(model))


def test_parameters_on_a_bound_count_as_known():
    jacobian, residuals = [[1.0, 0.5], [0.3, 1.0], [1.0, 1.0]], np.array([1.0, 1.0, 1.0])
    pressing = determination(linear(jacobian, residuals, bounds=[0, -1]))  # the gradient is positive
    assert pressing.errors[1] == 0.0
    assert pressing.errors[0] == pytest.approx(1 / np.sqrt(1 + 0.09 + 1))
    resting = determination(linear(jacobian, -residuals, bounds=[0, -1]))
    assert resting.errors[1] > 0


def test_priors_count_as_targets():
    model = linear([[1.0, 0.0]], [0.0])._replace(stiffness=np.array([0.0, 4.0]))
    np.testing.assert_allclose(determination(model).errors, [1.0, 0.25])


def test_pops_covers_every_target_where_noise_alone_covers_few():
    """A parabola fitted by a line, without noise: the misfit is the model's."""
    x = np.linspace(-1, 1, 41)
    basis = np.stack([np.ones_like(x), x], axis=1)
    coefficients = np.linalg.lstsq(basis, x**2, rcond=None)[0]
    model = linear(basis, (basis @ coefficients - x**2) / 1e-3)
    scaled = model._replace(fitted=[c._replace(slope=c.slope / 1e-3) for c in model.fitted])
    known = determination(scaled)
    box = pops_box(scaled, known)
    for c in scaled.fitted:
        ends = np.sort([c.slope @ box.axes * box.low, c.slope @ box.axes * box.high], axis=0).sum(axis=1)
        assert ends[0] - 1e-9 <= -c.prediction <= ends[1] + 1e-9
    found = intervals(scaled, known, scaled.fitted)
    assert np.mean([i.holds for i in found]) > 0.9
    assert np.mean([abs(i.component.prediction) < 1.96 * i.parametric for i in found]) < 0.2


def test_well_specified_noise_leaves_the_parametric_error_alone():
    jacobian = RNG.normal(size=(400, 2))
    residuals = RNG.normal(size=400)
    residuals -= jacobian @ np.linalg.lstsq(jacobian, residuals, rcond=None)[0]
    model = linear(jacobian, residuals, held_out=[[1.0, 0.0]])
    (interval,) = intervals(model, determination(model), model.held_out)
    assert interval.scaled == pytest.approx(interval.parametric, rel=0.1)
    assert interval.parametric == pytest.approx(1 / np.sqrt(np.sum(jacobian[:, 0] ** 2)), rel=0.05)


def test_what_nothing_moves_is_named_before_a_fit():
    """ε has no say in the lattice constant at zero pressure, and no parameter in that of a cell that is held fixed."""
    experiment = Experiment(
        ARGON, {"a": Target(LatticeConstant(4), 5.2, 0.01)}, argon_from_its_truth()["crystal"].gradient
    )
    problem = problem_of(START, {"crystal": experiment}, NAMES)
    assert blind_spots(local_model(problem, problem.parametrization.start)) == [
        "No target depends on epsilon: leave it out of `trainable`."
    ]
    fixed = Experiment(
        ARGON, {"a": Target(LatticeConstant(4), 5.2, 0.01), "C": Target(ElasticConstants(), [3.0, 2, 2], 0.1)}
    )
    problem = problem_of(START, {"crystal": fixed}, ["epsilon"])
    assert blind_spots(local_model(problem, problem.parametrization.start)) == ["None of these parameters moves a."]


def test_a_target_out_of_reach_and_one_in_the_way_are_told_apart():
    far = linear([[1e-3, 0.0], [10.0, 0.0], [0.0, 10.0]], [50.0, -0.005, 0.0])
    (sentence,) = verdicts(far)
    assert sentence.startswith("t0 x stays 50.0 scales too high: these parameters cannot lower it to its reference")
    rivals = linear([[20.0, 0.0], [20.0, 0.1], [0.0, 5.0]], [4.0, -4.0, 0.0])
    sentences = verdicts(rivals)
    assert "t0 x stays 4.0 scales too high: to lower it to its reference would add" in sentences[0]
    assert "most of it for t1 x" in sentences[0]
    assert "t1 x stays 4.0 scales too low: to raise it" in sentences[1]


def test_a_fit_that_was_left_early_is_told():
    (sentence,) = verdicts(linear([[20.0, 0.0], [0.0, 5.0]], [4.0, 0.0]))
    assert sentence == "t0 x stays 4.0 scales too high, but the fit is not at a minimum yet: more updates can lower it."


def test_a_sloppy_fit_is_told(analysed):
    assert not any("condition number" in s for s in verdicts(analysed[0].model))
    sloppy = linear([[1.0, 1.0], [1.0, 1.0 + 1e-5], [1.0, 1.0 - 1e-5]], [0.0, 0.1, -0.1])
    assert any("condition number of" in s and "0.71 ln a − 0.71 ln b" in s for s in verdicts(sloppy))


def test_bounds_are_seen_in_the_model():
    experiments = argon_from_its_truth(noise=1.0)
    trainable = {"epsilon": Free(), "sigma": Free(lower=3.45)}
    *_, last = fit(START, experiments, LM, steps=10, trainable=trainable)
    found = uncertainty(START, experiments, last, trainable=trainable)
    assert found.model.bounds.tolist() == [0, -1]
    assert found.parameters.errors[1] == 0.0
