"""What a check finds: a figure, the bar that it is held against, and a sentence."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

PASSED, FAILED, NOT_APPLICABLE = "passed", "failed", "not applicable"


class NotApplicable(Exception):
    """A check that cannot be made; its message says what it would need."""


class Verdict(NamedTuple):
    """Of one check. `columns` are the numbers of its figure, by their heads."""

    outcome: str
    sentence: str
    measured: float | None = None
    sense: str = ""  # ≤ or ≥, of measured and bar
    bar: float | None = None
    unit: str = ""
    columns: Mapping[str, Sequence[Any]] = {}


def at_most(bar: float, measured: float, unit: str, sentence: str, columns: Mapping[str, Any] | None = None) -> Verdict:
    """Passed where the figure is not above the bar; what is not a number has failed."""
    return _judged(measured <= bar, "≤", bar, measured, unit, sentence, columns)


def at_least(
    bar: float, measured: float, unit: str, sentence: str, columns: Mapping[str, Any] | None = None
) -> Verdict:
    """Passed where the figure is not below the bar; what is not a number has failed."""
    return _judged(measured >= bar, "≥", bar, measured, unit, sentence, columns)


def _judged(
    good: bool, sense: str, bar: float, measured: float, unit: str, sentence: str, columns: Mapping[str, Any] | None
) -> Verdict:
    return Verdict(PASSED if good else FAILED, sentence, float(measured), sense, float(bar), unit, columns or {})
