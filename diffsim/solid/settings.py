"""What the user may say about how a solid is looked at; the rest follows from the crystal."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

Repeats = tuple[int, int, int]


def _temperatures(name: str, given: Any) -> tuple[float, ...]:
    found = tuple(float(one) for one in given) if isinstance(given, Sequence) else (float(given),)
    if not all(0 < one < float("inf") for one in found):
        raise ValueError(f"{name} must be positive numbers in K, got {list(found)}")
    return tuple(sorted(found))


@dataclasses.dataclass(frozen=True)
class Settings:
    """None means: from the crystal, as said beside it.

    **Raises** `ValueError` for what makes no sense.
    """

    temperatures: tuple[float, ...] | None = None  # K, of vibrations: 0.2, 0.4 and 0.6 h ν_max/k
    hop_temperatures: tuple[float, ...] | None = None  # K: a seventh of the barrier over k and hotter
    repeats: Repeats | None = None  # of the cell that vibrates: 200 atoms or more (quick: 60)
    defect_repeats: Repeats | None = None  # of the cell with the vacancy: 100 atoms or more (quick: 60)
    dt: float | None = None  # fs: a fortieth of the fastest mode's period
    replicas: int = 8  # of each temperature
    steps: int = 24_000  # of each replica
    hops: int = 30  # to be counted at each temperature
    hop_steps: int = 2_000_000  # after which counting ends
    seed: int = 0
    quick: bool = False  # smaller cells and fewer temperatures, where they are left open

    @staticmethod
    def of(given: Mapping[str, Any]) -> "Settings":
        """What was given; with `quick`, the rest such that Lennard-Jones takes less than two minutes."""
        return Settings(**((_QUICK if given.get("quick") else {}) | dict(given)))

    def __post_init__(self) -> None:
        for name in ("temperatures", "hop_temperatures"):
            if getattr(self, name) is not None:
                object.__setattr__(self, name, _temperatures(name, getattr(self, name)))
        for name in ("repeats", "defect_repeats"):
            given = getattr(self, name)
            if given is None:
                continue
            if not (isinstance(given, Sequence) and len(given) == 3 and all(_whole(n, 1) for n in given)):
                raise ValueError(f"{name} must be three whole numbers of at least 1, such as [4,4,4], got {given!r}")
            object.__setattr__(self, name, tuple(given))
        for name, least in {"replicas": 2, "steps": 100, "hops": 1, "hop_steps": 1, "seed": 0}.items():
            if not _whole(getattr(self, name), least):
                raise ValueError(f"{name} must be a whole number of at least {least}, got {getattr(self, name)!r}")
        if self.dt is not None and not 0 < self.dt < float("inf"):
            raise ValueError(f"dt must be a positive time in fs, got {self.dt}")


_QUICK: dict[str, Any] = {"replicas": 3, "steps": 1500, "hops": 3, "hop_steps": 10_000}


def _whole(value: Any, least: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= least
