"""What the rules of readiness share: limits, and the ruling of one item (pure)."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from firebell.readiness.facts import Dated, ReadinessFacts
from firebell.readiness.model import Condition, Evidence

YEAR = timedelta(days=365)
HALF_YEAR = timedelta(days=180)
QUARTER = timedelta(days=90)
MONTH = timedelta(days=30)
WEEK = timedelta(days=7)
DAY = timedelta(days=1)
CLASSIFIED_MIN = 3
SEVERITY_LINES = 8
ROTA_AHEAD = timedelta(days=28)
SECOND_PERSON_WITHIN_S = 300
RUNBOOKS_MIN = 5
TRAINED_SHARE = 0.8
TABLETOP_ATTENDED = 3
TABLETOP_ANSWERED = 5
ON_TIME_SHARE = 0.8
ON_TIME_WITHIN = timedelta(hours=48)
MEASURED_MIN = 5
PLANNED_SHARE = 0.8
AUTOMATED_MIN = 3
AUTOMATED_LEVEL = 2
DRILL_MONTHS = 3
VIEWERS_MIN = 2
REVIEW_WINDOW = timedelta(days=92)


@dataclass(frozen=True, slots=True)
class Ruling:
    """The conditions of an item, and the rows that prove them."""

    conditions: Sequence[Condition]
    evidence: Sequence[Evidence] = ()


Rule = Callable[[ReadinessFacts, datetime], Ruling]


def newer_than(
    text: str, row: Dated | None, window: timedelta, now: datetime, link: str
) -> tuple[Condition, list[Evidence]]:
    """Return the condition that a row is not older than a window, and its evidence."""
    need = f"one in the last {window.days} days"
    if row is None or row.at <= now - window:
        return Condition(text, "none", need, False, link), []
    condition = Condition(text, row.ref, need, True, link, row.at + window, window)
    return condition, [evidence_of(row)]


def evidence_of(row: Dated) -> Evidence:
    """Return a row as evidence, with a link if it is an incident."""
    link = f"/incidents/{row.ref}" if row.incident_id is not None and row.ref.startswith("INC-") else ""
    return Evidence(row.ref, link, row.at, row.incident_id)


def newest(rows: Iterable[Dated], since: datetime) -> list[Dated]:
    """Return the rows after an instant, newest first."""
    return sorted((row for row in rows if row.at > since), key=lambda row: row.at, reverse=True)
