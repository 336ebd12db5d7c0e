"""All parts of the study of a solid, one after the other; none stops the others."""

from collections.abc import Callable, Iterator

from diffsim.quality import NotApplicable
from diffsim.solid import moving, resting
from diffsim.solid.found import Earlier, Found
from diffsim.solid.study import Study
from diffsim.solid.subject import Solid

Part = Callable[[Study, Solid, Earlier], Found]

PARTS: dict[str, Part] = {
    "crystal": resting.crystal,
    "density of states": resting.density,
    "bands": resting.bands_at_rest,
    "vacancy": resting.missing_atom,
    "barrier": resting.barrier,
    "vibrations": moving.in_motion,
    "hops": moving.hops,
}


def examined(study: Study) -> Iterator[tuple[str, dict[str, Found | str]]]:
    """The name of each part, and what it says of each solid: a sentence where it cannot be made."""
    earlier: dict[str, dict[str, Found | str]] = {}
    for name, part in PARTS.items():
        found: dict[str, Found | str] = {}
        for label, solid in study.solids.items():
            try:
                found[label] = part(study, solid, earlier)
            except NotApplicable as reason:
                found[label] = f"{reason}"
            except ValueError as error:
                found[label] = f"could not be measured: {error}"
        earlier[name] = found
        yield name, found
