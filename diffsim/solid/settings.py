"""What the user may say about how a solid is looked at; the rest follows from the crystal."""

import dataclasses
from collections.abc import Mapping
from typing import Any

Repeats = tuple[int, int, int]
_QUICK: dict[str, Any] = {"replicas": 3, "steps": 1500, "hops": 3, "hop_steps": 10_000}
_LEAST = {"replicas": 2, "steps": 100, "hops": 1, "hop_steps": 1, "seed": 0}


@dataclasses.dataclass(frozen=True)
class Settings:
    """None means: from the crystal, as said beside it."""

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
        """From values as YAML has them; with `quick`, the rest such that Lennard-Jones takes less than two minutes.

        **Raises** `ValueError` for what makes no sense.
        """
        quick = given.get("quick", False)
        if not isinstance(quick, bool):
            raise ValueError(f"quick must be true or false, got {quick!r}")
        return Settings(**((_QUICK if quick else {}) | {name: _read(name, value) for name, value in given.items()}))


def _read(name: str, value: Any) -> Any:
    if name in ("temperatures", "hop_temperatures"):
        several = value if isinstance(value, list | tuple) else [value]
        if not several or not all(map(_positive, several)):
            raise ValueError(f"{name} must be positive numbers of K, such as [20,40,60], got {value!r}")
        return tuple(sorted(float(one) for one in several))
    if name in ("repeats", "defect_repeats"):
        if not (isinstance(value, list | tuple) and len(value) == 3 and all(_whole(n, 1) for n in value)):
            raise ValueError(f"{name} must be three whole numbers of at least 1, such as [4,4,4], got {value!r}")
        return tuple(value)
    if name == "dt":
        if not _positive(value):
            raise ValueError(f"dt must be a positive time in fs, got {value!r}")
        return float(value)
    if name in _LEAST and not _whole(value, _LEAST[name]):
        raise ValueError(f"{name} must be a whole number of at least {_LEAST[name]}, got {value!r}")
    return value


def _positive(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < float("inf")


def _whole(value: Any, least: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= least
