"""All checks, and how they are made: one after the other, none stopping the others."""

import functools
from collections.abc import Callable, Iterator

from diffsim.quality import clusters, crystal, derivatives, errors, invariances, ranges
from diffsim.quality.subject import Subject
from diffsim.quality.verdict import FAILED, NOT_APPLICABLE, NotApplicable, Verdict

Check = Callable[[Subject], Verdict]

CHECKS: dict[str, Check] = {
    "energies of the test set": functools.partial(errors.generalisation, label="energy"),
    "forces of the test set": functools.partial(errors.generalisation, label="forces"),
    "stresses of the test set": functools.partial(errors.generalisation, label="stress"),
    "no force is too large": errors.largest_force,
    "test set in the training range": ranges.test_set,
    "crystal in the training range": ranges.in_motion,
    "translation": functools.partial(invariances.invariance, move=invariances.translation),
    "rotation": functools.partial(invariances.invariance, move=invariances.rotation),
    "reflection": functools.partial(invariances.invariance, move=invariances.reflection),
    "permutation": functools.partial(invariances.invariance, move=invariances.permutation),
    "supercell": invariances.supercell,
    "forces are derivatives": derivatives.forces,
    "stress is a derivative": derivatives.stress,
    "symmetric Hessian": derivatives.curvature,
    "smooth to the cutoff": clusters.smoothness,
    "repulsive dimers": clusters.dimers,
    "crystal at rest": crystal.at_rest,
    "elastic stability": crystal.born,
    "phonons": crystal.phonons,
    "energy conservation": crystal.conservation,
}


def examined(subject: Subject) -> Iterator[tuple[str, Verdict]]:
    """The name of each check and its verdict, as they are made.

    A check that the potential makes impossible, whose crystal has no minimum or whose trajectory explodes, has failed,
    with the sentence that says why.
    """
    for name, check in CHECKS.items():
        try:
            yield name, check(subject)
        except NotApplicable as reason:
            yield name, Verdict(NOT_APPLICABLE, f"{reason}.")
        except ValueError as error:
            yield name, Verdict(FAILED, f"Could not be measured: {error}.")
