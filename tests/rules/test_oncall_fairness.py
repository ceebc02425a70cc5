"""Workload adds up, and no one loses or gains an hour when clocks change."""

import itertools
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firebell.kit.intervals import union
from firebell.kit.localtime import to_local
from firebell.oncall.model import Layer, Override, OverrideKind, Schedule, Unit, User
from firebell.oncall.rota.fairness import (
    HourClass,
    Load,
    class_of,
    compare_with_mean,
    load,
    night_of,
    parts,
    suggested,
)
from firebell.oncall.rota.shifts import intervals_by_user

ZONES = (
    *("UTC", "Europe/Stockholm", "America/New_York", "Australia/Lord_Howe", "America/Havana"),
    *("Pacific/Apia", "Africa/Casablanca", "Antarctica/Troll", "Asia/Kolkata"),
)
MARA, JUN, ADA, KIM = PEOPLE = range(1, 5)
START = datetime(2011, 12, 1, tzinfo=UTC)
instants = st.integers(0, 400 * 24 * 60).map(lambda m: START + timedelta(minutes=m))
zones = st.sampled_from(ZONES)


def weekly(*users: int, tz: str = "UTC", unit: Unit = Unit.WEEK, every: int = 1, hour: int = 9) -> Layer:
    anchor = datetime(2011, 11, 28, hour, tzinfo=UTC).replace(tzinfo=None)
    return Layer(1, tuple((u,) for u in users), anchor, unit, every, tz)


def schedule(*layers: Layer, edits: tuple[Override, ...] = (), id_: int = 1) -> Schedule:
    return Schedule(id_, f"S{id_}", "UTC", layers, edits)


@st.composite
def schedules(draw: st.DrawFn) -> list[Schedule]:
    drawn = []
    for number in range(draw(st.integers(1, 3))):
        people = draw(st.lists(st.sampled_from(PEOPLE), min_size=1, max_size=4))
        layer = weekly(
            *people,
            tz=draw(zones),
            unit=draw(st.sampled_from([Unit.HOUR, Unit.DAY, Unit.WEEK])),
            every=draw(st.integers(1, 9)),
            hour=draw(st.integers(0, 23)),
        )
        edits = tuple(
            Override(i, i, at, at + timedelta(minutes=draw(st.integers(1, 5000))), OverrideKind.SET, (who,))
            for i, (at, who) in enumerate(
                draw(st.lists(st.tuples(instants, st.sampled_from(PEOPLE)), max_size=3))
            )
        )
        drawn.append(schedule(layer, edits=edits, id_=number))
    return drawn


def summed(first: Mapping[User, Load], second: Mapping[User, Load]) -> dict[User, Load]:
    return {u: first.get(u, Load()) + second.get(u, Load()) for u in {*first, *second}}


@settings(deadline=None)
@given(schedules(), zones, instants, st.integers(0, 40000), st.integers(0, 40000))
def test_loads_of_adjacent_intervals_add_up(
    rotas: list[Schedule], tz: str, a: datetime, first: int, second: int
) -> None:
    b = a + timedelta(minutes=first)
    c = b + timedelta(minutes=second)
    holidays = {date(2011, 12, 25), date(2012, 1, 1)}

    def of(low: datetime, high: datetime) -> dict[User, Load]:
        return load(rotas, low, high, lambda _: tz, lambda _: holidays)

    assert summed(of(a, b), of(b, c)) == of(a, c)


@settings(deadline=None)
@given(schedules(), zones, instants, st.integers(1, 60000))
def test_every_hour_on_duty_counts_in_exactly_one_class(
    rotas: list[Schedule], tz: str, a: datetime, minutes: int
) -> None:
    b = a + timedelta(minutes=minutes)
    for user, carried in load(rotas, a, b, lambda _: tz, lambda _: {date(2011, 12, 30)}).items():
        on_duty = union([s for one in rotas for s in intervals_by_user(one, a, b).get(user, [])])
        exact = sum((end - start for start, end in on_duty), timedelta())
        assert carried.hours == exact
        assert sum(carried.by_class.values(), timedelta()) == exact


@settings(deadline=None)
@given(zones, instants, st.integers(1, 30000))
def test_the_parts_of_an_interval_cover_it_without_a_hole(tz: str, a: datetime, minutes: int) -> None:
    b = a + timedelta(minutes=minutes)
    pieces = list(parts(a, b, tz))
    assert pieces[0].start == a
    assert pieces[-1].end == b
    assert all(one.end == two.start for one, two in itertools.pairwise(pieces))


@pytest.mark.parametrize(
    ("start", "hours"),
    [("2026-03-28T22:00", 8), ("2026-10-24T22:00", 10), ("2026-06-01T22:00", 9)],
    ids=["clocks go forward", "clocks go back", "an ordinary night"],
)
def test_a_night_has_the_hours_that_pass_and_not_those_that_the_clock_shows(start: str, hours: int) -> None:
    zone = ZoneInfo("Europe/Stockholm")
    first = datetime.fromisoformat(start).replace(tzinfo=zone)
    a, b = first.astimezone(UTC), (first + timedelta(hours=9)).astimezone(UTC)
    on_call = schedule(weekly(MARA, unit=Unit.DAY))
    carried = load([on_call], a, b, lambda _: "Europe/Stockholm")[MARA]
    assert carried.hours == timedelta(hours=hours)
    assert carried.nights == {first.date()}


def test_a_night_is_named_by_the_day_on_which_it_began_in_the_zone_of_the_person() -> None:
    at = datetime(2026, 11, 24, 3, 14, tzinfo=UTC)
    assert night_of(at, "Europe/Stockholm") == date(2026, 11, 23)
    assert night_of(at, "America/New_York") == date(2026, 11, 23)
    assert night_of(at, "Asia/Tokyo") is None
    assert night_of(datetime(2026, 11, 24, 7, tzinfo=UTC), "UTC") is None
    assert night_of(datetime(2026, 11, 24, 22, tzinfo=UTC), "UTC") == date(2026, 11, 24)


@settings(deadline=None)
@given(zones, instants)
def test_night_follows_wall_time_away_from_clock_changes(tz: str, at: datetime) -> None:
    offsets = {(at + timedelta(hours=h)).astimezone(ZoneInfo(tz)).utcoffset() for h in range(-26, 27, 2)}
    if len(offsets) == 1:
        wall = to_local(at, tz)
        assert (night_of(at, tz) is not None) == (wall.hour >= 22 or wall.hour < 7)


def test_a_holiday_goes_before_a_weekend_and_a_weekend_before_a_night() -> None:
    def counted(at: datetime, *holidays: date) -> HourClass:
        return class_of(next(parts(at, at + timedelta(hours=1), "UTC")), holidays)

    boxing_day_night = datetime(2026, 12, 26, 22, tzinfo=UTC)
    assert counted(boxing_day_night) is HourClass.WEEKEND
    assert counted(boxing_day_night, date(2026, 12, 26)) is HourClass.HOLIDAY
    assert counted(datetime(2026, 11, 23, 22, tzinfo=UTC)) is HourClass.NIGHT
    assert counted(datetime(2026, 11, 23, 9, tzinfo=UTC)) is HourClass.WEEKDAY


def test_an_hour_on_two_schedules_is_one_hour_and_two_shifts() -> None:
    both = [schedule(weekly(MARA, JUN), id_=1), schedule(weekly(MARA, JUN), id_=2)]
    a = datetime(2011, 12, 12, tzinfo=UTC)
    carried = load(both, a, a + timedelta(days=7), lambda _: "UTC")[MARA]
    assert carried.hours == timedelta(days=7) - timedelta(hours=9)
    assert carried.shifts == 2


def test_a_shift_counts_in_the_month_in_which_it_begins() -> None:
    one = schedule(weekly(MARA, JUN))
    december, january = datetime(2011, 12, 1, tzinfo=UTC), datetime(2012, 1, 1, tzinfo=UTC)
    assert load([one], december, january, lambda _: "UTC")[JUN].shifts == 2
    assert load([one], datetime(2011, 12, 6, tzinfo=UTC), january, lambda _: "UTC")[JUN].shifts == 1


def test_shares_are_compared_in_plain_language() -> None:
    assert compare_with_mean(10, 10) == "average"
    assert compare_with_mean(16, 10) == "well above average"
    assert compare_with_mean(12, 10) == "above average"
    assert compare_with_mean(8, 10) == "below average"
    assert compare_with_mean(0, 10) == "well below average"
    assert compare_with_mean(0, 0) == "no average yet"


def test_the_least_loaded_available_person_is_suggested_first() -> None:
    one = schedule(weekly(MARA, JUN, ADA))
    a = datetime(2011, 12, 13, tzinfo=UTC)
    carried: dict[User, Load] = {
        JUN: Load(nights=frozenset({date(2011, 12, 1)})),
        ADA: Load(hours=timedelta(hours=500)),
        KIM: Load(weekend_hours=timedelta(hours=1)),
    }
    assert intervals_by_user(one, a, a + timedelta(days=1)).keys() == {ADA}
    assert suggested(PEOPLE, [one], a, a + timedelta(days=1), carried) == [MARA, KIM, JUN]
