"""Duty as a calendar (spec 1.6): the same bytes for the same schedule, whenever it is asked for (pure)."""

import hashlib
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from icalendar import Calendar, Event, vCalAddress, vText

from firebell.oncall.calendars.model import AHEAD, BACK, Known
from firebell.oncall.model import Layer, Schedule, Shift
from firebell.oncall.rota.rotation import handoff, index_at, validity
from firebell.oncall.rota.shifts import between

REFRESH = timedelta(minutes=15)
_INSTANT = timedelta(seconds=1)
_LONGEST = timedelta(days=400)
"""A turn that is longer is not looked at whole; its beginning is then where the feed begins."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One event of a feed: a turn, or what edits made of a stretch; `key` names it for ever."""

    start: datetime
    end: datetime
    users: tuple[int, ...]
    cause: tuple[int | str, ...]
    key: str


@dataclass(frozen=True, slots=True)
class RenderedFeed:
    """A schedule and when it changed last."""

    schedule: Schedule
    changed_at: datetime


def horizon(now: datetime) -> tuple[datetime, datetime]:
    """Return the stretch that a feed shows: whole days, so that it is the same all day."""
    day = now.replace(hour=0, minute=0, second=0, microsecond=0)
    return day - BACK, day + AHEAD


def reach(now: datetime) -> tuple[datetime, datetime]:
    """Return the stretch in which a schedule must answer truly for its feed around `now`."""
    a, b = horizon(now)
    return a - _LONGEST, b + _LONGEST


def _reach(schedule: Schedule, a: datetime, b: datetime) -> tuple[datetime, datetime]:
    """Return `[a, b)` widened to whole turns and edits, so that no entry is cut by the horizon."""
    first, last = a, b
    for layer in schedule.layers:
        first = min(first, handoff(layer, index_at(layer, a)))
        last = max(last, handoff(layer, index_at(layer, b) + 1))
    for edit in schedule.edits:
        first = min(first, edit.start) if edit.start < a < edit.end else first
        last = max(last, edit.end) if edit.start < b < edit.end else last
    return max(first, a - _LONGEST), min(last, b + _LONGEST)


def _edges(schedule: Schedule) -> list[datetime]:
    extents = [t for layer in schedule.layers for t in validity(layer) if t]
    return sorted({*extents, *(t for e in schedule.edits for t in (e.start, e.end))})


def _by_cause(schedule: Schedule, runs: Sequence[Shift]) -> Iterator[Shift]:
    """Yield the runs cut wherever the same people are on duty for another reason."""
    edges = _edges(schedule)
    for run in runs:
        start, cause = run.start, run.cause
        for cut in edges[bisect_right(edges, run.start) : bisect_left(edges, run.end)]:
            found = between(schedule, cut, cut + _INSTANT)[0].cause
            if found != cause:
                yield replace(run, start=start, end=cut, cause=cause)
                start, cause = cut, found
        yield replace(run, start=start, cause=cause)


def _by_turn(layer: Layer, run: Shift) -> Iterator[tuple[Shift, int]]:
    start, k = run.start, index_at(layer, run.start)
    while (end := min(handoff(layer, k + 1), run.end)) < run.end:
        if start < end:
            yield replace(run, start=start, end=end), k
        start, k = end, k + 1
    yield replace(run, start=start), k


def entries(schedule: Schedule, a: datetime, b: datetime) -> list[Entry]:
    """Return what is on duty in `[a, b)` as whole turns; the gaps between them are duty's gaps."""
    first, last = _reach(schedule, a, b)
    layers = {layer.id: layer for layer in schedule.layers}
    found = []
    for run in _by_cause(schedule, [r for r in between(schedule, first, last) if r.users]):
        layer = layers.get(run.cause[0]) if len(run.cause) == 1 else None
        turns = _by_turn(layer, run) if layer else ((run, None),)
        for turn, k in turns:
            # iCalendar knows whole seconds: what fits between two of them would have no length
            if turn.start < b and turn.end > a and _second(turn.start) < _second(turn.end):
                found.append(_entry(schedule, turn, k, cut=turn.start == a - _LONGEST))
    return found


def _second(instant: datetime) -> int:
    return int(instant.timestamp())


def _entry(schedule: Schedule, run: Shift, k: int | None, *, cut: bool) -> Entry:
    cause, turn = "+".join(map(str, run.cause)), "" if k is None else k
    segment = "cut" if cut else _second(run.start)
    key = hashlib.sha256(f"{schedule.id}|{cause}|{turn}|{segment}".encode()).hexdigest()
    return Entry(run.start, run.end, tuple(int(u) for u in run.users), run.cause, key)


def tag(host: str, told: Sequence[RenderedFeed], people: Sequence[Known], now: datetime, subject: str) -> str:
    """Return a strong ETag: it differs whenever `calendar` would."""
    day = horizon(now)[0].date()
    schedules = [(t.schedule.id, t.schedule.name, t.schedule.version, t.changed_at.isoformat()) for t in told]
    gone = sorted({str(u) for t in told for u in t.schedule.inactive})
    names = [(p.id, p.name, p.email) for p in people]
    text = repr((3, subject, host, day.isoformat(), schedules, gone, names))
    return f'"{hashlib.sha256(text.encode()).hexdigest()[:32]}"'


def calendar(
    name: str,
    host: str,
    told: Sequence[RenderedFeed],
    people: Mapping[int, Known],
    now: datetime,
    only: int | None = None,
) -> bytes:
    """Return the calendar of these schedules around `now`; with `only`, of one person's shifts."""
    found = Calendar()
    found.add("prodid", "-//Firebell//On-call//EN")
    found.add("version", "2.0")
    found.add("method", "PUBLISH")
    # these are properties of no type that the library knows, so it would not escape them
    found.add("name", vText(name))
    found.add("x-wr-calname", vText(name))
    found.add("refresh-interval", REFRESH, parameters={"VALUE": "DURATION"})
    found.add("x-published-ttl", "PT15M")
    a, b = horizon(now)
    for one in told:
        taken = {edit.id: edit.reason for edit in one.schedule.edits if edit.rota}
        for entry in entries(one.schedule, a, b):
            if only is None or only in entry.users:
                event = _event(entry, one, people, host, personal=only is not None)
                for name, value in _why(entry, one.schedule.layers, taken).items():
                    event.add(name, vText(value))
                found.add_component(event)
    text: bytes = found.to_ical()
    return text


def _why(entry: Entry, layers: Sequence[Layer], taken: Mapping[int | str, str]) -> dict[str, str]:
    """Return what decided an entry: a rotation, an imported layer by its name in `taken`, or edits."""
    if entry.cause[-1] in taken:
        return {"x-firebell-layer": taken[entry.cause[-1]], "x-firebell-cause": "layer"}
    layer = next((x for x in layers if x.id == entry.cause[0]), None)
    named = {"x-firebell-layer": layer.name or str(layer.id)} if layer else {}
    return named | {"x-firebell-cause": "edit" if len(entry.cause) > 1 or not layer else "layer"}


def _event(
    entry: Entry, told: RenderedFeed, people: Mapping[int, Known], host: str, *, personal: bool
) -> Event:
    who = [people[u] for u in entry.users if u in people]
    schedule, event = told.schedule, Event()
    names = ", ".join(p.name for p in who) or "somebody who left"
    event.add("uid", f"{entry.key}@{host}")
    event.add("dtstamp", told.changed_at)
    event.add("last-modified", told.changed_at)
    event.add("sequence", schedule.version)
    event.add("dtstart", entry.start)
    event.add("dtend", entry.end)
    event.add("summary", f"On call: {schedule.name}" if personal else f"{names}: {schedule.name}")
    event.add("description", f"{names} on call for {schedule.name}.")
    event.add("transp", "TRANSPARENT")
    event.add("categories", ["on-call", schedule.name])
    event.add("x-firebell-schedule", schedule.slug)
    for person in who:
        attendee = vCalAddress(f"mailto:{person.email}")
        attendee.params["CN"] = vText(person.name)
        event.add("attendee", attendee, encode=False)
    return event
