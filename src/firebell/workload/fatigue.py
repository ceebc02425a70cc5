"""The checks of alert fatigue in a month: F-NIGHT and F-FATIGUE (pure; spec 2.4 and 4.4)."""

from collections.abc import Iterable, Sequence

from firebell.kit.findings import Finding, FindingLevel
from firebell.kit.text import plural
from firebell.paging.model import TiredNight
from firebell.workload.model import PersonRow, TeamNoise, WorkloadReport

NIGHT_PAGES = 3
"""More pages than this in one night are too many."""
SHIFT_PAGES = 10
"""More pages than this in one shift are too many."""
SHIFT_INCIDENTS = 2
"""More incidents than this in a shift of 12 hours are too many, on average over four weeks."""
NOISE_LEAST_PAGES = 5
"""Fewer pages say nothing about the noise of a team."""


def findings(
    report: WorkloadReport, nights: Iterable[TiredNight], noise: Iterable[TeamNoise] = ()
) -> list[Finding]:
    """Return who had too many pages, of the people in the report, and the teams with too much noise.

    Nights over a limit come first, then people, then teams.
    """
    rows: dict[int, list[PersonRow]] = {}
    for share in (*report.teams, *report.schedules):
        for row in share.rows:
            rows.setdefault(row.person.id, []).append(row)
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
    tired = [
        Finding(
            f"F-FATIGUE:{report.month:%Y-%m}:{person_id}",
            "F-FATIGUE",
            FindingLevel.WARNING,
            f"{of_person[0].person.name} had {why}.",
            subject=f"person:{person_id}",
            advice="Share the schedule with more people, or page for less.",
        )
        for person_id, of_person in sorted(rows.items(), key=lambda pair: pair[1][0].person.name)
        if (why := _fatigue(of_person))
    ]
    noisy = [
        Finding(
            f"F-FATIGUE:{report.month:%Y-%m}:team-{one.team_id}",
            "F-FATIGUE",
            FindingLevel.WARNING,
            f"{one.noise} of {plural(one.pages, 'urgent page')} of {one.team} in four weeks needed no action.",
            subject=f"team:{one.team_id}",
            advice="Delete or tune the rules that paged for nothing; the alert audit lists them.",
        )
        for one in noise
        if one.pages >= NOISE_LEAST_PAGES and 2 * one.noise > one.pages
    ]
    return over + tired + noisy


def _fatigue(rows: Sequence[PersonRow]) -> str:
    """Return why a person has too many pages in any team or schedule, empty if they do not.

    Incidents are compared with the hours of the row that has the most of them.
    """
    night = max(row.calls.worst_night for row in rows)
    shift = max(row.calls.worst_shift for row in rows)
    incidents = max(rows, key=lambda row: row.load.hours).calls.incidents_per_shift
    parts = []
    if night > NIGHT_PAGES:
        parts.append(f"{plural(night, 'page')} in one night")
    if shift > SHIFT_PAGES:
        parts.append(f"{plural(shift, 'page')} in one shift")
    if incidents > SHIFT_INCIDENTS:
        parts.append(f"{incidents:.1f} incidents per 12 hours on call over four weeks")
    return " and ".join(parts)
