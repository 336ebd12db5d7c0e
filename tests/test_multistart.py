"""Many fits at once are what each of them is alone."""

import jax
import numpy as np
import optax
import pytest

from diffsim import Free, Plateau, Scipy, fit, multistart, perturbed
from tests.fits import LM, NAMES, START, argon_from_its_truth

KEY = jax.random.key(3)


@pytest.fixture(scope="module")
def experiments():
    return argon_from_its_truth(noise=1.0)


def test_every_start_ends_where_it_would_alone(experiments):
    found = multistart(START, experiments, LM, key=KEY, starts=3, spread=0.05, steps=2, trainable=NAMES)
    assert [state.loss for state in found] == sorted(state.loss for state in found)
    alone = []
    for start in (START, *(perturbed(START, 0.05, key, NAMES) for key in jax.random.split(KEY, 3)[1:])):
        *_, last = fit(start, experiments, LM, steps=2, trainable=NAMES)
        alone.append(last)
    for one, together in zip(sorted(alone, key=lambda state: state.loss), found, strict=True):
        # relaxed from another list of neighbours, of the same atoms: to rounding, which the solver magnifies
        np.testing.assert_allclose(together.losses, one.losses, rtol=1e-6)
        assert (together.step, together.evaluations) == (one.step, one.evaluations)


def test_the_best_can_be_gone_on_with(experiments):
    first = multistart(START, experiments, LM, key=KEY, starts=2, spread=0.02, steps=1, trainable=NAMES)[0]
    *_, last = fit(START, experiments, LM, steps=10, trainable=NAMES, stop=Plateau(1e-6, 2), state=first)
    assert last.losses[:2] == first.losses
    assert last.loss < first.loss


def test_fits_that_have_ended_stay(experiments):
    stop = Plateau(rtol=1e-6, patience=2)
    found = multistart(START, experiments, LM, key=KEY, starts=3, spread=0.1, steps=40, trainable=NAMES, stop=stop)
    assert {len(state.losses) - 1 == state.step for state in found} == {True}
    assert all(stop.reached(state.losses) and not stop.reached(state.losses[:-1]) for state in found)
    np.testing.assert_allclose([state.loss for state in found], found[0].loss, rtol=1e-6)


def test_starts_that_need_longer_lists_get_them(experiments):
    """The last start's cutoff is half an Å longer than any list that the first would make."""
    trainable = {"sigma": Free(), "cutoff": Free()}
    found = multistart(START, experiments, LM, key=KEY, starts=4, spread=0.1, steps=2, trainable=trainable)
    assert len(found) == 4
    assert all(np.isfinite(state.loss) for state in found)
    assert len({float(state.potential.cutoff) for state in found}) == 4


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"starts": 0}, "starts must be positive, got 0"),
        ({"optimizer": Scipy("BFGS")}, "SciPy's methods run one fit at a time"),
    ],
)
def test_refusals(experiments, changes, sentence):
    given = {"optimizer": optax.adam(1e-2), "starts": 2} | changes
    with pytest.raises(ValueError, match=sentence):
        multistart(START, experiments, given.pop("optimizer"), key=KEY, **given)
