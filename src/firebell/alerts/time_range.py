"""The interval in which the listed alerts began, from an address or a form (pure)."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from firebell.kit.clock import YEARS
from firebell.kit.errors import Invalid
from firebell.kit.localtime import to_instant, to_last_instant
from firebell.kit.web.filters import shown, to_one_of

ALL = "all"
PRESETS: dict[str, tuple[str, timedelta | None]] = {
    "1h": ("Last hour", timedelta(hours=1)),
    "24h": ("Last 24 hours", timedelta(hours=24)),
    "7d": ("Last 7 days", timedelta(days=7)),
    ALL: ("All", None),
}
"""What an address calls each range that ends now, its label and length."""
_EXAMPLE = "Enter a date and time such as 2026-11-24T03:14."
_DAY_CHARS = len("2026-11-24")
_FORM = re.compile(
    r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d{1,6})?)?(Z|[+-]\d\d:?\d\d)?)?", re.ASCII | re.IGNORECASE
)
"""A day or a time; Python reads other forms too, such as weeks."""


@dataclass(frozen=True, slots=True)
class TimeRange:
    """A half-open interval of instants; None leaves a side open."""

    start: datetime | None = None
    end: datetime | None = None

    @property
    def is_limited(self) -> bool:
        """Return True if the interval leaves anything out."""
        return self.start is not None or self.end is not None


ANY_TIME = TimeRange()


def checked(start: datetime | None, end: datetime | None) -> TimeRange:
    """Return the interval; raise Invalid, at the field `to`, unless it ends after it starts."""
    if start is not None and end is not None and start >= end:
        raise Invalid("The range ends before it starts.", fields={"to": "Enter a time after the start."})
    return TimeRange(start, end)


def parse(preset: str, start: str, end: str, now: datetime, tz: str) -> TimeRange:
    """Return the interval of an address: a preset that ends now, or times, which are local to `tz` without an offset.

    A day includes all of it. Typed times replace a preset. Raise Invalid at the field that is wrong.
    """
    if start or end:
        return checked(
            _instant(start, "from", tz, is_end=False) if start else None,
            _instant(end, "to", tz, is_end=True) if end else None,
        )
    _, length = PRESETS[to_one_of(preset or ALL, "range", tuple(PRESETS))]
    return TimeRange(now - length) if length is not None else ANY_TIME


def instant_text(at: datetime, *, rounds_up: bool = False) -> str:
    """Return an instant as an address has it, in whole seconds."""
    if rounds_up and at.microsecond:
        at += timedelta(seconds=1)
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def _instant(text: str, field: str, tz: str, *, is_end: bool) -> datetime:
    try:
        at = datetime.fromisoformat(text) if _FORM.fullmatch(text) else None
    except ValueError:
        at = None
    if at is None or at.year not in YEARS:
        raise Invalid(f"{shown(text)} is not a date and time.", fields={field: _EXAMPLE})
    if at.tzinfo is not None:
        return at
    if len(text) == _DAY_CHARS:
        return to_instant(at + timedelta(days=1) if is_end else at, tz)
    # of an hour that repeats, a range includes both occurrences
    return to_last_instant(at, tz) if is_end else to_instant(at, tz)
