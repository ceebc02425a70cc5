"""A schedule as a calendar: the export agrees with who is on call, and is stable."""

import itertools
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import icalendar
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from firebell.oncall.calendars import feeds
from firebell.oncall.calendars.feeds import RenderedFeed, calendar, entries, horizon
from firebell.oncall.calendars.ical_parser import read
from firebell.oncall.calendars.model import KnownPerson
from firebell.oncall.calendars.person_matching import matched
from firebell.oncall.model import Layer, Override, OverrideKind, Schedule, Unit
from firebell.oncall.rota.shifts import between
from tests.rules.budget import examples
from tests.rules.test_oncall_properties import schedules

NOW = datetime(2026, 11, 24, 3, 14, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
PEOPLE = {
    1: KnownPerson(1, "Mara Lindqvist", "mara@example.org"),
    2: KnownPerson(2, 'Jun "J" Okafor; x, y', "jun@example.org"),
    3: KnownPerson(3, "Zoë 🔔", "zoe@example.org"),
    4: KnownPerson(4, "Ada\\Ng", "ada@example.org"),
}
WEEKLY = Layer(
    7,
    ((1,), (2,)),
    datetime.fromisoformat("2026-11-02T09:00"),
    Unit.WEEK,
    1,
    "Europe/Berlin",
    name="Rotation",
)


def schedule(*layers: Layer, edits: tuple[Override, ...] = ()) -> Schedule:
    return Schedule(3, "Payments", "Europe/Berlin", layers, edits, version=4, slug="payments")


def exported(rota: Schedule, now: datetime = NOW, only: int | None = None) -> icalendar.Calendar:
    parsed = icalendar.Calendar.from_ical(calendar("x", "host", [RenderedFeed(rota, NOW)], PEOPLE, now, only))
    assert isinstance(parsed, icalendar.Calendar)
    return parsed


def without_short_turns(rota: Schedule) -> Schedule:
    """Return a drawn schedule without turns of a few hours over half a year."""
    layers = tuple(
        replace(layer, unit=Unit.DAY if layer.unit is Unit.HOUR and layer.every < 8 else layer.unit)
        for layer in rota.layers
    )
    return replace(rota, id=3, layers=layers)


@settings(max_examples=examples(6), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(schedules())
def test_p16_what_is_exported_and_taken_in_again_is_the_same_duty(drawn: tuple[Schedule, datetime]) -> None:
    rota, at = without_short_turns(drawn[0]), drawn[1]
    a, b = horizon(at)
    events, notes = read(calendar("x", "host", [RenderedFeed(rota, NOW)], PEOPLE, at), "UTC", a, b)
    shifts, strays = matched(events, list(PEOPLE.values()), a, b)
    again = tuple(Override(i, i, s.start, s.end, OverrideKind.SET, s.users) for i, s in enumerate(shifts))
    before = [(r.start, r.end, r.users) for r in between(rota, a, b)]
    assert [
        (r.start, r.end, r.users) for r in between(replace(rota, layers=(), overrides=again), a, b)
    ] == before
    assert (strays, notes) == ([], [])


def test_an_event_keeps_its_name_and_its_times_as_the_days_go_on() -> None:
    moved = Override(5, 5, NOW + DAY, NOW + DAY + 5 * HOUR, OverrideKind.SET, (2,))
    monthly = replace(WEEKLY, slots=((3,),), unit=Unit.MONTH)
    for rota in (
        schedule(WEEKLY, edits=(moved,)),
        schedule(monthly),
        schedule(replace(WEEKLY, slots=((1,),))),
    ):
        first = {e.key: (e.start, e.end, e.users) for e in entries(rota, *horizon(NOW))}
        for days in range(1, 40):
            later = entries(rota, *horizon(NOW + days * DAY))
            assert len({e.key for e in later}) == len(later)
            assert all(
                first.get(e.key, (e.start, e.end, e.users)) == (e.start, e.end, e.users) for e in later
            )
            shared = [e for e in later if e.start < NOW + 100 * DAY]
            assert all(e.key in first for e in shared)


def test_a_turn_of_ten_years_is_one_event_for_years() -> None:
    decade = schedule(replace(WEEKLY, unit=Unit.MONTH, every=120))
    days = (0, 1, 100, 600, 601, 2000)
    assert len({e.key for d in days for e in entries(decade, *horizon(NOW + d * DAY))}) <= 2


def test_an_override_leaves_the_other_events_their_names() -> None:
    before = {e.key for e in entries(schedule(WEEKLY), *horizon(NOW))}
    cover = Override(5, 5, NOW + DAY, NOW + DAY + HOUR, OverrideKind.SET, (2,))
    after = entries(schedule(WEEKLY, edits=(cover,)), *horizon(NOW))
    assert len([e for e in after if e.key not in before]) <= 2
    assert [e.cause for e in after if e.start == cover.start] == [(7, 5)]


def test_the_feed_is_the_same_bytes_all_day_and_its_tag_tells_every_change() -> None:
    rendered_feed = RenderedFeed(schedule(WEEKLY), NOW)
    people = list(PEOPLE.values())
    assert calendar("x", "h", [rendered_feed], PEOPLE, NOW) == calendar(
        "x", "h", [rendered_feed], PEOPLE, NOW + 20 * HOUR
    )
    tag = feeds.tag("h", [rendered_feed], people, NOW, "person:1")
    assert tag == feeds.tag("h", [rendered_feed], people, NOW + 20 * HOUR, "person:1")
    assert tag.startswith('"')
    others = [
        feeds.tag("h", [rendered_feed], people, NOW + DAY, "person:1"),
        feeds.tag("h", [rendered_feed], people[1:], NOW, "person:1"),
        feeds.tag(
            "h",
            [replace(rendered_feed, schedule=replace(rendered_feed.schedule, version=5))],
            people,
            NOW,
            "person:1",
        ),
        feeds.tag("h", [replace(rendered_feed, changed_at=NOW + HOUR)], people, NOW, "person:1"),
        feeds.tag(
            "h",
            [replace(rendered_feed, schedule=replace(rendered_feed.schedule, inactive=frozenset({1})))],
            people,
            NOW,
            "person:1",
        ),
    ]
    assert len({tag, *others}) == 6


def test_what_is_sent_keeps_the_letter_of_the_standard() -> None:
    long = replace(WEEKLY, slots=((2, 3), (4,)), name="ü" * 70)
    rota = replace(schedule(long), name="Zürich; a, b \\ c 🔔 " + "ü" * 60)
    raw = calendar("On call", "host", [RenderedFeed(rota, NOW)], PEOPLE, NOW)
    lines = raw.split(b"\r\n")
    assert raw.endswith(b"END:VCALENDAR\r\n")
    assert not any(b"\n" in line or b"\r" in line for line in lines)
    assert max(map(len, lines)) <= 75
    assert [line.decode() for line in lines], "no character is split"
    assert b"REFRESH-INTERVAL;VALUE=DURATION:PT15M" in lines
    event: Any = exported(rota).walk("VEVENT")[0]
    assert str(event["SUMMARY"]) == f'Jun "J" Okafor; x, y, Zoë 🔔: {rota.name}'
    assert [str(a) for a in event["ATTENDEE"]] == ["mailto:jun@example.org", "mailto:zoe@example.org"]
    assert event["DTSTART"].to_ical() == b"20261102T080000Z"
    assert (event["SEQUENCE"], event["DTSTAMP"].dt, event["LAST-MODIFIED"].dt) == (4, NOW, NOW)
    assert (str(event["TRANSP"]), str(event["X-FIREBELL-CAUSE"])) == ("TRANSPARENT", "layer")
    assert str(event["UID"]).endswith("@host")


def test_my_feed_shows_my_shifts_alone() -> None:
    mine = exported(schedule(WEEKLY), only=2).walk("VEVENT")
    assert {str(e["SUMMARY"]) for e in mine} == {"On call: Payments"}
    assert len(mine) == len([e for e in entries(schedule(WEEKLY), *horizon(NOW)) if e.users == (2,)])


@settings(max_examples=examples(15), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(schedules(), st.integers(0, 900), st.integers(0, 900))
def test_a_feed_is_the_same_without_the_history_that_it_does_not_reach(
    drawn: tuple[Schedule, datetime], back: int, ahead: int
) -> None:
    rota, at = without_short_turns(drawn[0]), drawn[1]
    far = (
        Override(900, 900, at - (back + 2) * DAY, at - back * DAY, OverrideKind.SET, (1,)),
        Override(901, 901, at + ahead * DAY, at + (ahead + 2) * DAY, OverrideKind.ADD, (2,)),
    )
    rota = replace(rota, overrides=(*rota.overrides, *far))
    since, until = feeds.reach(at)
    short = replace(
        rota,
        layers=tuple(
            x
            for x in rota.layers
            if (x.end is None or x.end > since) and (x.start is None or x.start < until)
        ),
        overrides=tuple(e for e in rota.overrides if e.end > since and e.start < until),
    )
    assert entries(short, *horizon(at)) == entries(rota, *horizon(at))


def test_the_name_of_a_feed_is_escaped() -> None:
    name = 'On call: Nächte, "A"; B\\C'
    text = (
        calendar(name, "host", [RenderedFeed(schedule(WEEKLY), NOW)], PEOPLE, NOW)
        .decode()
        .replace("\r\n ", "")
    )
    for prop in ("NAME", "X-WR-CALNAME"):
        assert f'\r\n{prop}:On call: Nächte\\, "A"\\; B\\\\C\r\n' in text


def test_two_changes_within_a_second_give_no_event_without_length_and_no_uid_twice() -> None:
    begin = NOW + timedelta(days=1, milliseconds=200)
    instants = [begin, begin + timedelta(milliseconds=300), begin + timedelta(hours=5)]
    edits = tuple(
        Override(i, 1, a, b, OverrideKind.SET, (1 + i % 2,))
        for i, (a, b) in enumerate(itertools.pairwise(instants))
    )
    events: list[Any] = exported(schedule(WEEKLY, edits=edits)).walk("VEVENT")
    uids = [str(e["UID"]) for e in events]
    assert len(uids) == len(set(uids))
    assert all(e["DTSTART"].dt < e["DTEND"].dt for e in events)
