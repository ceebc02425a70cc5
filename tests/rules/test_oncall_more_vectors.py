"""More vectors, worked out by hand: `instant users` pairs in UTC, `-` is a gap, the last lasts to the end."""

from datetime import UTC, datetime
from typing import Any

import pytest

from firebell.oncall.model import Layer, Override, OverrideKind, Schedule, Unit, Window
from firebell.oncall.rota.shifts import at, between

ALWAYS = datetime(1990, 1, 1, tzinfo=UTC)
WEEK = frozenset(range(7))
WORKDAYS = frozenset(range(5))
PEOPLE = {"a": 1, "b": 2, "c": 3, "d": 4, "gone": 5}


def t(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def layer(anchor: str, unit: str = "day", tz: str = "UTC", people: str = "a b", **more: Any) -> Layer:
    """Return a layer of slots such as "a b" or "a+b c"."""
    slots = tuple(tuple(PEOPLE[name] for name in slot.split("+")) for slot in people.split())
    return Layer(1, slots, datetime.fromisoformat(anchor), Unit(unit), more.pop("every", 1), tz, **more)


def edit(seq: int, start: str, end: str, kind: str, users: str = "", **mapping: str) -> Override:
    substitutes = {PEOPLE[old]: PEOPLE[new] for old, new in mapping.items()}
    people = tuple(PEOPLE[name] for name in users.split())
    return Override(seq, seq, t(start), t(end), OverrideKind(kind), people, substitutes)


BASE = layer("2026-01-05T00:00", "week", people="a b")
SUN = (
    layer("2026-01-01T00:00", people="a", tz="Asia/Tokyo", windows=(Window(540, 480, WEEK),)),
    layer("2026-01-01T00:00", people="b", tz="Europe/London", windows=(Window(480, 540, WEEK),)),
    layer("2026-01-01T00:00", people="c", tz="America/New_York", windows=(Window(720, 420, WEEK),)),
)
VECTORS: dict[str, tuple[tuple[Layer, ...], tuple[Override, ...], str, str]] = {
    "R05 months before the anchor, clamped too": (
        (layer("2026-01-31T09:00", "month", start=ALWAYS),),
        (),
        "2025-11-15T00:00 b ; 2025-11-30T09:00 a ; 2025-12-31T09:00 b ; 2026-01-31T09:00 a",
        "2026-02-01T00:00",
    ),
    "M03 every third month from the 30th: 28 Feb, then 30 May": (
        (layer("2025-11-30T09:00", "month", every=3),),
        (),
        "2025-11-30T09:00 a ; 2026-02-28T09:00 b ; 2026-05-30T09:00 a",
        "2026-05-31T00:00",
    ),
    "D03 Casablanca, Ramadan ends: 02:30 is skipped and becomes 02:00Z": (
        (layer("2026-03-20T02:30", tz="Africa/Casablanca"),),
        (),
        "2026-03-20T02:30 a ; 2026-03-21T02:30 b ; 2026-03-22T02:00 a ; 2026-03-23T01:30 b",
        "2026-03-23T02:00",
    ),
    "D08 Lord Howe, autumn: 01:45 comes twice, the first counts": (
        (layer("2026-04-04T01:45", tz="Australia/Lord_Howe"),),
        (),
        "2026-04-03T14:45 a ; 2026-04-04T14:45 b ; 2026-04-05T15:15 a",
        "2026-04-06T00:00",
    ),
    "D12 Casablanca, Ramadan begins: 02:30 comes twice": (
        (layer("2026-02-14T02:30", tz="Africa/Casablanca"),),
        (),
        "2026-02-14T01:30 a ; 2026-02-15T01:30 b ; 2026-02-16T02:30 a",
        "2026-02-16T03:00",
    ),
    "D15 Troll jumps two hours: the turns of 01:00 and 02:00 have no length": (
        (layer("2026-03-29T00:00", "hour", tz="Antarctica/Troll", people="a b c"),),
        (),
        "2026-03-29T00:00 a ; 2026-03-29T02:00 b ; 2026-03-29T03:00 c",
        "2026-03-29T03:30",
    ),
    "W05 Friday 17:00 to Monday 09:00 over spring forward in Berlin": (
        (
            layer(
                "2026-01-05T00:00",
                people="a",
                tz="Europe/Berlin",
                windows=(Window(1020, 3840, frozenset({4})),),
            ),
        ),
        (),
        "2026-03-27T15:00 - ; 2026-03-27T16:00 a ; 2026-03-30T07:00 -",
        "2026-03-30T09:00",
    ),
    "W09 Sao Paulo skips midnight: 23:00 to 01:00 is one hour": (
        (
            layer(
                "2018-11-01T00:00",
                people="a",
                tz="America/Sao_Paulo",
                windows=(Window(1380, 120, frozenset({5})),),
            ),
        ),
        (),
        "2018-11-04T01:00 - ; 2018-11-04T02:00 a ; 2018-11-04T03:00 -",
        "2018-11-04T05:00",
    ),
    "W13 turns advance on closed days too": (
        (layer("2026-01-05T00:00", windows=(Window(0, 1440, WORKDAYS),)),),
        (),
        "2026-01-09T00:00 a ; 2026-01-10T00:00 - ; 2026-01-12T00:00 b",
        "2026-01-13T00:00",
    ),
    "C03 two on duty, one of them left": (
        (layer("2026-01-05T00:00", people="a+gone b"),),
        (),
        "2026-01-05T00:00 a ; 2026-01-06T00:00 b",
        "2026-01-07T00:00",
    ),
    "C06 follow the sun in summer: the plan of January has a gap": (
        SUN,
        (),
        "2026-07-07T00:00 a ; 2026-07-07T07:00 b ; 2026-07-07T16:00 c ; 2026-07-07T23:00 -",
        "2026-07-08T00:00",
    ),
    "E03 a later edit acts on what an earlier one left": (
        (BASE,),
        (
            edit(1, "2026-01-05T06:00", "2026-01-05T12:00", "set", "c"),
            edit(2, "2026-01-05T08:00", "2026-01-05T10:00", "map", c="d"),
        ),
        "2026-01-05T00:00 a ; 2026-01-05T06:00 c ; 2026-01-05T08:00 d ; 2026-01-05T10:00 c ; 2026-01-05T12:00 a",
        "2026-01-05T18:00",
    ),
    "E06 one is taken off while another is added": (
        (BASE,),
        (
            edit(1, "2026-01-05T00:00", "2026-01-05T12:00", "remove", "a"),
            edit(2, "2026-01-05T06:00", "2026-01-05T18:00", "add", "b"),
        ),
        "2026-01-05T00:00 - ; 2026-01-05T06:00 b ; 2026-01-05T12:00 a+b ; 2026-01-05T18:00 a",
        "2026-01-06T00:00",
    ),
    "E09 both of a slot swap: the order is theirs": (
        (layer("2026-01-05T00:00", people="a+b"),),
        (edit(1, "2026-01-05T06:00", "2026-01-05T12:00", "map", a="b", b="a"),),
        "2026-01-05T00:00 a+b ; 2026-01-05T06:00 b+a ; 2026-01-05T12:00 a+b",
        "2026-01-06T00:00",
    ),
    "E11 an override reaches before the first turn": (
        (layer("2026-01-05T09:00", people="a"),),
        (edit(1, "2026-01-05T00:00", "2026-01-05T10:00", "set", "c"),),
        "2026-01-05T00:00 c ; 2026-01-05T10:00 a",
        "2026-01-06T00:00",
    ),
}


@pytest.mark.parametrize("name", VECTORS)
def test_more_vectors(name: str) -> None:
    layers, edits, text, end = VECTORS[name]
    schedule = Schedule(1, name, "UTC", layers, edits, frozenset({PEOPLE["gone"]}))
    pairs = [pair.split() for pair in text.split(" ; ")]
    starts = [t(start) for start, _ in pairs]
    users = [() if who == "-" else tuple(PEOPLE[name] for name in who.split("+")) for _, who in pairs]
    expected = list(zip(starts, [*starts[1:], t(end)], users, strict=True))
    assert [(r.start, r.end, r.users) for r in between(schedule, starts[0], t(end))] == expected
    assert [at(schedule, start) for start in starts] == users
