"""Findings about the imported calendars of a schedule (pure)."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from firebell.kit.findings import FindingLevel
from firebell.oncall.calendars.busy_times import conflicts
from firebell.oncall.calendars.model import BusyConflict, Import, ImportedShift
from firebell.oncall.checks.rules import CheckFacts, Fix, ScheduleFinding, time_text
from firebell.oncall.model import Cover, Schedule

_FIX = Fix("calendars", "View calendars", {})


def faults(imports: Sequence[Import], now: datetime) -> Iterator[ScheduleFinding]:
    """Yield S-ICAL-STALE for calendars that have failed for hours, S-ICAL-USER for shifts that match no one."""
    for calendar in imports:
        if calendar.stale(now):
            copy = "its last good copy stays in use" if calendar.good_at else "it was never read"
            text = f"{calendar.name} has failed for hours: {copy}. {calendar.error}"
            yield ScheduleFinding(
                id=f"S-ICAL-STALE:{calendar.id}",
                code="S-ICAL-STALE",
                level=FindingLevel.ERROR,
                message=text,
                fix=_FIX,
            )
        if upcoming := [stray for stray in calendar.unmatched if stray.end > now]:
            count = "1 shift matches" if len(upcoming) == 1 else f"{len(upcoming)} shifts match"
            text = f"{calendar.name}: {count} no one known here; the layers below apply."
            start, end = upcoming[0].start, upcoming[0].end
            yield ScheduleFinding(
                id=f"S-ICAL-USER:{calendar.id}",
                code="S-ICAL-USER",
                level=FindingLevel.WARNING,
                message=text,
                start=start,
                end=end,
                fix=_FIX,
            )


def busy(
    schedule: Schedule, shifts: Sequence[ImportedShift], a: datetime, b: datetime, facts: CheckFacts
) -> Iterator[ScheduleFinding]:
    """Yield S-BUSY for each person who is busy by their own calendar while on call in `[a, b)`.

    What they are busy with is private. The fix requests cover, or takes a request that exists already.
    """
    conflicts_by_person: dict[int, list[BusyConflict]] = {}
    for conflict in conflicts([schedule], shifts, a, b):
        conflicts_by_person.setdefault(conflict.person_id, []).append(conflict)
    for person, clashes in conflicts_by_person.items():
        asked = {x: c.id for x in clashes for c in facts.covers if _covers(c, schedule, x)}
        first = next((x for x in clashes if x not in asked), clashes[0])
        times = f", one of {len(clashes)} times" if len(clashes) > 1 else ""
        fix = Fix("ask", "Request cover", {"person": person, "start": first.start, "end": first.end})
        if first in asked:
            fix = Fix("take", "Take shift", {"cover": asked[first]})
        yield ScheduleFinding(
            id=f"S-BUSY:{person}",
            code="S-BUSY",
            level=FindingLevel.WARNING,
            message=f"{facts.name(person)} is on call while busy from {time_text(schedule, first.start, first.end)}"
            f"{times}.",
            start=first.start,
            end=first.end,
            users=(person,),
            fix=fix,
        )


def _covers(cover: Cover, schedule: Schedule, clash: BusyConflict) -> bool:
    same = cover.schedule_id == schedule.id and cover.requester == clash.person_id
    return same and cover.start < clash.end and clash.start < cover.end
