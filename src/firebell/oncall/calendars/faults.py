"""What is wrong with the calendars that a schedule takes in, as findings of the schedule (pure)."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from firebell.oncall.calendars.matching import conflicts
from firebell.oncall.calendars.model import Conflict, Import, ImportedShift
from firebell.oncall.checks.rules import Facts, Finding, Fix, Level, told
from firebell.oncall.model import Cover, Schedule

_FIX = Fix("calendars", "Look at the calendars", {})


def faults(imports: Sequence[Import], now: datetime) -> Iterator[Finding]:
    """Return S-ICAL-STALE for a calendar that fails for hours, S-ICAL-USER for shifts that name nobody."""
    for calendar in imports:
        if calendar.stale(now):
            copy = "its last good copy decides" if calendar.good_at else "it has said nothing so far"
            text = f"{calendar.name} cannot be read for hours: {copy}. {calendar.error}"
            yield Finding(
                f"S-ICAL-STALE:{calendar.id}", "S-ICAL-STALE", Level.ERROR, text, None, None, (), _FIX
            )
        if ahead := [stray for stray in calendar.unmatched if stray.end > now]:
            count = "1 shift names" if len(ahead) == 1 else f"{len(ahead)} shifts name"
            text = f"{calendar.name}: {count} nobody who is known here; what lies below answers."
            start, end = ahead[0].start, ahead[0].end
            yield Finding(
                f"S-ICAL-USER:{calendar.id}", "S-ICAL-USER", Level.WARNING, text, start, end, (), _FIX
            )


def busy(
    schedule: Schedule, shifts: Sequence[ImportedShift], a: datetime, b: datetime, facts: Facts
) -> Iterator[Finding]:
    """Return S-BUSY for each person whose own calendar has them busy while on duty in `[a, b)`.

    What they are busy with is theirs to know. The fix asks for cover, or takes what was asked for already.
    """
    found: dict[int, list[Conflict]] = {}
    for conflict in conflicts([schedule], shifts, a, b):
        found.setdefault(conflict.person_id, []).append(conflict)
    for person, clashes in found.items():
        asked = {x: c.id for x in clashes for c in facts.covers if _covers(c, schedule, x)}
        first = next((x for x in clashes if x not in asked), clashes[0])
        times = f", one of {len(clashes)} times" if len(clashes) > 1 else ""
        fix = Fix("ask", "Ask for cover", {"person": person, "start": first.start, "end": first.end})
        if first in asked:
            fix = Fix("take", "Take this shift", {"cover": asked[first]})
        yield Finding(
            f"S-BUSY:{person}",
            "S-BUSY",
            Level.WARNING,
            f"{facts.name(person)} is on call while busy from {told(schedule, first.start, first.end)}"
            f"{times}.",
            first.start,
            first.end,
            (person,),
            fix,
        )


def _covers(cover: Cover, schedule: Schedule, clash: Conflict) -> bool:
    mine = cover.schedule_id == schedule.id and cover.requester == clash.person_id
    return mine and cover.start < clash.end and clash.start < cover.end
