"""The list of pages as a walk that loses none while states change (pure).

Waiting pages come first, the rest after them, both by falling number. A page that starts to wait after the walk
has passed the waiting ones is listed among the rest, so that it is seen; `since` is when the walk began.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from firebell.paging.model import UNANSWERED, Page

MAX_ID = 2**63 - 1
PATTERN = r"^(waiting|other):[1-9][0-9]{0,17}:[0-9]{1,10}$"
"""What a cursor looks like: its section, the number of a page, and when the walk began in epoch seconds."""
COMMIT_SLACK = timedelta(minutes=1)
"""How much earlier than the walk a change may have been stamped that became visible during it."""
WAITS_AGAIN = ("again", "escalated", "raised")
"""Kinds of log entries that are written when a page starts to wait once more."""


@dataclass(frozen=True, slots=True)
class Place:
    """A position in the list: after (or before) the page `id` of the waiting ones or of the rest."""

    waiting: bool
    id: int
    since: datetime

    def __str__(self) -> str:
        return f"{'waiting' if self.waiting else 'other'}:{self.id}:{int(self.since.timestamp())}"


def parse(cursor: str) -> Place | None:
    """Return the place that a cursor names, None when it is malformed."""
    if not re.fullmatch(PATTERN, cursor):
        return None
    section, page_id, since = cursor.split(":")
    return Place(section == "waiting", int(page_id), datetime.fromtimestamp(int(since), UTC))


@dataclass(frozen=True, slots=True)
class Part:
    """Pages of one state with `low <= id < high`; with `since` only those that started to wait again since."""

    state: str
    waiting: bool
    low: int = 0
    high: int = MAX_ID
    since: datetime | None = None


def parts(states: Sequence[str], place: Place | None, *, newer: bool = False) -> list[Part]:
    """Return what is left of the list behind `place`, or before it when `newer`."""
    if place is None:
        return [Part(state, state in UNANSWERED) for state in states]
    return [p for state in states for p in (_before if newer else _behind)(state, place)]


def _behind(state: str, place: Place) -> list[Part]:
    if state not in UNANSWERED:
        return [Part(state, False, high=MAX_ID if place.waiting else place.id)]
    if not place.waiting:
        return [Part(state, False, high=place.id, since=place.since)]
    return [Part(state, True, high=place.id), Part(state, False, low=place.id, since=place.since)]


def _before(state: str, place: Place) -> list[Part]:
    if state in UNANSWERED:
        return [Part(state, True, low=place.id + 1 if place.waiting else 0)]
    return [] if place.waiting else [Part(state, False, low=place.id + 1)]


@dataclass(frozen=True, slots=True)
class Listing:
    """One stretch of the list, with the places from which its neighbors are reached."""

    pages: list[Page]
    newer: Place | None
    older: Place | None


def listing(
    rows: Sequence[tuple[bool, Page]], place: Place | None, limit: int, since: datetime, *, newer: bool
) -> Listing:
    """Return the stretch made of up to `limit` + 1 rows, which come in the order of the walk."""
    kept = list(rows[:limit])
    more = len(rows) > limit
    if newer:
        kept.reverse()
    if not kept:
        return Listing([], None, None)
    first, last = (Place(waiting, page.id, since) for waiting, page in (kept[0], kept[-1]))
    return Listing(
        [page for _, page in kept],
        first if (more if newer else place is not None) else None,
        last if newer or more else None,
    )
