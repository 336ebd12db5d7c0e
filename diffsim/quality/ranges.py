"""Where the potential is used beyond what it has learned."""

from collections.abc import Sequence

import numpy as np
from scipy.stats import binom

from diffsim.quality.extrapolation import QUANTILE
from diffsim.quality.subject import Subject
from diffsim.quality.verdict import Verdict, at_most

_CHANCE = 0.99  # that as many are inside where they were drawn alike
_EVERY = 10  # frames of the trajectory
_BINS = 50


def test_set(subject: Subject) -> Verdict:
    """Whether the test set lies in the range of the training set: else its errors speak of something else.

    One atom of twenty may lie outside, and of few structures as many as chance leaves.
    """
    return _told(subject, subject.range.novelty([one.system for one in subject.data[1]]), "test set")


def in_motion(subject: Subject) -> Verdict:
    """Whether the crystal in motion stays in the range of the training set."""
    found = subject.range.novelty(subject.motion.systems[::_EVERY])
    return _told(subject, found, f"crystal at {subject.temperature:g} K")


def _told(subject: Subject, found: Sequence[np.ndarray], what: str) -> Verdict:
    learned = subject.range.novelty([one.system for one in subject.data[0]])
    atoms = np.concatenate(found)
    outside = int(np.sum(atoms > 1))
    sentence = (
        f"{outside or 'None'} of {len(atoms)} atoms in {len(found)} structures of the {what} "
        f"{'is' if outside == 1 else 'are'} outside, the farthest {atoms.max():.3g} times as far as the threshold."
    )
    edges = np.linspace(0, max(1.5, min(1.05 * float(atoms.max()), 10.0)), _BINS + 1)
    columns = {"distance from the training set (thresholds)": (0.5 * (edges[1:] + edges[:-1])).tolist()}
    for name, given in (("training set", learned), (what, found)):
        shown = np.clip(np.concatenate(given), None, edges[-1])
        columns[f"{name} (share of atoms)"] = (np.histogram(shown, edges)[0] / len(shown)).tolist()
    bar = float(binom.ppf(_CHANCE, len(found), 1 - QUANTILE)) / len(found)
    return at_most(100 * bar, 100 * outside / len(atoms), "%", sentence, columns)
