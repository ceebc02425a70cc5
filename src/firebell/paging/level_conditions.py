"""The conditions of a level: which pages it is for, and when (pure; spec 2.2)."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, NamedTuple
from zoneinfo import ZoneInfoNotFoundError

from firebell.kit.errors import Invalid
from firebell.kit.localtime import to_local

DAY_NAMES = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
EVERY_DAY = tuple(range(7))
MINUTES_PER_DAY = 24 * 60
_TIME = re.compile(r"([0-9]{1,2}):([0-5][0-9])(?::00)?")


@dataclass(frozen=True, slots=True)
class Hours:
    """Days of the week, 0 for Monday, and minutes of the day, in the time zone of the policy.

    Hours that do not end after their start run past midnight, and belong to the day on which they start.
    """

    days: tuple[int, ...] = EVERY_DAY
    start: int = 0
    end: int = MINUTES_PER_DAY
    is_outside: bool = False
    """True if the level is for all other times."""

    def include(self, day: int, minute: int) -> bool:
        """Return True if the level is for this minute of a day."""
        if self.start < self.end:
            within = day in self.days and self.start <= minute < self.end
        else:
            starts_today = day in self.days and minute >= self.start
            within = starts_today or ((day - 1) % 7 in self.days and minute < self.end)
        return within is not self.is_outside

    def __str__(self) -> str:
        """Return them as people read them, such as Mon–Fri 09:00–17:00."""
        parts = [_days(self.days)] if self.days != EVERY_DAY else []
        if (self.start, self.end) != (0, MINUTES_PER_DAY):
            parts.append(f"{clock(self.start)}–{clock(self.end)}")
        return f"{'outside ' if self.is_outside else ''}{' '.join(parts)}"


def to_minute(text: str, field: str) -> int:
    """Return the minute of the day of a time such as 09:00, at most 24:00; raise `Invalid` naming the field."""
    match = _TIME.fullmatch(text.strip())
    minute = int(match[1]) * 60 + int(match[2]) if match else -1
    if not 0 <= minute <= MINUTES_PER_DAY:
        raise Invalid("This is not a time of day.", fields={field: "Enter a time such as 09:00."})
    return minute


def clock(minute: int) -> str:
    """Return a minute of the day as 09:00; the end of the day is 24:00."""
    return f"{minute // 60:02}:{minute % 60:02}"


def _days(days: Sequence[int]) -> str:
    runs: list[list[int]] = []
    for day in days:
        if runs and runs[-1][-1] == day - 1:
            runs[-1].append(day)
        else:
            runs.append([day])
    names = [
        f"{DAY_NAMES[run[0]]}–{DAY_NAMES[run[-1]]}"
        if len(run) > 2
        else ", ".join(DAY_NAMES[day] for day in run)
        for run in runs
    ]
    return ", ".join(names)


@dataclass(frozen=True, slots=True)
class Conditions:
    """A level is for pages that meet all of these; an empty one is met by every page."""

    urgency: str = ""
    severities: tuple[int, ...] = ()
    """Never met by a page without a severity, such as one of alerts."""
    hours: Hours | None = None

    def met_by(self, kind: "PageKind", day: int, minute: int) -> bool:
        """Return True if a level with these conditions is for such a page at this minute of a day."""
        return (
            self.urgency in ("", kind.urgency)
            and (not self.severities or kind.severity in self.severities)
            and (self.hours is None or self.hours.include(day, minute))
        )

    def __str__(self) -> str:
        """Return them as they stand after “only”, such as `for SEV1, outside Mon–Fri 09:00–17:00`; empty if none."""
        parts = [f"{self.urgency} urgency"] if self.urgency else []
        if self.severities:
            parts.append(" or ".join(f"SEV{severity}" for severity in self.severities))
        if parts:
            parts[0] = f"for {parts[0]}"
        if self.hours is not None:
            parts.append(str(self.hours))
        return ", ".join(parts)

    def to_json(self) -> dict[str, Any]:
        """Return the conditions as they are stored, without the empty ones."""
        stored: dict[str, Any] = {"urgency": self.urgency} if self.urgency else {}
        if self.severities:
            stored["severities"] = list(self.severities)
        if (hours := self.hours) is not None:
            stored["hours"] = {
                "days": list(hours.days),
                "start": hours.start,
                "end": hours.end,
                "is_outside": hours.is_outside,
            }
        return stored

    @staticmethod
    def from_json(data: dict[str, Any]) -> "Conditions":
        """Return the conditions that `to_json` returned."""
        hours = data.get("hours")
        return Conditions(
            data.get("urgency", ""),
            tuple(data.get("severities", ())),
            Hours(tuple(hours["days"]), hours["start"], hours["end"], hours["is_outside"]) if hours else None,
        )


ALWAYS = Conditions()


class PageKind(NamedTuple):
    """What conditions ask of a page."""

    urgency: str
    severity: int | None

    @classmethod
    def of_severity(cls, severity: int) -> "PageKind":
        """Return the kind of the page of an incident."""
        return cls("high" if severity <= 1 else "low", severity)

    def __str__(self) -> str:
        """Return the kind as people read it, such as `SEV1 pages`."""
        if self.severity is not None:
            return f"SEV{self.severity} pages"
        return f"{self.urgency}-urgency pages without a severity"


HIGH = PageKind("high", None)
"""The kind of a page of urgent alerts."""
PAGE_KINDS = (HIGH, PageKind("low", None), *map(PageKind.of_severity, range(4)))
"""The kinds with which pages begin: SEV0 and SEV1 are of high urgency, SEV2 and SEV3 of low urgency."""


def are_met(conditions: Conditions, tz: str, kind: PageKind, now: datetime) -> bool:
    """Return True if a level with these conditions is for a page now; hours in an unknown time zone are met."""
    if conditions.hours is None:
        return conditions.met_by(kind, 0, 0)
    try:
        wall = to_local(now, tz)
    except ZoneInfoNotFoundError:
        return are_met(replace(conditions, hours=None), tz, kind, now)
    return conditions.met_by(kind, wall.weekday(), wall.hour * 60 + wall.minute)


def can_be_met(conditions: Conditions) -> bool:
    """Return True if there is a page, at any time of the week, that meets all of these."""
    times = moments([conditions])
    return any(conditions.met_by(kind, *moment) for kind in PAGE_KINDS for moment in times)


def uncovered(of_levels: Sequence[Conditions]) -> tuple[PageKind, int, int] | None:
    """Return a kind of page, a day and a minute that no level is for; None if some level is for every page."""
    for kind in PAGE_KINDS:
        for day, minute in moments(of_levels):
            if not any(conditions.met_by(kind, day, minute) for conditions in of_levels):
                return kind, day, minute
    return None


def moments(of_levels: Iterable[Conditions]) -> list[tuple[int, int]]:
    """Return every day and minute of the week at which the hours of a level begin or end."""
    minutes = {0}
    for conditions in of_levels:
        if conditions.hours is not None:
            minutes |= {conditions.hours.start, conditions.hours.end % MINUTES_PER_DAY}
    return [(day, minute) for day in EVERY_DAY for minute in sorted(minutes)]


def check_conditions(of_levels: Sequence[Conditions]) -> None:
    """Raise `Invalid` for conditions that no page meets, and for pages that no level is for."""
    for index, conditions in enumerate(of_levels):
        if problem := condition_problem(conditions):
            raise Invalid(f"No page reaches level {index + 1}.", fields={f"conditions-{index}": problem})
    if gap := coverage_gap(of_levels):
        hint = "Remove a condition from a level, or add a level for these pages."
        raise Invalid(gap, fields={"levels": f"{gap} {hint}"})


def coverage_gap(of_levels: Sequence[Conditions]) -> str:
    """Return for which pages there is no level, in a sentence; empty if every page has one at any time."""
    gap = uncovered(of_levels)
    if gap is None:
        return ""
    kind, day, minute = gap
    return f"No level covers {kind} on {DAY_NAMES[day]} at {clock(minute)}."


def condition_problem(conditions: Conditions) -> str:
    """Return why no page meets these conditions, empty if some page does."""
    if conditions.hours is not None and conditions.hours.start == conditions.hours.end:
        return "Enter an end that differs from the start."
    if conditions.hours is not None and not can_be_met(Conditions(hours=conditions.hours)):
        return "No time matches these hours. Choose other days or times."
    if can_be_met(conditions):
        return ""
    return (
        "SEV0 and SEV1 pages have high urgency, SEV2 and SEV3 pages low urgency."
        " Choose a combination that exists."
    )
