"""What the network may learn on with, once it is trained."""

from typing import NamedTuple

KINDS = ("vacancies", "vacancies in small cells", "hops", "hops in small cells", "stretched")
_WEIGHTIER = 30.0


class Course(NamedTuple):
    """Kinds of frames that are added, and how much more energies weigh."""

    added: tuple[str, ...] = ()
    energies: float = 1.0


COURSES = {
    "nothing": Course(),
    **{kind: Course((kind,)) for kind in KINDS},
    "all": Course(KINDS),
    "nothing, energies weigh more": Course((), _WEIGHTIER),
    "all, energies weigh more": Course(KINDS, _WEIGHTIER),
}
