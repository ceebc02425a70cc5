"""The events of a calendar, sorted into series (RFC 5545 3.8.4.7; pure)."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from firebell.oncall.calendars.recurrence_exceptions import UNREADABLE

_REVISED = ("LAST-MODIFIED", "DTSTAMP")
_NOT_CONTENT = {*_REVISED, "SEQUENCE", "CREATED"}


@dataclass(frozen=True, slots=True)
class Series:
    """An event and the changes to its single occurrences; `master` is None if only changes were sent.

    `shares_uid` says that other events of the calendar have its UID without being versions of it.
    """

    master: Any
    changes: tuple[Any, ...]
    shares_uid: bool = False

    @property
    def events(self) -> list[Any]:
        """The master, if there is one, and the changes."""
        return [*([] if self.master is None else [self.master]), *self.changes]


def series_of(calendar: Any) -> Iterator[Series]:
    """Yield the series of a calendar.

    Of several versions of one event the highest SEQUENCE counts, then the later revision. Events that begin at
    different times, or that say different things in the same revision, are no versions of each other, although
    they have one UID: all of them count.
    """
    by_uid: dict[str, list[Any]] = defaultdict(list)
    for number, event in enumerate(calendar.walk("VEVENT")):
        by_uid[str(event.get("UID", f"\x00{number}"))].append(event)
    for events in by_uid.values():
        changes = [e for e in events if "RECURRENCE-ID" in e]
        masters = _current_versions([e for e in events if "RECURRENCE-ID" not in e])
        if not masters:
            yield Series(None, tuple(changes))
            continue
        of_master: dict[int, list[Any]] = defaultdict(list)
        for change in changes:
            of_master[_master_of(change, masters)].append(change)
        for index, master in enumerate(masters):
            yield Series(master, tuple(of_master[index]), len(masters) > 1)


def latest_changes(changes: Sequence[Any]) -> list[Any]:
    """Return one change for each occurrence: the highest SEQUENCE, then the later text.

    The occurrence is the same in whatever zone it is written.
    """
    latest: dict[str, Any] = {}
    for change in changes:
        occurrence = _occurrence(change)
        if occurrence not in latest or _sequence(change) >= _sequence(latest[occurrence]):
            latest[occurrence] = change
    return list(latest.values())


def _current_versions(masters: Sequence[Any]) -> list[Any]:
    highest = max((_sequence(m) for m in masters), default=0)
    current: list[Any] = []
    for master in masters:
        if _sequence(master) < highest:
            continue
        position = next((i for i, m in enumerate(current) if _is_version(m, master)), None)
        if position is None:
            current.append(master)
        elif _revision(master) >= _revision(current[position]):
            current[position] = master
    return current


def _is_version(one: Any, other: Any) -> bool:
    if _instant_text(one.get("DTSTART")) != _instant_text(other.get("DTSTART")):
        return False
    return _revision(one) != _revision(other) or _content(one) == _content(other)


def _content(event: Any) -> list[tuple[str, str]]:
    return sorted((name, str(value)) for name, value in event.property_items() if name not in _NOT_CONTENT)


def _revision(event: Any) -> tuple[str, ...]:
    return tuple(_instant_text(event.get(name)) for name in _REVISED)


def _master_of(change: Any, masters: Sequence[Any]) -> int:
    """Return the index of the last master that begins at or before the occurrence that is changed."""
    occurrence = _day(change.get("RECURRENCE-ID"))
    before = [i for i, m in enumerate(masters) if _day(m.get("DTSTART")) <= occurrence]
    return max(before, key=lambda i: _day(masters[i].get("DTSTART")), default=0)


def _day(value: Any) -> date:
    try:
        at = value.dt
        return at.date() if isinstance(at, datetime) else date(at.year, at.month, at.day)
    except UNREADABLE:
        return date.max


def _sequence(event: Any) -> int:
    try:
        return int(event.get("SEQUENCE", 0))
    except UNREADABLE:
        return 0


def _occurrence(change: Any) -> str:
    return _instant_text(change.get("RECURRENCE-ID"))


def _instant_text(value: Any) -> str:
    """Return a time as text that is equal for the same instant in every zone, "" for none."""
    try:
        at = value.dt
        return at.astimezone(UTC).isoformat() if isinstance(at, datetime) and at.tzinfo else str(at)
    except UNREADABLE:
        return "" if value is None else str(value)
