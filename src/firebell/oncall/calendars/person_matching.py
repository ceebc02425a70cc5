"""Matches events to people, and turns them into shifts that do not overlap (pure)."""

import itertools
import re
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from unicodedata import normalize

from firebell.kit.intervals import joined
from firebell.oncall.calendars.model import (
    CalendarEvent,
    Import,
    ImportedShift,
    KnownPerson,
    LayerPlace,
    UnmatchedShift,
    Use,
)


def plain(text: str) -> str:
    """Return a name or an address in the form in which it is compared."""
    return normalize("NFKC", text).casefold().strip()


def _names() -> tuple[Callable[[KnownPerson], str], ...]:
    return (lambda p: p.email, lambda p: p.name, lambda p: p.email.partition("@")[0])


def _within(word: str, text: str) -> bool:
    return bool(word) and re.search(rf"(?<![\w.@-]){re.escape(word)}(?![\w@-]|\.\w)", text) is not None


def who(event: CalendarEvent, people: Sequence[KnownPerson]) -> tuple[int, ...]:
    """Return the people whom an event puts on call: its attendees, else the one person whom its title names.

    An email address takes priority over a full name, and that over the part before the @. A title that matches
    two people by the same kind of name matches no one. Someone who declined the event is not on call, even if
    its title names them.
    """
    by_email = {plain(p.email): p.id for p in people}
    declined = {plain(email) for email in event.declined}
    attending = dict.fromkeys(by_email[e] for e in map(plain, event.emails) if e in by_email)
    if attending:
        return tuple(attending)
    title = plain(event.title)
    for name in _names():
        named = {p.id: plain(p.email) for p in people if _within(plain(name(p)), title)}
        if named:
            return tuple(named) if len(named) == 1 and not declined.intersection(named.values()) else ()
    return ()


def matched(
    events: Sequence[CalendarEvent], people: Sequence[KnownPerson], a: datetime, b: datetime
) -> tuple[list[ImportedShift], list[UnmatchedShift]]:
    """Return the shifts in `[a, b)`, and the events in it that match no one."""
    inside = [e for e in events if e.start < b and e.end > a]
    named = [(e, who(e, people)) for e in inside]
    strays = [UnmatchedShift(e.start, e.end, e.title) for e, users in named if not users]
    return flat([ImportedShift(e.start, e.end, users, e.title) for e, users in named if users], a, b), strays


def from_the_top(imports: Sequence[Import]) -> list[Import]:
    """Return a schedule's calendars, highest priority first; those that put no one on call come last."""
    rank = {
        (Use.OVERRIDE, LayerPlace.ABOVE): 0,
        (Use.LAYER, LayerPlace.ABOVE): 1,
        (Use.LAYER, LayerPlace.BELOW): 2,
    }
    return sorted(imports, key=lambda i: (rank.get((i.use, i.place), 3), -i.id))


def flat(shifts: Sequence[ImportedShift], a: datetime, b: datetime) -> list[ImportedShift]:
    """Return the shifts in `[a, b)` without overlap: people of overlapping shifts are on call together."""
    begin: dict[datetime, list[int]] = defaultdict(list)
    cease: dict[datetime, list[int]] = defaultdict(list)
    for number, shift in enumerate(shifts):
        begin[max(shift.start, a)].append(number)
        cease[min(shift.end, b)].append(number)
    current: dict[int, None] = {}
    pieces = []
    for start, end in itertools.pairwise(sorted({*begin, *cease})):
        for number in cease[start]:
            current.pop(number, None)
        current.update(dict.fromkeys(begin[start]))
        if current:
            overlapping = [shifts[i] for i in sorted(current)]
            users = tuple(dict.fromkeys(u for s in overlapping for u in s.users))
            title = ", ".join(dict.fromkeys(s.title for s in overlapping))
            pieces.append((start, end, (users, title)))
    return [ImportedShift(start, end, users, title) for start, end, (users, title) in joined(pieces)]


def onward(
    before: Sequence[ImportedShift], after: Sequence[ImportedShift], now: datetime
) -> list[ImportedShift]:
    """Return `before` until `now` and `after` from then on: the past is never rewritten."""
    past = [replace(s, end=min(s.end, now)) for s in before if s.start < now]
    ahead = [replace(s, start=max(s.start, now)) for s in after if s.end > now]
    pieces = joined((s.start, s.end, (s.users, s.title, s.place)) for s in (*past, *ahead))
    return [ImportedShift(start, end, *shift) for start, end, shift in pieces]
