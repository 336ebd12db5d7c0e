"""Data sets in parts: to learn from, to stop by, and to be tested on."""

from collections.abc import Sequence

import numpy as np

from diffsim.data.configurations import Configuration


def split(
    configurations: Sequence[Configuration],
    fractions: Sequence[float] = (0.8, 0.1, 0.1),
    *,
    block: int = 1,
    seed: int = 0,
) -> list[list[Configuration]]:
    """So large parts, drawn at random, each with its share of every group.

    Frames of one trajectory that follow each other are nearly the same: with one of them in training, the next is no
    test. So structures stay together in blocks of `block`, in the order of the file; take the correlation time of the
    trajectory, in frames. A block does not reach from one group into another.

    **Raises** `ValueError` for fractions that are not positive or do not add up to 1, for a block below 1, and where a
    part would be empty.
    """
    shares = np.asarray(fractions, float)
    if not (shares > 0).all() or abs(shares.sum() - 1) > 1e-9:
        raise ValueError(f"fractions must be positive and add up to 1, got {list(fractions)}")
    if block < 1:
        raise ValueError(f"block must be at least 1, got {block}")
    rng = np.random.default_rng(seed)
    parts: list[list[int]] = [[] for _ in shares]
    given = 0
    for group in dict.fromkeys(one.group for one in configurations):
        members = [n for n, one in enumerate(configurations) if one.group == group]
        blocks = [members[start : start + block] for start in range(0, len(members), block)]
        for number in rng.permutation(len(blocks)):
            given += len(blocks[number])
            lacking = shares * given - [len(part) for part in parts]
            parts[int(np.argmax(lacking))] += blocks[number]
    if not all(parts):
        raise ValueError(
            f"{len(configurations)} structures in blocks of {block} leave a part of {list(fractions)} empty: "
            "use more structures, smaller blocks or fewer parts"
        )
    return [[configurations[n] for n in sorted(part)] for part in parts]
