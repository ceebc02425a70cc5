"""The checks of alert fatigue in a month: F-NIGHT and F-FATIGUE (pure; spec 2.4 and 4.4)."""

from collections.abc import Iterable, Sequence

from firebell.kit.findings import Finding, FindingLevel
from firebell.kit.text import plural
from firebell.paging.model import TiredNight
from firebell.workload.model import Calls, WorkloadReport

NIGHT_PAGES = 3
"""More pages than this in one night are too many."""
SHIFT_PAGES = 10
"""More pages than this in one shift are too many."""


def findings(report: WorkloadReport, nights: Iterable[TiredNight]) -> list[Finding]:
    """Return who had too many pages in the month, of the people in the report; nights over a limit first."""
    calls: dict[int, list[Calls]] = {}
    names: dict[int, str] = {}
    for share in (*report.teams, *report.schedules):
        for row in share.rows:
            calls.setdefault(row.person.id, []).append(row.calls)
            names[row.person.id] = row.person.name
    over = [
        Finding(
            f"F-NIGHT:{one.id}",
            "F-NIGHT",
            FindingLevel.WARNING,
            f"{one.person} had {plural(one.pages, 'page')} on the night of {one.night.day} {one.night:%b}. "
            f"The first beyond the limit was PG-{one.page_id}.",
            subject=f"person:{one.person_id}",
            advice="Let them rest in the morning, and look for the rules that woke them in the alert audit.",
        )
        for one in nights
        if one.person_id in names
    ]
    return over + [
        Finding(
            f"F-FATIGUE:{report.month:%Y-%m}:{person_id}",
            "F-FATIGUE",
            FindingLevel.WARNING,
            f"{name} had {why}.",
            subject=f"person:{person_id}",
            advice="Share the schedule with more people, or page for less.",
        )
        for person_id, name in sorted(names.items(), key=lambda pair: pair[1])
        if (why := _fatigue(calls[person_id]))
    ]


def _fatigue(calls: Sequence[Calls]) -> str:
    """Return why a person has too many pages in any team or schedule, empty if they do not."""
    night, shift = max(c.worst_night for c in calls), max(c.worst_shift for c in calls)
    parts = []
    if night > NIGHT_PAGES:
        parts.append(f"{plural(night, 'page')} in one night")
    if shift > SHIFT_PAGES:
        parts.append(f"{plural(shift, 'page')} in one shift")
    return " and ".join(parts)
