"""The range of a training set: what lies in it, and what is warned of."""

import jax.numpy as jnp
import numpy as np
import pytest
from ase.build import bulk

from diffsim import System
from diffsim.quality import training_range
from diffsim.quality.structures import rattled
from tests.helpers import layered

SILICON = System.from_ase(bulk("Si", a=5.43))


def cells(count: int, amplitude: float = 0.1, first: int = 0, base: System = SILICON) -> list[System]:
    return [rattled(base, amplitude, strain=0.03, seed=first + seed) for seed in range(count)]


@pytest.fixture(scope="module")
def known():
    return training_range(cells(64), cutoff=4.5)


def test_most_of_what_was_drawn_alike_is_inside(known):
    """The threshold leaves out one structure of twenty."""
    outside = np.mean([one.max() > 1 for one in known.novelty(cells(200, first=5000))])
    assert 0.01 < outside < 0.12
    assert known.warning(SILICON) is None


@pytest.mark.parametrize(
    ("name", "system"),
    [
        ("compressed", SILICON.strained(-0.15 * jnp.eye(3))),
        ("stretched", SILICON.strained(0.15 * jnp.eye(3))),
        ("disordered", rattled(SILICON.supercell((2, 2, 2)), 0.5)),
        ("another crystal", System.from_ase(bulk("Si", "fcc", a=3.9))),
        ("a close pair", SILICON.replace(positions=SILICON.positions.at[1].set(jnp.array([0.6, 0.6, 0.6])))),
        ("an atom alone", System([[0.0] * 3], 20 * np.eye(3), [14], [28.0])),
    ],
)
def test_what_was_never_seen_is_outside(known, name, system):
    assert known.novelty([system])[0].max() > 1
    assert "the potential extrapolates there" in known.warning(system)


def test_only_the_atoms_concerned_are_outside(known):
    """An interstitial's neighbours lie outside; atoms far away do not."""
    crystal = SILICON.supercell((4, 4, 4))
    place = np.asarray(crystal.positions[0]) + 0.5 * 5.43  # the hexagonal side of the cage
    positions = np.concatenate([np.asarray(crystal.positions), [place]])
    system = System(positions, crystal.cell, [14] * 129, [28.0] * 129)
    found = known.novelty([system])[0]
    away = np.asarray(positions - place) @ np.linalg.inv(np.asarray(crystal.cell))
    distances = np.linalg.norm((away - np.round(away)) @ np.asarray(crystal.cell), axis=1)
    assert found[-1] > 1
    assert (found[distances > 4.5] < 1).all()
    assert f"{int(np.sum(found > 1))} of 129 atoms lie outside" in known.warning(system)


def test_a_structure_is_as_far_whatever_its_size_turn_and_company(known):
    moved = cells(3, 0.2)
    turn = jnp.asarray(np.linalg.qr(np.random.default_rng(0).standard_normal((3, 3)))[0])
    turned = moved[0].replace(positions=moved[0].positions @ turn.T, cell=moved[0].cell @ turn.T)
    alone, others = known.novelty(moved[:1])[0], known.novelty([*moved, turned, moved[0].supercell((2, 1, 1))])
    for one in (others[0], others[3], others[4][::2]):
        np.testing.assert_allclose(one, alone, rtol=1e-8)


def test_elements_have_ranges_of_their_own():
    mixed = System.from_ase(layered("Si", "C", 4.6))
    known = training_range(cells(30, base=mixed), cutoff=4.0)
    assert known.warning(mixed) is None
    exchanged = mixed.replace(numbers=mixed.numbers[::-1].at[0].set(14))
    assert known.novelty([exchanged])[0].max() > 1
    assert np.isinf(known.novelty([mixed.replace(numbers=mixed.numbers.at[0].set(32))])[0][0])


def test_one_structure_has_no_range():
    with pytest.raises(ValueError, match="needs at least two structures, got 1"):
        training_range([SILICON])


@pytest.mark.parametrize(
    "systems",
    [
        [SILICON] * 6,
        [SILICON.replace(numbers=jnp.full(2, z)) for z in (6, 14)],
    ],
    ids=["alike", "nothing_in_common"],
)
def test_structures_that_tell_no_distance_have_no_range(systems):
    with pytest.raises(
        ValueError, match=r"threshold of the training set's range would be .*: none of its \d structures"
    ):
        training_range(systems)
