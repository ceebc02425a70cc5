"""The checks of alert fatigue in a month: F-NIGHT and F-FATIGUE (pure; spec 2.4 and 4.4)."""

from collections.abc import Iterable

from firebell.kit.findings import Finding, FindingLevel
from firebell.kit.text import plural
from firebell.paging.model import TiredNight
from firebell.workload.model import PersonRow, WorkloadReport

NIGHT_PAGES = 3
"""More pages than this in one night are too many."""
SHIFT_PAGES = 10
"""More pages than this in one shift are too many."""


def findings(report: WorkloadReport, nights: Iterable[TiredNight]) -> list[Finding]:
    """Return who had too many pages in the month, of the people in the report; nights over a limit first."""
    rows: dict[int, PersonRow] = {}
    for share in (*report.teams, *report.schedules):
        for row in share.rows:
            known = rows.get(row.person.id)
            if known is None or row.calls.pages > known.calls.pages:
                rows[row.person.id] = row
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
        if one.person_id in rows
    ]
    return over + [
        Finding(
            f"F-FATIGUE:{report.month:%Y-%m}:{person_id}",
            "F-FATIGUE",
            FindingLevel.WARNING,
            f"{row.person.name} had {why}.",
            subject=f"person:{person_id}",
            advice="Share the schedule with more people, or page for less.",
        )
        for person_id, row in sorted(rows.items(), key=lambda pair: pair[1].person.name)
        if (why := _fatigue(row))
    ]


def _fatigue(row: PersonRow) -> str:
    """Return why the pages of a person are too many, empty if they are not."""
    parts = []
    if row.calls.worst_night > NIGHT_PAGES:
        parts.append(f"{plural(row.calls.worst_night, 'page')} in one night")
    if row.calls.worst_shift > SHIFT_PAGES:
        parts.append(f"{plural(row.calls.worst_shift, 'page')} in one shift")
    return " and ".join(parts)
