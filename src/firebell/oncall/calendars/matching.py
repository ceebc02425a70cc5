"""Matches events to people, and turns them into shifts that do not overlap (pure)."""

import itertools
import re
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from unicodedata import normalize

from firebell.oncall.calendars.model import Conflict, Event, Import, ImportedShift, Known, Place, Stray, Use
from firebell.oncall.model import Schedule, User
from firebell.oncall.rota.shifts import between


def _plain(text: str) -> str:
    return normalize("NFKC", text).casefold().strip()


def _names() -> tuple[Callable[[Known], str], ...]:
    return (lambda p: p.email, lambda p: p.name, lambda p: p.email.partition("@")[0])


def _within(word: str, text: str) -> bool:
    return bool(word) and re.search(rf"(?<![\w.@-]){re.escape(word)}(?![\w@-]|\.\w)", text) is not None


def who(event: Event, people: Sequence[Known]) -> tuple[int, ...]:
    """Return the people whom an event puts on call: its attendees, else the one person whom its title names.

    An email address takes priority over a full name, and that over the part before the @. A title that matches
    two people by the same kind of name matches no one. Someone who declined the event is not on call, even if
    its title names them.
    """
    by_email = {_plain(p.email): p.id for p in people}
    declined = {_plain(email) for email in event.declined}
    attending = dict.fromkeys(by_email[e] for e in map(_plain, event.emails) if e in by_email)
    if attending:
        return tuple(attending)
    title = _plain(event.title)
    for name in _names():
        named = {p.id: _plain(p.email) for p in people if _within(_plain(name(p)), title)}
        if named:
            return tuple(named) if len(named) == 1 and not declined.intersection(named.values()) else ()
    return ()


def busy_events(events: Sequence[Event], person: Known | None) -> list[Event]:
    """Return the events that make a person busy: neither marked as free nor declined by them."""
    email = _plain(person.email) if person else ""
    return [e for e in events if not e.free and email not in map(_plain, e.declined)]


def matched(
    events: Sequence[Event], people: Sequence[Known], a: datetime, b: datetime
) -> tuple[list[ImportedShift], list[Stray]]:
    """Return the shifts in `[a, b)`, and the events in it that match no one."""
    inside = [e for e in events if e.start < b and e.end > a]
    named = [(e, who(e, people)) for e in inside]
    strays = [Stray(e.start, e.end, e.title) for e, users in named if not users]
    return flat([ImportedShift(e.start, e.end, users, e.title) for e, users in named if users], a, b), strays


def from_the_top(imports: Sequence[Import]) -> list[Import]:
    """Return a schedule's calendars, highest priority first; those that put no one on call come last."""
    rank = {(Use.OVERRIDE, Place.ABOVE): 0, (Use.LAYER, Place.ABOVE): 1, (Use.LAYER, Place.BELOW): 2}
    return sorted(imports, key=lambda i: (rank.get((i.use, i.place), 3), -i.id))


def flat(shifts: Sequence[ImportedShift], a: datetime, b: datetime) -> list[ImportedShift]:
    """Return the shifts in `[a, b)` without overlap: people of overlapping shifts are on call together."""
    begin: dict[datetime, list[int]] = defaultdict(list)
    cease: dict[datetime, list[int]] = defaultdict(list)
    for number, shift in enumerate(shifts):
        begin[max(shift.start, a)].append(number)
        cease[min(shift.end, b)].append(number)
    open_: dict[int, None] = {}
    imported_shifts: list[ImportedShift] = []
    cuts = sorted({*begin, *cease})
    for start, end in itertools.pairwise(cuts):
        for number in cease[start]:
            open_.pop(number, None)
        open_.update(dict.fromkeys(begin[start]))
        if open_:
            now = [shifts[i] for i in sorted(open_)]
            users = tuple(dict.fromkeys(u for s in now for u in s.users))
            title = ", ".join(dict.fromkeys(s.title for s in now))
            if imported_shifts and (
                imported_shifts[-1].end,
                imported_shifts[-1].users,
                imported_shifts[-1].title,
            ) == (start, users, title):
                start = imported_shifts.pop().start
            imported_shifts.append(ImportedShift(start, end, users, title))
    return imported_shifts


def onward(
    before: Sequence[ImportedShift], after: Sequence[ImportedShift], now: datetime
) -> list[ImportedShift]:
    """Return `before` until `now` and `after` from then on: the past is never rewritten."""
    past = [replace(s, end=min(s.end, now)) for s in before if s.start < now]
    ahead = [replace(s, start=max(s.start, now)) for s in after if s.end > now]
    if past and ahead:
        joined = replace(past[-1], end=ahead[0].end)
        if past[-1].end == ahead[0].start and joined == replace(ahead[0], start=joined.start):
            return [*past[:-1], joined, *ahead[1:]]
    return [*past, *ahead]


def conflicts(
    schedules: Sequence[Schedule], busy: Sequence[ImportedShift], a: datetime, b: datetime
) -> list[Conflict]:
    """Return when people are on call while busy (S-BUSY); each busy time names one person."""
    busy_by_user: dict[User, list[ImportedShift]] = defaultdict(list)
    for shift in busy:
        busy_by_user[shift.users[0]].append(shift)
    conflicts_ = []
    for schedule in schedules if busy else ():
        for run in between(schedule, a, b):
            conflicts_ += [
                Conflict(
                    shift.users[0],
                    schedule.slug,
                    max(run.start, shift.start),
                    min(run.end, shift.end),
                    shift.title,
                )
                for user in run.users
                for shift in busy_by_user.get(user, ())
                if shift.start < run.end and shift.end > run.start
            ]
    return sorted(conflicts_, key=lambda c: (c.start, c.person_id, c.schedule))
