"""How templates show durations, instants, names, the sparkline and the on-call timeline."""

import re
from collections import defaultdict
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firebell.dashboard import sparkline
from firebell.kit.durations import ago, duration
from firebell.kit.localtime import format_full, format_short
from firebell.kit.web.html import initials, linked
from firebell.oncall.model import Layer, Override, OverrideKind, Schedule, Unit, Window
from firebell.oncall.rota.shifts import at as on_duty_at
from firebell.oncall.rota.timeline_grid import (
    COLUMNS,
    VIEWS,
    TimelineRow,
    agenda,
    caption,
    opening_hours,
    picture,
    rows,
)
from tests.rules.test_oncall_properties import ZONES, schedules

MARA, JUN, ADA = 1, 2, 3
NOW = datetime(2026, 11, 24, 3, 14, tzinfo=UTC)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-5, "0 s"),
        (0, "0 s"),
        (59, "59 s"),
        (60, "1 min"),
        (3599, "59 min"),
        (3600, "1 h"),
        (3660, "1 h 1 min"),
        (86399, "23 h 59 min"),
        (86400, "1 d"),
        (90000, "1 d 1 h"),
        (10**9, "11574 d 1 h"),
    ],
)
def test_a_duration_is_shown_in_its_two_largest_units(seconds: int, text: str) -> None:
    assert duration(timedelta(seconds=seconds)) == text


@given(st.integers(0, 10**7), st.integers(0, 10**7))
def test_a_longer_duration_never_reads_shorter(one: int, more: int) -> None:
    scale = {"d": 86400, "h": 3600, "min": 60, "s": 1}

    pairs = [duration(timedelta(seconds=s)).split() for s in (one, one + more)]
    values = [sum(int(p[i]) * scale[p[i + 1]] for i in range(0, len(p), 2)) for p in pairs]
    assert values[0] <= values[1] <= one + more


@pytest.mark.parametrize(
    ("at", "tz", "expected"),
    [
        (NOW, "UTC", "03:14"),
        (NOW, "America/New_York", "22:14"),
        (NOW - timedelta(days=1), "UTC", "Mon 03:14"),
        (NOW + timedelta(days=6), "UTC", "Mon 03:14"),
        (NOW - timedelta(days=7), "UTC", "17 Nov 03:14"),
        (datetime(2025, 12, 31, 23, 30, tzinfo=UTC), "UTC", "31 Dec 2025 23:30"),
        (datetime(2025, 12, 31, 23, 30, tzinfo=UTC), "Europe/Berlin", "1 Jan 00:30"),
    ],
)
def test_an_instant_reads_as_the_clock_on_the_readers_wall(at: datetime, tz: str, expected: str) -> None:
    assert format_short(at, tz, NOW) == expected


def test_a_full_instant_names_its_time_zone_and_utc() -> None:
    assert format_full(NOW, "Asia/Kathmandu") == "2026-11-24 08:59:00 +0545, 03:14:00 UTC"
    assert ago(NOW - timedelta(seconds=59), NOW) == "just now"
    assert ago(NOW - timedelta(minutes=5), NOW) == "5 min ago"


@given(st.text(max_size=20))
def test_every_name_has_initials(name: str) -> None:
    assert initials(name)


@given(st.lists(st.integers(0, 10_000), min_size=1, max_size=120))
def test_the_line_of_the_day_spans_the_width_and_stays_inside(counts: list[int]) -> None:
    points = [tuple(map(float, p.split())) for p in re.split(r"[ML]\s*", sparkline.path(counts))[1:]]
    assert points[0][0] == 0
    assert points[-1][0] == sparkline.WIDTH
    assert [x for x, _ in points] == sorted(x for x, _ in points)
    assert all(0 <= y <= sparkline.HEIGHT for _, y in points)
    assert (len({y for _, y in points}) == 1) == (not any(counts))


def covered(row: TimelineRow) -> list[int]:
    """Return the columns that a row's blocks fill, in order."""
    return [c for b in row.blocks for c in range(b.column, b.column + b.span)]


@settings(deadline=None)
@given(schedules(), st.sampled_from(sorted(VIEWS)))
def test_the_result_fills_every_column_once_also_when_clocks_change(
    drawn: tuple[Schedule, datetime], view: str
) -> None:
    schedule, center = drawn
    shown_days = picture(view, center, schedule.tz, center)
    table = rows(schedule, shown_days)
    assert covered(table[0]) == list(range(COLUMNS))
    for row in table[1 : len(schedule.layers) + 1]:
        assert covered(row) == sorted(set(covered(row)))
        assert set(covered(row)) <= set(range(COLUMNS))


@pytest.mark.parametrize("tz", sorted(ZONES))
@pytest.mark.parametrize("view", sorted(VIEWS))
def test_a_picture_is_of_whole_local_days_and_knows_where_now_is(tz: str, view: str) -> None:
    for hours in range(-30, 30, 7):
        now = ZONES[tz] + timedelta(hours=hours)
        shown_days = picture(view, now, tz, now)
        assert len(shown_days.days) == VIEWS[view]
        assert shown_days.start <= now < shown_days.end
        assert shown_days.now_at is not None
        assert 0 <= shown_days.now_at <= 100
        assert picture(view, shown_days.end, tz, now).now_at is None
        assert picture(view, shown_days.end, tz, now).start == shown_days.end


def test_a_shift_too_short_to_see_still_has_a_column() -> None:
    layer = Layer(1, ((MARA,), (JUN,)), datetime(2026, 11, 23), Unit.WEEK, 1, "UTC")  # noqa: DTZ001
    brief = Override(1, 1, NOW, NOW + timedelta(minutes=5), OverrideKind.SET, (ADA,))
    table = rows(Schedule(1, "s", "UTC", (layer,), (brief,)), picture("month", NOW, "UTC", NOW))
    assert [b.users for b in table[0].blocks][:3] == [(MARA,), (ADA,), (MARA,)]
    assert [b.edited for b in table[0].blocks][:3] == [False, True, False]


def test_the_last_minutes_of_the_shown_week_still_have_their_columns() -> None:
    layer = Layer(1, ((MARA,), (JUN,)), datetime(2026, 11, 23), Unit.WEEK, 1, "UTC")  # noqa: DTZ001
    late = datetime(2026, 11, 29, 23, 10, tzinfo=UTC)
    half, end = late + timedelta(minutes=30), late + timedelta(minutes=50)
    edits = [
        Override(1, 1, late, half, OverrideKind.SET, (ADA,)),
        Override(2, 2, half, end + timedelta(hours=4), OverrideKind.SET, (JUN,)),
    ]
    table = rows(Schedule(1, "s", "UTC", (layer,), tuple(edits)), picture("week", late, "UTC", late))
    assert [(b.column, b.span, b.users) for b in table[0].blocks] == [
        *((0, 54, (MARA,)), (54, 1, (ADA,)), (55, 1, (JUN,))),
    ]
    assert [(b.column, b.span) for b in table[-1].blocks] == [(54, 1), (55, 1)]


@pytest.mark.parametrize(
    ("window", "text"),
    [
        (Window(540, 480, frozenset(range(7))), "09:00 to 17:00"),
        (Window(1320, 480, frozenset(range(5))), "Mon to Fri 22:00 to 06:00"),
        (Window(540, 480, frozenset({0, 2})), "Mon, Wed 09:00 to 17:00"),
        (Window(1020, 3840, frozenset({4})), "Fri 17:00 to Mon 09:00"),
        (Window(0, 1440, frozenset({6})), "Sun 00:00 to Mon 00:00"),
        (Window(540, 1440, frozenset({5, 6})), "Sat, Sun 09:00 to 09:00 the next day"),
        (Window(540, 2880, frozenset({0, 3})), "Mon, Thu 09:00 to 09:00 2 days later"),
    ],
)
def test_hours_in_words_name_their_days(window: Window, text: str) -> None:
    assert opening_hours(window) == text


def test_a_layer_names_the_time_zone_of_its_handoff() -> None:
    night = Window(1320, 480, frozenset(range(7)))
    layer = Layer(1, ((MARA,),), datetime(2026, 11, 23, 9), Unit.WEEK, 1, "America/New_York")  # noqa: DTZ001
    assert caption(layer) == "weekly, Mon 09:00 New York"
    assert (
        caption(replace(layer, windows=(night,) * 4)) == "22:00 to 06:00, 22:00 to 06:00 and 2 more New York"
    )


@settings(deadline=None)
@given(schedules())
def test_the_agenda_names_the_person_on_duty(drawn: tuple[Schedule, datetime]) -> None:
    schedule, center = drawn
    shown_days = picture("week", center, schedule.tz, center)
    by_start: dict[datetime, str] = defaultdict(str)
    for _, shifts in agenda(schedule, shown_days, schedule.tz, str, center):
        by_start.update({start: who for start, _, who in shifts})
    for start, who in by_start.items():
        expected = on_duty_at(schedule, start)
        assert who == (" and ".join(map(str, expected)) or "No one")


def test_bug_a_shift_seemed_to_end_where_the_week_that_is_shown_ends() -> None:
    layer = Layer(1, ((MARA,), (JUN,)), datetime(2026, 11, 23, 9), Unit.WEEK, 1, "UTC")  # noqa: DTZ001
    schedule, shown_days = Schedule(1, "s", "UTC", (layer,)), picture("week", NOW, "UTC", NOW)
    monday = datetime(2026, 11, 23, 9, tzinfo=UTC)
    (day, shifts) = agenda(schedule, shown_days, "UTC", str, NOW)[0]
    assert (day.date(), shifts) == (NOW.date(), [(monday, monday + timedelta(days=7), str(MARA))])
    for row in rows(schedule, shown_days):
        block = row.blocks[-1]
        assert (block.start, block.end) == (monday, monday + timedelta(days=7))
        assert block.column + block.span == COLUMNS


def test_an_override_shows_whether_it_adds_or_removes() -> None:
    layer = Layer(1, ((MARA,),), datetime(2026, 11, 23), Unit.WEEK, 1, "UTC")  # noqa: DTZ001
    kinds = (OverrideKind.ADD, OverrideKind.REMOVE, OverrideKind.SET)
    edits = [
        Override(i, i, NOW + i * timedelta(days=1), NOW + (i + 1) * timedelta(days=1), kind, (MARA,))
        for i, kind in enumerate(kinds)
    ]
    table = rows(Schedule(1, "s", "UTC", (layer,), tuple(edits)), picture("week", NOW, "UTC", NOW))
    assert [b.mark for b in table[-1].blocks] == ["+ ", "− ", ""]


def test_two_stars_make_words_bold_and_nothing_else_of_a_text() -> None:
    assert linked("**SEV1 INC-3: <b>** is up") == (
        '<b>SEV1 <a href="/incidents/INC-3" rel="noopener">INC-3</a>: &lt;b&gt;</b> is up'
    )
    assert linked("2 ** 3 ** 4, a*b*c, ****, **a\nb**") == "2 ** 3 ** 4, a*b*c, ****, **a\nb**"


def test_a_quiet_day_is_a_line_of_two_points() -> None:
    """The home page had 960 points of a straight line, a third of what it weighs."""
    assert sparkline.path([0] * 96) == "M0 36L1200 36"
    assert sparkline.path([]) == "M0 36"
    one_alert = sparkline.path([0] * 48 + [1] + [0] * 47)
    assert 20 < one_alert.count("L") < 100
    assert one_alert.startswith("M0 36L")
    assert one_alert.endswith("L1200 36")
