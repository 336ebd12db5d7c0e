"""Where the potential is used beyond what it has learned."""

from collections.abc import Sequence

import numpy as np
from scipy.stats import binom

from diffsim.quality.extrapolation import QUANTILE
from diffsim.quality.subject import Subject
from diffsim.quality.verdict import Verdict, at_most
from diffsim.system import System

_CHANCE = 0.99  # that as many are inside where they were drawn alike
_EVERY = 10  # frames of the trajectory
_BINS = 50


def test_set(subject: Subject) -> Verdict:
    """Whether the test set lies in the range of the training set: else its errors speak of something else.

    One of twenty may lie outside, and of few structures as many as chance leaves.
    """
    return _told(subject, [one.system for one in subject.data[1]], "test set")


def in_motion(subject: Subject) -> Verdict:
    """Whether the crystal in motion stays in the range of the training set."""
    known = subject.range  # refuses before anything moves
    assert known.threshold > 0
    return _told(subject, subject.motion.systems[::_EVERY], f"crystal at {subject.temperature:g} K")


def _told(subject: Subject, systems: Sequence[System], what: str) -> Verdict:
    found, learned = (subject.range.novelty(given) for given in (systems, [one.system for one in subject.data[0]]))
    farthest = np.array([one.max() for one in found])
    outside = int(np.sum(farthest > 1))
    sentence = (
        f"{outside or 'None'} of {len(found)} structures of the {what} {'is' if outside == 1 else 'are'} outside; "
        f"the farthest atom is {farthest.max():.3g} times as far as the threshold."
    )
    edges = np.linspace(0, max(1.5, min(1.05 * float(farthest.max()), 10.0)), _BINS + 1)
    columns = {"distance from the training set (thresholds)": (0.5 * (edges[1:] + edges[:-1])).tolist()}
    for name, given in (("training set", learned), (what, found)):
        atoms = np.clip(np.concatenate(given), None, edges[-1])
        columns[f"{name} (share of atoms)"] = (np.histogram(atoms, edges)[0] / len(atoms)).tolist()
    bar = float(binom.ppf(_CHANCE, len(found), 1 - QUANTILE)) / len(found)
    return at_most(100 * bar, 100 * outside / len(found), "%", sentence, columns)
