"""Properties P1-P17 of the on-call core, and a minute-by-minute oracle around clock changes."""

import itertools
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from unittest.mock import patch
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from firebell.kit.intervals import Interval, minus
from firebell.kit.localtime import to_instant, to_local
from firebell.oncall.model import (
    Layer,
    Override,
    OverrideKind,
    OverrideSource,
    Schedule,
    Shadow,
    Shift,
    Unit,
    User,
    Window,
)
from firebell.oncall.rota import rotation
from firebell.oncall.rota.layer_versions import replaced
from firebell.oncall.rota.rotation import handoff, index_at, pieces
from firebell.oncall.rota.shifts import at, between, diff, gaps
from firebell.oncall.swaps.resulting_overrides import mapping_override, swap_maps
from tests.oracles.oncall import Oracle, minutes
from tests.rules.budget import examples

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
MARA, JUN, ADA, KIM, IVY = range(1, 6)
USERS = st.sampled_from([MARA, JUN, ADA, KIM])
slots = st.lists(st.lists(USERS, max_size=2, unique=True).map(tuple), min_size=1, max_size=4).map(tuple)


windows = st.lists(
    st.builds(
        Window,
        st.integers(0, 95).map(lambda q: q * 15),
        st.integers(1, 60).map(lambda q: q * 15),
        st.frozensets(st.integers(0, 6), min_size=1),
    ),
    max_size=2,
).map(tuple)


@st.composite
def layers(draw: st.DrawFn, tz: str, center: datetime) -> Layer:
    anchor = center.replace(tzinfo=None) - timedelta(days=draw(st.integers(0, 20)))
    return Layer(
        id=draw(st.integers(0, 10**6)),
        slots=draw(slots),
        anchor=anchor + timedelta(minutes=15 * draw(st.integers(0, 95))),
        unit=draw(st.sampled_from([Unit.HOUR, Unit.DAY, Unit.WEEK, Unit.MONTH])),
        every=draw(st.integers(1, 12)),
        tz=tz,
        windows=draw(windows),
        offset=draw(st.integers(0, 5)),
    )


@st.composite
def edits(draw: st.DrawFn, center: datetime) -> Override:
    start = center + timedelta(minutes=15 * draw(st.integers(-150, 150)))
    return Override(
        id=draw(st.integers(0, 10**6)),
        seq=draw(st.integers(0, 100)),
        start=start,
        end=start + timedelta(minutes=15 * draw(st.integers(1, 100))),
        kind=draw(st.sampled_from(list(OverrideKind))),
        users=tuple(draw(st.lists(USERS, max_size=2, unique=True))),
        mapping=draw(st.dictionaries(USERS, USERS, max_size=2)),
        fills=draw(st.booleans()),
    )


@st.composite
def schedules(draw: st.DrawFn, tz: str | None = None) -> tuple[Schedule, datetime]:
    tz = tz or draw(st.sampled_from(sorted(ZONES)))
    center = ZONES[tz]
    zones = st.sampled_from([tz, tz, *ZONES])
    drawn_layers = draw(st.lists(zones.flatmap(lambda z: layers(z, center)), max_size=3))
    changes = draw(st.lists(edits(center), max_size=3, unique_by=lambda e: e.seq))
    inactive = draw(st.frozensets(USERS, max_size=1))
    return Schedule(1, "s", tz, tuple(drawn_layers), tuple(changes), inactive), center


def users_at(runs: list[Shift], t: datetime) -> tuple[User, ...]:
    return next(run.users for run in runs if run.start <= t < run.end)


@pytest.mark.parametrize("tz", ZONES)
@settings(max_examples=examples(3), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_the_optimized_answer_equals_the_oracle_minute_by_minute(tz: str, data: st.DataObject) -> None:
    schedule, center = data.draw(schedules(tz))
    a, b = center - timedelta(hours=20), center + timedelta(hours=30)
    oracle, runs = Oracle(schedule, a, b), between(schedule, a, b)
    for t in minutes(a, b)[::7]:
        assert users_at(runs, t) == at(schedule, t) == oracle.at(t), t


@settings(deadline=None)
@given(schedules(), st.integers(1, 4000))
def test_p1_p2_p11_p14_duty_partitions_and_is_local(
    drawn: tuple[Schedule, datetime], cut_minutes: int
) -> None:
    schedule, center = drawn
    a, b = center - timedelta(days=2), center + timedelta(days=2)
    runs = between(schedule, a, b)
    assert runs[0].start == a
    assert runs[-1].end == b
    for old, new in itertools.pairwise(runs):
        assert old.end == new.start
        assert old.users != new.users
    assert all(run.start < run.end for run in runs)
    known = {u for x in schedule.layers for s in x.slots for u in s} | {
        u for e in schedule.overrides for u in (*e.users, *e.mapping.values())
    }
    for run in runs:
        assert len(set(run.users)) == len(run.users)
        assert set(run.users) <= known - schedule.inactive
    assert gaps(schedule, a, b) == [(r.start, r.end) for r in runs if not r.users]
    cut = a + timedelta(minutes=cut_minutes)
    parts = between(schedule, a, cut) + between(schedule, cut, b)
    assert [users_at(parts, r.start) for r in runs] == [r.users for r in runs]
    assert {p.start for p in parts} <= {r.start for r in runs} | {cut}


@settings(deadline=None)
@given(schedules(), USERS, st.integers(-2000, 2000), st.none() | st.integers(1, 2000))
def test_someone_who_leaves_is_off_call_from_then_until_they_return(
    drawn: tuple[Schedule, datetime], user: User, left: int, away: int | None
) -> None:
    schedule, center = drawn
    a, b = center - timedelta(days=2), center + timedelta(days=2)
    since = center + timedelta(minutes=left)
    until = None if away is None else since + timedelta(minutes=away)
    there = replace(schedule, inactive=schedule.inactive - {user})
    without = replace(schedule, inactive=schedule.inactive | {user})
    changed = replace(without if until is None else there, inactive_during={user: ((since, until),)})
    runs = between(changed, a, b)
    for old, new in itertools.pairwise(runs):
        assert (old.end, old.users != new.users) == (new.start, True)
    for start, end, same in ((a, since, there), (since, until or b, without), (until or b, b, there)):
        for run in between(same, max(a, start), min(b, end)):
            assert at(changed, run.start) == users_at(runs, run.start) == run.users


@given(st.sampled_from(sorted(ZONES)), st.integers(-4000, 4000), st.integers(0, 4000))
def test_p3_mu_is_monotone_and_reads_x_or_later(tz: str, minutes_: int, more: int) -> None:
    x = ZONES[tz].replace(tzinfo=None) + timedelta(minutes=minutes_)
    assert to_instant(x, tz) <= to_instant(x + timedelta(minutes=more), tz)
    assert to_local(to_instant(x, tz), tz) >= x
    assert to_local(to_instant(x, tz) - timedelta(seconds=1), tz) < x


@settings(deadline=None)
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
    full = Layer(1, ((MARA,), (JUN,)), layer.anchor, layer.unit, layer.every, tz)
    start = to_instant(layer.anchor, tz)
    assert gaps(Schedule(1, "s", tz, (full,)), start, start + timedelta(days=40)) == []


@given(st.integers(1, 5), st.sampled_from([Unit.HOUR, Unit.DAY, Unit.WEEK]), st.integers(0, 10**6))
def test_p6_utc_rotations_are_periodic(every: int, unit: Unit, minute: int) -> None:
    layer = Layer(1, ((MARA,), (JUN,), (ADA,)), datetime(2026, 1, 5, 9), unit, every, "UTC")  # noqa: DTZ001
    schedule = Schedule(1, "s", "UTC", (layer,))
    period = 3 * every * {Unit.HOUR: 1, Unit.DAY: 24, Unit.WEEK: 168}[unit] * timedelta(hours=1)
    t = datetime(2026, 1, 5, 9, tzinfo=UTC) + timedelta(minutes=minute)
    assert at(schedule, t) == at(schedule, t + period)


@settings(deadline=None)
@given(st.data())
def test_p7_each_slot_holds_equal_time_up_to_the_change_of_the_clock(data: st.DataObject) -> None:
    tz = data.draw(st.sampled_from(sorted(ZONES)))
    drawn = data.draw(layers(tz, ZONES[tz]))
    unit, every = data.draw(st.sampled_from([Unit.HOUR, Unit.DAY, Unit.WEEK])), drawn.every
    layer = Layer(1, ((MARA,), (JUN,), (ADA,)), drawn.anchor, unit, every, tz)
    turn = every * {Unit.HOUR: 1, Unit.DAY: 24, Unit.WEEK: 168}[unit] * timedelta(hours=1)
    held: dict[User, timedelta] = {}
    a, b = handoff(layer, 0), handoff(layer, 12)
    for run in between(Schedule(1, "s", tz, (layer,)), a, b):
        held[run.users[0]] = held.get(run.users[0], timedelta()) + run.end - run.start
    days = [a - timedelta(days=1) + i * timedelta(hours=12) for i in range((b - a).days * 2 + 6)]
    clocks = [day.astimezone(ZoneInfo(tz)).utcoffset() or timedelta() for day in days]
    jumps = sum((abs(y - x) for x, y in itertools.pairwise(clocks)), timedelta())
    for user in (MARA, JUN, ADA):
        assert abs(held.get(user, timedelta()) - 4 * turn) <= jumps


@settings(deadline=None)
@given(schedules(), st.data())
def test_p8_a_higher_layer_changes_duty_only_where_it_is_on(
    drawn: tuple[Schedule, datetime], data: st.DataObject
) -> None:
    schedule, center = drawn
    higher = data.draw(layers(schedule.tz, center))
    a, b = center - timedelta(days=2), center + timedelta(days=2)
    raised = replace(schedule, layers=(*schedule.layers, higher))
    on = pieces(higher, a, b, schedule.inactive)
    for start, end, _, _ in diff(schedule, raised, a, b):
        assert minus([(start, end)], [(p.start, p.end) for p in on]) == []


@settings(deadline=None)
@given(schedules(), st.sampled_from([MARA, JUN, IVY]))
def test_p12_shadows_never_change_duty(drawn: tuple[Schedule, datetime], user: int) -> None:
    schedule, center = drawn
    watched = replace(schedule, shadows=(Shadow(1, user, None, center - timedelta(days=1), None),))
    a, b = center - timedelta(days=2), center + timedelta(days=2)
    assert between(watched, a, b) == between(schedule, a, b)
    assert at(watched, center) == at(schedule, center)


@settings(deadline=None)
@given(schedules(), st.data())
def test_p13_a_version_changes_nothing_before_its_instant_and_all_after(
    drawn: tuple[Schedule, datetime], data: st.DataObject
) -> None:
    schedule, center = drawn
    schedule = replace(
        schedule, layers=tuple(replace(layer, id=i + 1) for i, layer in enumerate(schedule.layers))
    )
    e = center + timedelta(minutes=data.draw(st.integers(-3000, 3000)))
    mine = data.draw(st.permutations(schedule.layers))[: data.draw(st.integers(0, 3))]
    people = [replace(x, slots=data.draw(slots)) if data.draw(st.booleans()) else x for x in mine]
    new = [*people, *(replace(x, id=0) for x in data.draw(st.lists(layers(schedule.tz, center), max_size=1)))]
    changed = replaced(schedule, new, e)
    assert diff(schedule, changed, e - timedelta(days=4), e) == []
    # after `e` it is as if only the new layers existed, up to the offset that keeps the current person
    kept = [x for x in changed.layers if x.end is None]
    alone = replace(schedule, layers=tuple(kept))
    assert diff(alone, changed, e, e + timedelta(days=4)) == []
    assert [(x.slots, x.anchor, x.unit) for x in kept] == [(x.slots, x.anchor, x.unit) for x in new]


@settings(deadline=None)
@given(st.data())
def test_the_current_person_stays_current_when_people_join_or_leave(data: st.DataObject) -> None:
    tz = data.draw(st.sampled_from(sorted(ZONES)))
    drawn = data.draw(layers(tz, ZONES[tz]))
    people = data.draw(st.lists(st.integers(1, 6), min_size=1, max_size=5, unique=True))
    layer = replace(drawn, id=1, slots=tuple((u,) for u in people), windows=())
    e = max(ZONES[tz], to_instant(layer.anchor, tz)) + timedelta(minutes=data.draw(st.integers(0, 5000)))
    old = Schedule(1, "s", tz, (layer,))
    order = data.draw(st.lists(st.integers(1, 8), min_size=1, max_size=6, unique=True))
    new = replaced(old, [replace(layer, slots=tuple((u,) for u in order))], e)
    current = at(old, e)[0]
    if current in order:
        assert at(new, e) == (current,)
    elif remaining := [u for u in order if u in people]:
        place = people.index(current)
        follows = next(u for u in (*people[place:], *people[:place]) if u in order)
        assert at(new, e) == (follows,)
        assert follows in remaining


@settings(deadline=None)
@given(schedules(), st.integers(-3000, 3000), st.integers(1, 3000), st.integers(1, 3000))
def test_p15_who_is_on_call_does_not_depend_on_the_queried_interval(
    drawn: tuple[Schedule, datetime], minute: int, before: int, after: int
) -> None:
    schedule, center = drawn
    t = center + timedelta(minutes=minute)
    a, b = t - timedelta(minutes=before), t + timedelta(minutes=after)
    assert users_at(between(schedule, a, b), t) == at(schedule, t) == between(schedule, t, b)[0].users
    elsewhere = t.astimezone(ZoneInfo("Pacific/Chatham"))
    assert at(schedule, elsewhere) == at(schedule, t)
    renamed = replace(schedule, layers=tuple(replace(x, id=10**7 + i) for i, x in enumerate(schedule.layers)))
    assert at(renamed, t) == at(schedule, t)


@pytest.mark.parametrize("name", ["Pacific/Chatham", "America/St_Johns"])
def test_p15_the_time_zone_of_the_process_does_not_matter(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    layer = Layer(1, ((MARA,), (JUN,)), datetime(2026, 3, 1, 2, 30), Unit.DAY, 1, "America/New_York")  # noqa: DTZ001
    a, b = datetime(2026, 3, 6, tzinfo=UTC), datetime(2026, 3, 11, tzinfo=UTC)
    schedule = Schedule(1, "s", "UTC", (layer,))
    expected = between(schedule, a, b)
    monkeypatch.setenv("TZ", name)
    time.tzset()
    try:
        rotation.clear_instant_cache()
        assert between(schedule, a, b) == expected
    finally:
        monkeypatch.undo()
        time.tzset()


@given(st.tuples(*[st.integers(0, 40)] * 4))
def test_a_swap_gives_each_person_the_interval_of_the_other(hours: tuple[int, int, int, int]) -> None:
    zero = datetime(2026, 1, 5, tzinfo=UTC)
    i0, i1, j0, j1 = (zero + timedelta(hours=h) for h in hours)
    if i0 >= i1 or j0 >= j1:
        return
    layer = Layer(1, ((MARA,), (JUN,)), datetime(2026, 1, 5), Unit.HOUR, 1, "UTC")  # noqa: DTZ001
    old = Schedule(1, "s", "UTC", (layer,))
    edits = [
        mapping_override(*part, mapping, "", OverrideSource.SWAP, None)
        for part, mapping in swap_maps(MARA, JUN, Interval(i0, i1), Interval(j0, j1))
    ]
    new = replace(old, overrides=tuple(replace(e, seq=n) for n, e in enumerate(edits)))
    for t in [zero + timedelta(hours=h, minutes=30) for h in range(41)]:
        was = at(old, t)
        wanted = {MARA: JUN if i0 <= t < i1 else MARA, JUN: MARA if j0 <= t < j1 else JUN}
        assert at(new, t) == tuple(wanted[u] for u in was)


@settings(deadline=None)
@given(schedules(), st.data())
def test_p9_p10_an_override_changes_only_its_interval(
    drawn: tuple[Schedule, datetime], data: st.DataObject
) -> None:
    schedule, center = drawn
    edit = data.draw(edits(center))
    last = Override(edit.id, 1000, edit.start, edit.end, edit.kind, edit.users, edit.mapping)
    changed = Schedule(1, "s", schedule.tz, schedule.layers, (*schedule.overrides, last), schedule.inactive)
    a, b = center - timedelta(days=3), center + timedelta(days=3)
    for start, end, _, _ in diff(schedule, changed, a, b):
        assert edit.start <= start < end <= edit.end
    if edit.kind is OverrideKind.SET:
        wanted = tuple(u for u in edit.users if u not in schedule.inactive)
        assert {r.users for r in between(changed, edit.start, edit.end)} == {wanted}
        twice = replace(changed, overrides=(*changed.overrides, replace(last, seq=1001)))
        assert diff(changed, twice, a, b) == []
    same = replace(last, kind=OverrideKind.MAP, mapping={u: u for u in (MARA, JUN, ADA, KIM)})
    assert diff(schedule, replace(schedule, overrides=(*schedule.overrides, same)), a, b) == []
    assert between(replace(changed, overrides=changed.overrides[:-1]), a, b) == between(schedule, a, b)


@pytest.mark.parametrize("years", [1, 10, 100])
@pytest.mark.parametrize("unit", list(Unit))
def test_p17_the_cost_of_at_does_not_grow_with_the_distance(unit: Unit, years: int) -> None:
    layer = Layer(1, ((MARA,), (JUN,)), datetime(2026, 1, 31, 2, 30), unit, 1, "America/New_York")  # noqa: DTZ001
    schedule = Schedule(1, "s", "UTC", (layer,))
    with patch.object(rotation, "handoff", wraps=rotation.handoff) as counted:
        at(schedule, datetime(2026 + years, 3, 8, 7, tzinfo=UTC))
    assert counted.call_count <= 8
