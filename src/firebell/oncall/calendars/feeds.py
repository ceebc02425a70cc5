"""Schedules as iCalendar feeds ([spec 1.6](docs/spec/1-oncall.md)): equal schedules give equal bytes (pure).

The library is imported on first use: it takes a tenth of the time that a start takes to import everything.
"""

import hashlib
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from firebell.oncall.calendars.model import CALENDAR_LOOKAHEAD, FEED_LOOKBACK, KnownPerson
from firebell.oncall.model import Cause, Layer, Schedule, Shift
from firebell.oncall.rota.rotation import handoff, index_at, validity
from firebell.oncall.rota.shifts import between

if TYPE_CHECKING:
    from icalendar import Event

REFRESH = timedelta(minutes=15)
_INSTANT = timedelta(seconds=1)
_LONGEST_TURN = timedelta(days=400)
"""A longer turn is cut where the feed begins or ends."""


@dataclass(frozen=True, slots=True)
class FeedEvent:
    """One event of a feed: a turn, or an interval of overrides; `key` identifies it forever."""

    start: datetime
    end: datetime
    users: tuple[int, ...]
    cause: tuple[Cause, ...]
    key: str


@dataclass(frozen=True, slots=True)
class RenderedFeed:
    """A schedule and when it last changed."""

    schedule: Schedule
    changed_at: datetime


def horizon(now: datetime) -> tuple[datetime, datetime]:
    """Return the interval that a feed shows: whole days, so that it is the same all day."""
    day = now.replace(hour=0, minute=0, second=0, microsecond=0)
    return day - FEED_LOOKBACK, day + CALENDAR_LOOKAHEAD


def reach(now: datetime) -> tuple[datetime, datetime]:
    """Return the interval for which a schedule must be loaded for its feed around `now`."""
    a, b = horizon(now)
    return a - _LONGEST_TURN, b + _LONGEST_TURN


def _reach(schedule: Schedule, a: datetime, b: datetime) -> tuple[datetime, datetime]:
    """Return `[a, b)` widened to whole turns and overrides, so that the horizon cuts no entry."""
    first, last = a, b
    for layer in schedule.layers:
        first = min(first, handoff(layer, index_at(layer, a)))
        last = max(last, handoff(layer, index_at(layer, b) + 1))
    for edit in schedule.overrides:
        first = min(first, edit.start) if edit.start < a < edit.end else first
        last = max(last, edit.end) if edit.start < b < edit.end else last
    return max(first, a - _LONGEST_TURN), min(last, b + _LONGEST_TURN)


def _edges(schedule: Schedule) -> list[datetime]:
    extents = [t for layer in schedule.layers for t in validity(layer) if t]
    return sorted({*extents, *(t for e in schedule.overrides for t in (e.start, e.end))})


def _by_cause(schedule: Schedule, runs: Sequence[Shift]) -> Iterator[Shift]:
    """Yield the shifts, cut wherever the same people are on call for another reason."""
    edges = _edges(schedule)
    for run in runs:
        start, cause = run.start, run.cause
        for cut in edges[bisect_right(edges, run.start) : bisect_left(edges, run.end)]:
            next_cause = between(schedule, cut, cut + _INSTANT)[0].cause
            if next_cause != cause:
                yield replace(run, start=start, end=cut, cause=cause)
                start, cause = cut, next_cause
        yield replace(run, start=start, cause=cause)


def _by_turn(layer: Layer, run: Shift) -> Iterator[tuple[Shift, int]]:
    start, k = run.start, index_at(layer, run.start)
    while (end := min(handoff(layer, k + 1), run.end)) < run.end:
        if start < end:
            yield replace(run, start=start, end=end), k
        start, k = end, k + 1
    yield replace(run, start=start), k


def entries(schedule: Schedule, a: datetime, b: datetime) -> list[FeedEvent]:
    """Return who is on call in `[a, b)` as whole turns; gaps between them are coverage gaps."""
    first, last = _reach(schedule, a, b)
    layers: dict[Cause, Layer] = {layer.id: layer for layer in schedule.layers}
    events = []
    for run in _by_cause(schedule, [r for r in between(schedule, first, last) if r.users]):
        layer = layers.get(run.cause[0]) if len(run.cause) == 1 else None
        turns = _by_turn(layer, run) if layer else ((run, None),)
        for turn, k in turns:
            # iCalendar has whole seconds: anything shorter would have no length
            if turn.start < b and turn.end > a and _second(turn.start) < _second(turn.end):
                events.append(_entry(schedule, turn, k, cut=turn.start == a - _LONGEST_TURN))
    return events


def _second(instant: datetime) -> int:
    return int(instant.timestamp())


def _entry(schedule: Schedule, run: Shift, k: int | None, *, cut: bool) -> FeedEvent:
    cause, turn = "+".join(map(str, run.cause)), "" if k is None else k
    segment = "cut" if cut else _second(run.start)
    key = hashlib.sha256(f"{schedule.id}|{cause}|{turn}|{segment}".encode()).hexdigest()
    return FeedEvent(run.start, run.end, run.users, run.cause, key)


def tag(
    host: str, rendered: Sequence[RenderedFeed], people: Sequence[KnownPerson], now: datetime, subject: str
) -> str:
    """Return a strong ETag: it differs whenever `calendar` would."""
    day = horizon(now)[0].date()
    schedules = [
        (t.schedule.id, t.schedule.name, t.schedule.version, t.changed_at.isoformat()) for t in rendered
    ]
    gone = sorted({str(u) for t in rendered for u in t.schedule.inactive})
    names = [(p.id, p.name, p.email) for p in people]
    text = repr((3, subject, host, day.isoformat(), schedules, gone, names))
    return f'"{hashlib.sha256(text.encode()).hexdigest()[:32]}"'


def calendar(
    name: str,
    host: str,
    rendered: Sequence[RenderedFeed],
    people: Mapping[int, KnownPerson],
    now: datetime,
    only: int | None = None,
) -> bytes:
    """Return the calendar of these schedules around `now`; with `only`, of one person's shifts."""
    from icalendar import Calendar, vText

    ical = Calendar()
    ical.add("prodid", "-//Firebell//On-call//EN")
    ical.add("version", "2.0")
    ical.add("method", "PUBLISH")
    # the library does not know the type of these properties, so it would not escape them
    ical.add("name", vText(name))
    ical.add("x-wr-calname", vText(name))
    ical.add("refresh-interval", REFRESH, parameters={"VALUE": "DURATION"})
    ical.add("x-published-ttl", "PT15M")
    a, b = horizon(now)
    for feed in rendered:
        imported: dict[Cause, str] = {
            override.import_key: override.reason for override in feed.schedule.overrides if override.rota
        }
        for entry in entries(feed.schedule, a, b):
            if only is None or only in entry.users:
                event = _event(entry, feed, people, host, personal=only is not None)
                for name, value in _why(entry, feed.schedule.layers, imported).items():
                    event.add(name, vText(value))
                ical.add_component(event)
    text: bytes = ical.to_ical()
    return text


def _why(entry: FeedEvent, layers: Sequence[Layer], imported: Mapping[Cause, str]) -> dict[str, str]:
    """Return why an entry's people are on call: a rotation, an imported layer named in `imported`, or overrides."""
    if entry.cause[-1] in imported:
        return {"x-firebell-layer": imported[entry.cause[-1]], "x-firebell-cause": "layer"}
    layer = next((x for x in layers if x.id == entry.cause[0]), None)
    named = {"x-firebell-layer": layer.name or str(layer.id)} if layer else {}
    return named | {"x-firebell-cause": "edit" if len(entry.cause) > 1 or not layer else "layer"}


def _event(
    entry: FeedEvent, feed: RenderedFeed, people: Mapping[int, KnownPerson], host: str, *, personal: bool
) -> "Event":
    from icalendar import Event, vCalAddress, vText

    on_call = [people[u] for u in entry.users if u in people]
    schedule, event = feed.schedule, Event()
    names = ", ".join(p.name for p in on_call) or "Former member"
    event.add("uid", f"{entry.key}@{host}")
    event.add("dtstamp", feed.changed_at)
    event.add("last-modified", feed.changed_at)
    event.add("sequence", schedule.version)
    event.add("dtstart", entry.start)
    event.add("dtend", entry.end)
    event.add("summary", f"On call: {schedule.name}" if personal else f"{names}: {schedule.name}")
    event.add("description", f"{names} on call for {schedule.name}.")
    event.add("transp", "TRANSPARENT")
    event.add("categories", ["on-call", schedule.name])
    event.add("x-firebell-schedule", schedule.slug)
    for person in on_call:
        attendee = vCalAddress(f"mailto:{person.email}")
        attendee.params["CN"] = vText(person.name)
        event.add("attendee", attendee, encode=False)
    return event
