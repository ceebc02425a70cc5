"""Pagination of the list of pages, which misses no page while states change (pure).

Unanswered pages come first, then the others, both with the highest id first. A page that becomes unanswered after
the reader has passed the unanswered ones is listed among the others, so that it is seen; `since` is when the
reader began.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from firebell.kit.text import MAX_ID
from firebell.paging.model import UNANSWERED, Page

PATTERN = r"^(waiting|other):[1-9][0-9]{0,17}:[0-9]{1,10}$"
"""The form of a cursor: its section, the id of a page, and when the reader began in epoch seconds."""
COMMIT_SLACK = timedelta(minutes=1)
"""How much older than the reader's start the time stamp of a change may be that was committed after it."""
WAITS_AGAIN = ("again", "escalated", "raised")
"""The kinds of log entries of a page that becomes unanswered again."""


@dataclass(frozen=True, slots=True)
class ListPosition:
    """A position in the list: next to the page `id` of the waiting ones or of the others."""

    waiting: bool
    id: int
    since: datetime

    def __str__(self) -> str:
        return f"{'waiting' if self.waiting else 'other'}:{self.id}:{int(self.since.timestamp())}"


def parse(cursor: str) -> ListPosition | None:
    """Return the place of a cursor, None if it is malformed."""
    if not re.fullmatch(PATTERN, cursor):
        return None
    section, page_id, since = cursor.split(":")
    return ListPosition(section == "waiting", int(page_id), datetime.fromtimestamp(int(since), UTC))


@dataclass(frozen=True, slots=True)
class ListSegment:
    """Pages of one state with `low <= id < high`; with `since` only those that became unanswered since then."""

    state: str
    waiting: bool
    low: int = 0
    high: int = MAX_ID
    since: datetime | None = None


def parts(states: Sequence[str], place: ListPosition | None, *, newer: bool = False) -> list[ListSegment]:
    """Return the parts of the list after `place`, or before it when `newer`."""
    if place is None:
        return [ListSegment(state, state in UNANSWERED) for state in states]
    return [p for state in states for p in (_before if newer else _behind)(state, place)]


def _behind(state: str, place: ListPosition) -> list[ListSegment]:
    if state not in UNANSWERED:
        return [ListSegment(state, False, high=MAX_ID if place.waiting else place.id)]
    if not place.waiting:
        return [ListSegment(state, False, high=place.id, since=place.since)]
    return [
        ListSegment(state, True, high=place.id),
        ListSegment(state, False, low=place.id, since=place.since),
    ]


def _before(state: str, place: ListPosition) -> list[ListSegment]:
    if state in UNANSWERED:
        return [ListSegment(state, True, low=place.id + 1 if place.waiting else 0)]
    return [] if place.waiting else [ListSegment(state, False, low=place.id + 1)]


@dataclass(frozen=True, slots=True)
class Listing:
    """One page of the list, with the places of its neighbors."""

    pages: list[Page]
    newer: ListPosition | None
    older: ListPosition | None


def listing(
    rows: Sequence[tuple[bool, Page]], place: ListPosition | None, limit: int, since: datetime, *, newer: bool
) -> Listing:
    """Return the listing of up to `limit` + 1 rows, which are in reading order."""
    shown = list(rows[:limit])
    more = len(rows) > limit
    if newer:
        shown.reverse()
    if not shown:
        return Listing(pages=[], newer=None, older=None)
    first, last = (ListPosition(waiting, page.id, since) for waiting, page in (shown[0], shown[-1]))
    return Listing(
        [page for _, page in shown],
        first if (more if newer else place is not None) else None,
        last if newer or more else None,
    )
