"""Properties P1-P17 of the on-call core, and a minute-by-minute oracle around clock changes."""

import itertools
from datetime import UTC, datetime, timedelta
from unittest.mock import patch

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from firebell.oncall import turns
from firebell.oncall.model import Edit, EditKind, Layer, Run, Schedule, Unit, User, Window
from firebell.oncall.shifts import at, diff, duty, gaps, handoffs
from firebell.oncall.turns import handoff, index_at, local, mu
from tests.oracles.oncall import Oracle, minutes

ZONES = {
    "America/New_York": datetime(2026, 3, 8, tzinfo=UTC),
    "Europe/Berlin": datetime(2026, 10, 25, tzinfo=UTC),
    "Australia/Lord_Howe": datetime(2026, 10, 3, tzinfo=UTC),
    "Pacific/Apia": datetime(2011, 12, 30, tzinfo=UTC),
    "Africa/Casablanca": datetime(2026, 3, 22, tzinfo=UTC),
    "Antarctica/Troll": datetime(2026, 3, 29, tzinfo=UTC),
    "Asia/Kathmandu": datetime(2026, 5, 1, tzinfo=UTC),
    "America/Sao_Paulo": datetime(2018, 11, 4, tzinfo=UTC),
    "Europe/London": datetime(2026, 3, 29, tzinfo=UTC),
    "Australia/Sydney": datetime(2026, 4, 5, tzinfo=UTC),
}
USERS = st.sampled_from(["a", "b", "c", "d"])
slots = st.lists(st.lists(USERS, max_size=2, unique=True).map(tuple), min_size=1, max_size=4).map(tuple)


@st.composite
def windows(draw: st.DrawFn) -> tuple[Window, ...]:
    one = st.builds(
        Window,
        st.integers(0, 95).map(lambda q: q * 15),
        st.integers(1, 60).map(lambda q: q * 15),
        st.frozensets(st.integers(0, 6), min_size=1),
    )
    return tuple(draw(st.lists(one, max_size=2)))


@st.composite
def layers(draw: st.DrawFn, tz: str, around: datetime) -> Layer:
    anchor = around.replace(tzinfo=None) - timedelta(days=draw(st.integers(0, 20)))
    return Layer(
        id=draw(st.integers(0, 10**6)),
        slots=draw(slots),
        anchor=anchor + timedelta(minutes=15 * draw(st.integers(0, 95))),
        unit=draw(st.sampled_from([Unit.HOUR, Unit.DAY, Unit.WEEK, Unit.MONTH])),
        every=draw(st.integers(1, 12)),
        tz=tz,
        windows=draw(windows()),
        offset=draw(st.integers(0, 5)),
    )


@st.composite
def edits(draw: st.DrawFn, around: datetime) -> Edit:
    start = around + timedelta(minutes=15 * draw(st.integers(-150, 150)))
    return Edit(
        id=draw(st.integers(0, 10**6)),
        seq=draw(st.integers(0, 100)),
        start=start,
        end=start + timedelta(minutes=15 * draw(st.integers(1, 100))),
        kind=draw(st.sampled_from(list(EditKind))),
        users=tuple(draw(st.lists(USERS, max_size=2, unique=True))),
        mapping=draw(st.dictionaries(USERS, USERS, max_size=2)),
    )


@st.composite
def schedules(draw: st.DrawFn) -> tuple[Schedule, datetime]:
    tz = draw(st.sampled_from(sorted(ZONES)))
    around = ZONES[tz]
    found = draw(st.lists(layers(tz, around), max_size=3))
    changes = draw(st.lists(edits(around), max_size=3, unique_by=lambda e: e.seq))
    inactive = draw(st.frozensets(USERS, max_size=1))
    return Schedule("s", "s", tz, tuple(found), tuple(changes), inactive), around


def users_at(runs: list[Run], t: datetime) -> tuple[User, ...]:
    return next(run.users for run in runs if run.start <= t < run.end)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(schedules())
def test_the_clever_answer_equals_the_oracle_minute_by_minute(drawn: tuple[Schedule, datetime]) -> None:
    schedule, around = drawn
    a, b = around - timedelta(hours=20), around + timedelta(hours=30)
    oracle, runs = Oracle(schedule, a, b), duty(schedule, a, b)
    for t in minutes(a, b)[::7]:
        assert users_at(runs, t) == oracle.at(t), t
        assert at(schedule, t) == oracle.at(t), t


@settings(max_examples=60, deadline=None)
@given(schedules(), st.integers(1, 4000))
def test_p1_p2_p11_p14_duty_partitions_and_is_local(
    drawn: tuple[Schedule, datetime], cut_minutes: int
) -> None:
    schedule, around = drawn
    a, b = around - timedelta(days=2), around + timedelta(days=2)
    runs = duty(schedule, a, b)
    assert runs[0].start == a
    assert runs[-1].end == b
    for old, new in itertools.pairwise(runs):
        assert old.end == new.start
        assert old.users != new.users
    assert all(run.start < run.end for run in runs)
    known = {u for x in schedule.layers for s in x.slots for u in s} | {
        u for e in schedule.edits for u in (*e.users, *e.mapping.values())
    }
    for run in runs:
        assert len(set(run.users)) == len(run.users)
        assert set(run.users) <= known - schedule.inactive
    assert gaps(schedule, a, b) == [(r.start, r.end) for r in runs if not r.users]
    cut = a + timedelta(minutes=cut_minutes)
    parts = duty(schedule, a, cut) + duty(schedule, cut, b)
    assert [users_at(parts, r.start) for r in runs] == [r.users for r in runs]
    assert {p.start for p in parts} <= {r.start for r in runs} | {cut}
    assert len(handoffs(schedule, a, b)) == len(runs) - 1


@given(st.sampled_from(sorted(ZONES)), st.integers(-4000, 4000), st.integers(0, 4000))
def test_p3_mu_is_monotone_and_reads_x_or_later(tz: str, minutes_: int, more: int) -> None:
    x = ZONES[tz].replace(tzinfo=None) + timedelta(minutes=minutes_)
    assert mu(x, tz) <= mu(x + timedelta(minutes=more), tz)
    assert local(mu(x, tz), tz) >= x
    assert local(mu(x, tz) - timedelta(seconds=1), tz) < x


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_p4_index_brackets_the_instant(data: st.DataObject) -> None:
    tz = data.draw(st.sampled_from(sorted(ZONES)))
    layer = data.draw(layers(tz, ZONES[tz]))
    t = ZONES[tz] + timedelta(minutes=data.draw(st.integers(-100_000, 100_000)))
    k = index_at(layer, t)
    assert handoff(layer, k) <= t < handoff(layer, k + 1)


@settings(deadline=None)
@given(st.data())
def test_p5_an_always_open_layer_of_full_slots_has_no_gap(data: st.DataObject) -> None:
    tz = data.draw(st.sampled_from(sorted(ZONES)))
    layer = data.draw(layers(tz, ZONES[tz]))
    full = Layer(1, (("a",), ("b",)), layer.anchor, layer.unit, layer.every, tz)
    start = mu(layer.anchor, tz)
    assert gaps(Schedule(1, "s", tz, (full,)), start, start + timedelta(days=40)) == []


@given(st.integers(1, 5), st.sampled_from([Unit.HOUR, Unit.DAY, Unit.WEEK]), st.integers(0, 10**6))
def test_p6_utc_rotations_are_periodic(every: int, unit: Unit, minute: int) -> None:
    layer = Layer(1, (("a",), ("b",), ("c",)), datetime(2026, 1, 5, 9), unit, every, "UTC")  # noqa: DTZ001
    schedule = Schedule(1, "s", "UTC", (layer,))
    period = 3 * every * {Unit.HOUR: 1, Unit.DAY: 24, Unit.WEEK: 168}[unit] * timedelta(hours=1)
    t = datetime(2026, 1, 5, 9, tzinfo=UTC) + timedelta(minutes=minute)
    assert at(schedule, t) == at(schedule, t + period)


@settings(max_examples=40, deadline=None)
@given(schedules(), st.data())
def test_p9_p10_an_edit_changes_only_its_stretch(
    drawn: tuple[Schedule, datetime], data: st.DataObject
) -> None:
    schedule, around = drawn
    edit = data.draw(edits(around))
    last = Edit(edit.id, 1000, edit.start, edit.end, edit.kind, edit.users, edit.mapping)
    changed = Schedule("s", "s", schedule.tz, schedule.layers, (*schedule.edits, last), schedule.inactive)
    a, b = around - timedelta(days=3), around + timedelta(days=3)
    for start, end, _, _ in diff(schedule, changed, a, b):
        assert edit.start <= start < end <= edit.end
    if edit.kind is EditKind.SET:
        wanted = tuple(u for u in edit.users if u not in schedule.inactive)
        assert {r.users for r in duty(changed, edit.start, edit.end)} == {wanted}


@pytest.mark.parametrize("years", [1, 10, 100])
@pytest.mark.parametrize("unit", list(Unit))
def test_p17_the_cost_of_at_does_not_grow_with_the_distance(unit: Unit, years: int) -> None:
    layer = Layer(1, (("a",), ("b",)), datetime(2026, 1, 31, 2, 30), unit, 1, "America/New_York")  # noqa: DTZ001
    schedule = Schedule(1, "s", "UTC", (layer,))
    with patch.object(turns, "handoff", wraps=turns.handoff) as counted:
        at(schedule, datetime(2026 + years, 3, 8, 7, tzinfo=UTC))
    assert counted.call_count <= 8
