"""Each check passes a sound potential, and fails one that is wrong in just that way."""

import functools

import equinox as eqx
import jax.numpy as jnp
import numpy as np
import pytest

from diffsim import StillingerWeber, Sum, System, relabelled
from diffsim.quality import CHECKS, NotApplicable, Subject, examined, known_crystal
from diffsim.quality.clusters import jumps, wall_and_hole
from diffsim.quality.structures import rattled, rearrangement, repeats
from tests.quality import potentials as given
from tests.training.test_training import unlabelled

OF_DATA = [name for name in CHECKS if "set" in name or "range" in name or "force is" in name]
SLOW = {"energy conservation", "elastic stability", "phonons"}
ALONE = [pytest.param(n, marks=[pytest.mark.slow] * (n in SLOW)) for n in CHECKS if n not in OF_DATA]


@pytest.fixture(scope="module")
def argon() -> Subject:
    return given.argon()


@functools.cache
def data(compressed: float = 0.0, first: int = 0):
    """Rattled cells of two atoms and their labels."""
    cell = given.FCC.supercell((2, 1, 1)).strained(-compressed * jnp.eye(3))
    cells = [rattled(cell, 0.1, strain=0.03, seed=first + seed) for seed in range(12)]
    return relabelled(given.ARGON, unlabelled(cells))


@pytest.mark.parametrize("name", ALONE)
def test_a_sound_potential_passes(argon, name):
    verdict = CHECKS[name](argon)
    assert verdict.outcome == "passed", verdict
    assert verdict.sentence.endswith(".")


WRONG = [
    ("forces are derivatives", given.FROZEN, given.FCC),
    ("stress is a derivative", given.FROZEN, given.FCC),
    ("symmetric Hessian", given.SWIRL, given.FCC),
    ("smooth to the cutoff", given.CUT, given.FCC),
    ("smooth to the cutoff", given.SHIFTED, given.FCC),
    ("smooth to the cutoff", Sum([given.ARGON, given.SHORTER]), given.FCC),
    ("repulsive dimers", given.HOLE, given.FCC),
    ("repulsive dimers", given.SOFT, given.FCC),
    ("repulsive dimers", given.NOT_A_NUMBER, given.FCC),
    ("crystal at rest", given.LARGER, given.FCC),
    pytest.param("elastic stability", given.ARGON, given.BCC, marks=pytest.mark.slow),
    pytest.param("phonons", given.ARGON, given.BCC, marks=pytest.mark.slow),
    pytest.param("energy conservation", given.SWIRL, given.FCC, marks=pytest.mark.slow),
]


@pytest.mark.parametrize(("name", "potential", "structure"), WRONG)
def test_a_wrong_one_fails(name, potential, structure):
    verdict = CHECKS[name](Subject(potential, structure, temperature=20.0))
    assert verdict.outcome == "failed", verdict


@pytest.mark.parametrize("name", given.BROKEN)
def test_a_potential_that_is_not_invariant_fails(name):
    verdict = CHECKS[name](Subject(given.BROKEN[name], given.FCC))
    assert verdict.outcome == "failed", verdict


def test_a_jump_is_found_where_it_is():
    inner = CHECKS["smooth to the cutoff"](Subject(Sum([given.ARGON, given.SHORTER]), given.FCC))
    assert "at 4.2 Å (Ar–Ar)" in inner.sentence


def test_errors_of_the_test_set_are_compared_with_those_of_the_training_set():
    training, test = data(), data(first=12)
    own = Subject(given.ARGON, None, training, test)
    others = Subject(given.ARGON, None, training, relabelled(given.LARGER, test))
    for label in ("energies", "forces", "stresses"):
        check = CHECKS[f"{label} of the test set"]
        assert check(own).outcome == "passed"
        assert check(others).outcome == "failed"


def test_errors_that_are_both_there_are_told_as_their_ratio():
    """Labels that are off by 1 and by 3 meV/atom."""
    training, test = data(), data(first=12)
    off = lambda part, shift: [one._replace(energy=one.energy + shift * len(one.forces)) for one in part]  # noqa: E731
    subject = Subject(given.ARGON, None, off(training, 1e-3), off(test, 3e-3))
    verdict = CHECKS["energies of the test set"](subject)
    assert verdict.measured == pytest.approx(3.0, rel=1e-6)
    assert verdict.outcome == "failed"
    assert "RMSE 1 meV/atom on 12 training structures, 3 meV/atom on 12 test structures" in verdict.sentence


def test_a_force_that_is_too_large_is_found_between_the_data():
    training, test = data(), data(first=12)
    check = CHECKS["no force is too large"]
    assert check(Subject(given.ARGON, None, training, test)).outcome == "passed"
    assert check(Subject(given.WIGGLE, None, training, test)).outcome == "failed"


def test_a_force_that_is_not_labelled_raises_no_bar():
    training, test = data(), data(first=12)
    unknown = [one._replace(forces=np.where([[True], [False]], one.forces, np.nan)) for one in test]
    check = CHECKS["no force is too large"]
    verdict = check(Subject(given.WIGGLE, None, training, unknown))
    assert verdict.outcome == "failed"
    assert verdict.bar == 10.0
    nowhere = eqx.tree_at(lambda potential: potential.epsilon, given.ARGON, jnp.asarray(jnp.nan))
    assert check(Subject(nowhere, None, training, unknown)).outcome == "failed"


def test_stresses_that_the_data_have_not_are_no_failure():
    bare = [one._replace(stress=np.full((3, 3), np.nan)) for one in data()]
    with pytest.raises(NotApplicable, match="have no stress"):
        CHECKS["stresses of the test set"](Subject(given.ARGON, None, bare[:6], bare[6:]))


def test_a_test_set_outside_the_training_range_fails():
    check = CHECKS["test set in the training range"]
    assert check(Subject(given.ARGON, None, data(), data(first=12))).outcome == "passed"
    assert check(Subject(given.ARGON, None, data(), data(compressed=0.15))).outcome == "failed"


@pytest.mark.slow
def test_a_crystal_in_motion_is_looked_at_too():
    check = CHECKS["crystal in the training range"]
    inside = Subject(given.ARGON, given.FCC, data(), data(first=12), temperature=10.0)
    assert check(inside).outcome == "passed"
    far = data(compressed=0.15)
    assert check(Subject(given.ARGON, given.FCC, far[:6], far[6:], temperature=10.0)).outcome == "failed"


def test_what_is_lacking_is_said():
    verdicts = dict(examined(Subject(given.ARGON)))
    assert {one.outcome for one in verdicts.values()} == {"not applicable"}
    assert "say data=FILE" in verdicts["energies of the test set"].sentence
    assert "say structure=FILE" in verdicts["phonons"].sentence
    assert "takes all atoms alike" in verdicts["repulsive dimers"].sentence


def test_a_crystal_without_a_minimum_has_failed_with_the_reason(monkeypatch):
    kept = {name: CHECKS[name] for name in ("crystal at rest", "symmetric Hessian")}
    monkeypatch.setattr("diffsim.quality.checks.CHECKS", kept)
    verdicts = dict(examined(Subject(given.COLLAPSING, given.FCC)))
    assert verdicts["crystal at rest"].outcome == "failed"
    assert verdicts["crystal at rest"].sentence.startswith("Could not be measured: ")
    assert verdicts["symmetric Hessian"].outcome == "passed"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"temperature": -1.0}, "temperature must be positive, got -1.0 K"),
        ({"structure": System([[0.0] * 3], np.eye(3), [18], [40.0], False)}, "quality report needs a cell that is"),
        ({"potential": StillingerWeber.silicon()}, "has parameters for Si, but the system contains Ar"),
    ],
)
def test_what_makes_no_sense_is_refused(arguments, sentence):
    with pytest.raises(ValueError, match=sentence):
        Subject(**({"potential": given.ARGON, "structure": given.FCC} | arguments))


def test_the_crystal_is_that_of_the_element_or_the_calmest_of_the_data():
    silicon = known_crystal(StillingerWeber.silicon(), [])
    assert np.asarray(silicon.numbers).tolist() == [14, 14]
    assert known_crystal(given.ARGON, []) is None
    mixed = System(
        given.BCC.supercell((2, 1, 1)).positions, given.BCC.supercell((2, 1, 1)).cell, [18, 36], [40.0, 84.0]
    )
    moved = [rattled(mixed, amplitude) for amplitude in (0.2, 0.01, 0.1)]
    labels = relabelled(given.ARGON, unlabelled(moved))
    np.testing.assert_array_equal(known_crystal(given.ARGON, labels).positions, moved[1].positions)


def test_cells_are_repeated_to_edges_of_similar_length():
    long = System([[0.0] * 3], np.diag([2.0, 2.0, 8.0]), [18], [40.0])
    assert repeats(long, 16) == (4, 4, 1)
    assert repeats(long, 16, even=True) == (2, 2, 2) or repeats(long, 16, even=True) == (4, 4, 2)


@pytest.mark.parametrize(
    ("energy", "wall", "hole"),
    [
        (lambda r: 1 / r**12 - 2 / r**6, 1 / 0.3**12 - 2 / 0.3**6 + 1, 0.0),
        (lambda r: np.where(r < 0.6, 0.0, 1 / r**2), 0.0 - 1 / 9, 1 / 0.6**2),
        (lambda r: np.where(r < 0.4, np.nan, 1 / r), np.nan, np.inf),
    ],
)
def test_walls_and_holes_are_measured(energy, wall, hole):
    r = np.arange(0.3, 3.0001, 0.01)
    found = wall_and_hole(r, energy(r), 0.75)
    np.testing.assert_allclose(found, (wall, hole), rtol=1e-3, atol=1e-12)


def test_closer_looks_begin_at_the_smallest_distance():
    """The list that all structures share is that of the first."""
    asked = []

    def step(r):
        asked.append(r)
        return np.zeros(len(r)), np.where(r[:, None] > 0.8, 0.0, np.where(r[:, None] > 0.3, 6.0, 5.0))

    jumps(step, np.linspace(0.1, 1.0, 64))  # the larger of its two jumps is the outer one
    assert all(r[0] == r.min() for r in asked)


def test_a_crystal_that_rearranges_in_its_cell_is_another_one():
    """Diamond's second atom is pushed aside: each moves by half of that against the centre of mass."""
    silicon = known_crystal(StillingerWeber.silicon(), [])
    assert silicon is not None
    pushed = silicon.replace(positions=silicon.positions.at[1].add(jnp.array([0.6, 0.0, 0.0])))
    assert rearrangement(silicon, pushed) == pytest.approx(0.3)
    drifted = silicon.replace(positions=silicon.positions + 1.0).strained(0.05 * jnp.eye(3))
    assert rearrangement(silicon, drifted) == pytest.approx(0.0, abs=1e-9)
    verdict = CHECKS["crystal at rest"](Subject(StillingerWeber.silicon(), pushed))
    assert verdict.outcome == "failed"
    assert "within it atoms have moved by 0.3 Å" in verdict.sentence
