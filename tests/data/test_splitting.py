"""Parts of a data set: none shares a structure or a block with another, and each has its share of every group."""

import numpy as np
import pytest
from ase.build import bulk

from diffsim import System
from diffsim.data.configurations import Configuration
from diffsim.data.splitting import split

CRYSTAL = System.from_ase(bulk("Si"))


def frames(**groups: int) -> list[Configuration]:
    """So many of each group, told apart by their energies."""
    kinds = [group for group, count in groups.items() for _ in range(count)]
    return [Configuration(CRYSTAL, n, np.zeros((2, 3)), np.zeros((3, 3)), kind) for n, kind in enumerate(kinds)]


@pytest.mark.parametrize("block", [1, 5])
def test_each_structure_is_in_one_part_and_groups_are_shared_out(block):
    parts = split(frames(crystal=200, liquid=100, slab=50), block=block)
    numbers = [one.energy for part in parts for one in part]
    assert sorted(numbers) == list(range(350))
    for part, share in zip(parts, (0.8, 0.1, 0.1), strict=True):
        for group, count in (("crystal", 200), ("liquid", 100), ("slab", 50)):
            assert abs(sum(one.group == group for one in part) - share * count) <= block


def test_neighbouring_frames_stay_together():
    parts = split(frames(trajectory=103), block=10)
    where = {one.energy: number for number, part in enumerate(parts) for one in part}
    for start in range(0, 103, 10):
        assert len({where[n] for n in range(start, min(start + 10, 103))}) == 1


def test_the_seed_decides():
    given = frames(crystal=40)
    energies = lambda seed: [[one.energy for one in part] for part in split(given, seed=seed)]  # noqa: E731
    assert energies(0) == energies(0)
    assert energies(0) != energies(1)


def test_what_cannot_be_split_is_refused():
    with pytest.raises(ValueError, match=r"fractions must be positive and add up to 1, got \[0\.8, 0\.1\]"):
        split(frames(crystal=10), (0.8, 0.1))
    with pytest.raises(ValueError, match="block must be at least 1, got 0"):
        split(frames(crystal=10), block=0)
    with pytest.raises(ValueError, match=r"2 structures in blocks of 1 leave a part of .* empty"):
        split(frames(crystal=2))
