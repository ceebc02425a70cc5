"""The pure rules of scheduled maintenance: stages, what is due, repetition, and what follows for components."""

import datetime as datetime_module
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import takewhile
from types import SimpleNamespace
from unittest.mock import patch

import dateutil.rrule as library
import icalendar
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firebell.kit.errors import Invalid
from firebell.kit.findings import Finding
from firebell.kit.intervals import Interval
from firebell.status_pages import derived_status, view
from firebell.status_pages.maintenance import findings, recurrence
from firebell.status_pages.maintenance_windows import calendar, lifecycle, texts
from firebell.status_pages.maintenance_windows.lifecycle import Change, DueKind
from firebell.status_pages.maintenance_windows.model import Maintenance, MaintenanceStage, MaintenanceUpdate
from firebell.status_pages.model import (
    Component,
    ComponentStatus,
    Effect,
    Impact,
    PageVisibility,
    PublicIncident,
    PublicUpdate,
    Stage,
    StatusPage,
    UpdateKind,
    Weights,
)
from firebell.status_pages.public.headlines import affected_text, headline
from firebell.status_pages.public.languages import ENGLISH, languages
from firebell.status_pages.snapshot import Snapshot
from firebell.status_pages.uptime import daily as uptime

START = datetime(2026, 11, 29, 1, tzinfo=UTC)
END = START + timedelta(hours=2)
ANNOUNCED = START - timedelta(days=8)
MINUTE = timedelta(minutes=1)
S, P, V, C, X = MaintenanceStage


def _window(stage: MaintenanceStage = S, *effects: Effect, **values: object) -> Maintenance:
    update = MaintenanceUpdate(1, "u1", 1, stage, "Text", effects, ANNOUNCED, ANNOUNCED, "Mara")
    window = Maintenance(
        *(1, "m1", 1, "Database upgrade", stage, START, END, ANNOUNCED, ANNOUNCED, None, None),
        *(frozenset({1}), True, True, (10_080, 1440, 60), ANNOUNCED, None, 3, None, (update,)),
    )
    return replace(window, **values)  # type: ignore[arg-type]


def test_each_stage_allows_what_the_table_of_the_specification_allows() -> None:
    changes = (Change.START, Change.COMPLETE, Change.VERIFY, Change.EXTEND, Change.CANCEL, Change.POSTPONE)
    table = {
        S: (P, None, None, S, X, S),
        P: (None, C, V, P, C, None),
        V: (None, C, None, P, None, None),
        C: (C, C, C, None, C, None),
        X: (X, X, X, None, X, None),
    }
    for stage, expected in table.items():
        for change, after in zip(changes, expected, strict=True):
            assert bool(lifecycle.refusal(stage, change)) is (after is None), (stage, change)
            if after is not None:
                assert lifecycle.next_stage(stage, change) is after
    assert lifecycle.next_stage(P, Change.COMPLETE, is_firing=True) is V
    assert lifecycle.next_stage(V, Change.COMPLETE, is_firing=True) is C


@given(st.lists(st.sampled_from(Change), max_size=12), st.booleans())
def test_no_window_that_is_over_comes_back(changes: list[Change], is_firing: bool) -> None:
    stage, was_over = S, False
    for change in changes:
        if not lifecycle.refusal(stage, change):
            stage = lifecycle.next_stage(stage, change, is_firing=is_firing)
        assert stage.is_over or not was_over
        was_over = stage.is_over


def test_reminders_that_were_past_at_the_creation_are_skipped() -> None:
    late = _window(handled_until=START - timedelta(hours=30))
    assert [(s.kind, s.minutes) for s in lifecycle.due_steps(late, START - 30 * MINUTE)] == [
        (DueKind.REMIND, 60)
    ]
    assert lifecycle.next_due(late, START - timedelta(hours=30)) == START - timedelta(hours=24)
    assert lifecycle.due_steps(late, START - timedelta(hours=25)) == []


def test_after_a_downtime_each_step_is_due_once_and_in_order_with_its_planned_time() -> None:
    steps = lifecycle.due_steps(_window(), END + timedelta(hours=3))
    assert [(step.kind, step.at) for step in steps] == [
        (DueKind.START, START),
        (DueKind.END, END),
        (DueKind.OVERRUN, END + 15 * MINUTE),
    ]
    assert lifecycle.due_steps(_window(C), END + timedelta(hours=3)) == []
    by_hand = _window(auto_start=False, auto_end=False, reminders=())
    assert [s.kind for s in lifecycle.due_steps(by_hand, END + timedelta(hours=1))] == [DueKind.OVERRUN]
    assert lifecycle.next_due(replace(by_hand, handled_until=END + timedelta(hours=1)), END) is None


def test_a_window_that_waits_for_an_alert_is_checked_again_every_minute() -> None:
    held = _window(V, handled_until=END + 20 * MINUTE)
    assert lifecycle.next_due(held, END + 20 * MINUTE) == END + 21 * MINUTE


@given(st.sampled_from([S, P, V]), st.booleans(), st.booleans(), st.integers(-20_000, 2000))
def test_a_timer_never_runs_without_something_to_do(
    stage: MaintenanceStage, auto_start: bool, auto_end: bool, minutes: int
) -> None:
    now = START + minutes * MINUTE
    window = _window(stage, auto_start=auto_start, auto_end=auto_end, handled_until=now)
    at = lifecycle.next_due(window, now)
    if at is not None:
        assert at > now
        assert lifecycle.due_steps(window, at)


def test_windows_repeat_at_the_same_wall_time_across_a_change_of_clocks() -> None:
    first = datetime(2026, 10, 18, 2)  # noqa: DTZ001 - wall time
    rule = recurrence.checked_rule("rrule:freq=weekly;byday=su;count=3", first, timedelta(hours=2))
    starts = recurrence.starts_between(rule, first, first, first + recurrence.HORIZON)
    assert [(s.day, s.hour) for s in starts] == [(18, 2), (25, 2), (1, 2)]
    monthly = recurrence.monthly(datetime(2026, 12, 6, 2))  # noqa: DTZ001
    assert monthly == "FREQ=MONTHLY;BYDAY=1SU"
    last = recurrence.checked_rule("FREQ=DAILY;UNTIL=20261020", first, timedelta(hours=2))
    starts = recurrence.starts_between(last, first, first, first + recurrence.HORIZON)
    assert [s.day for s in starts] == [18, 19, 20]
    daily = recurrence.starts_between("FREQ=DAILY", first, first, first + recurrence.HORIZON)
    assert len(daily) == recurrence.MAX_WINDOWS


@pytest.mark.parametrize(
    "rule",
    [
        "FREQ=SECONDLY",
        "FREQ=HOURLY",
        "FREQ=WEEKLY;BYHOUR=1",
        "FREQ=WEEKLY;FREQ=DAILY",
        "FREQ=WEEKLY;INTERVAL=0",
        "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=DAILY;UNTIL=20200101",
        "FREQ=DAILY;COUNT=1000",
        "BYDAY=SU",
        "weekly",
        "FREQ=WEEKLY;BYMONTH=13",
        "FREQ=WEEKLY;BYDAY=2SU",
        "FREQ=DAILY;UNTIL=20261399",
        "FREQ=WEEKLY;" * 30,
    ],
)
def test_a_rule_that_repeats_too_often_never_or_not_at_all_is_refused(rule: str) -> None:
    with pytest.raises(Invalid) as refused:
        recurrence.checked_rule(rule, datetime(2026, 10, 18, 2), timedelta(hours=2))  # noqa: DTZ001
    assert set(refused.value.fields) == {"rule"}


BOUNDED = SimpleNamespace(**{**vars(datetime_module), "MAXYEAR": 2036})
"""Ends the search of the library, which looks until the year 9999 for what a rule never meets."""
_WEEKDAYS = st.lists(st.sampled_from(recurrence.WEEKDAYS), min_size=1, max_size=3, unique=True)
_MONTH_DAYS = st.lists(st.integers(1, 31) | st.integers(-31, -1), min_size=1, max_size=3, unique=True)


@st.composite
def _rules(draw: st.DrawFn) -> str:
    freq = draw(st.sampled_from(["DAILY", "WEEKLY", "MONTHLY", "YEARLY"]))
    parts = [f"FREQ={freq}", f"INTERVAL={draw(st.integers(1, 4))}"]
    if draw(st.booleans()):
        nth = draw(st.sampled_from(["", "1", "-1", "3"])) if freq in ("MONTHLY", "YEARLY") else ""
        parts.append("BYDAY=" + ",".join(nth + day for day in draw(_WEEKDAYS)))
    if freq != "WEEKLY" and draw(st.integers(0, 3)) == 0:
        parts.append("BYMONTHDAY=" + ",".join(map(str, draw(_MONTH_DAYS))))
    if draw(st.integers(0, 2)) == 0:
        months = draw(st.lists(st.integers(1, 12), min_size=1, max_size=6, unique=True))
        parts.append("BYMONTH=" + ",".join(map(str, months)))
    if freq == "MONTHLY" and draw(st.integers(0, 3)) == 0:
        parts.append(f"BYSETPOS={draw(st.sampled_from([1, 2, -1]))}")
    if draw(st.integers(0, 3)) == 0:
        parts.append(f"COUNT={draw(st.integers(1, 30))}")
    if draw(st.booleans()):
        parts.append(f"WKST={draw(st.sampled_from(recurrence.WEEKDAYS))}")
    return ";".join(parts)


@settings(max_examples=200)
@given(_rules(), st.integers(0, 1500), st.integers(1, 700))
def test_windows_start_when_the_library_for_calendars_says(rule: str, offset: int, days: int) -> None:
    first = datetime(2026, 1, 1, 2) + timedelta(days=offset)  # noqa: DTZ001 - wall time
    until = first + timedelta(days=days)
    with patch.object(library, "datetime", BOUNDED):
        parsed = library.rrulestr(rule, dtstart=first)
        starts = list(takewhile(lambda start: start <= until, parsed))
    assert recurrence.starts_between(rule, first, first, until) == starts[: recurrence.MAX_WINDOWS]


def test_windows_that_would_overlap_are_refused() -> None:
    with pytest.raises(Invalid):
        recurrence.checked_rule("FREQ=DAILY", datetime(2026, 10, 18, 2), timedelta(hours=25))  # noqa: DTZ001


def _incident(status: ComponentStatus, start: datetime, end: datetime) -> PublicIncident:
    update = PublicUpdate(
        *(9, "u9", 1, Stage.INVESTIGATING, UpdateKind.UPDATE, "Text"),
        (Effect(1, status, start), Effect(1, ComponentStatus.OPERATIONAL, end)),
        *(start, None, start, "Mara"),
    )
    return PublicIncident(9, "i9", None, "Payments", None, start, None, end, 0, (update,))


def _done(start: datetime, end: datetime) -> Maintenance:
    effects = (
        Effect(1, ComponentStatus.UNDER_MAINTENANCE, start),
        Effect(1, ComponentStatus.OPERATIONAL, end),
    )
    return _window(C, *effects, started_at=start, ended_at=end)


@given(
    *[st.integers(0, 300)] * 4,
    st.sampled_from([ComponentStatus.DEGRADED_PERFORMANCE, ComponentStatus.MAJOR_OUTAGE]),
)
def test_maintenance_changes_no_second_of_an_outage(
    a: int, b: int, c: int, d: int, status: ComponentStatus
) -> None:
    end = START + 400 * MINUTE
    outage = _incident(status, START + min(a, b) * MINUTE, START + max(a, b) * MINUTE)
    work = _done(START + min(c, d) * MINUTE, START + max(c, d) * MINUTE)
    alone = uptime.seconds_by_status(derived_status.spans([outage], 1, START, end), START, end)
    both = uptime.seconds_by_status(derived_status.spans([outage, work], 1, START, end), START, end)
    assert both[status] == alone[status]
    assert sum(both.values()) == sum(alone.values()) == 400 * 60
    observed = sum(both.values()) - both[ComponentStatus.UNDER_MAINTENANCE]
    share = uptime.uptime(both, Weights())
    assert share is not None
    assert (1 - share) * observed == both[ComponentStatus.MAJOR_OUTAGE]


PAGE = StatusPage(
    *(1, "kestrel", "Kestrel", "Europe/Stockholm", "", "", PageVisibility.PUBLIC, 30, 0, ANNOUNCED, ANNOUNCED)
)
COMPONENT = Component(1, "c1", None, "Checkout", "", 1, ANNOUNCED.date(), True, ANNOUNCED)


def test_only_the_time_between_the_real_start_and_the_real_end_is_under_maintenance() -> None:
    def shown(window: Maintenance, now: datetime) -> view.StatusView:
        return view.build(Snapshot(PAGE, (), (COMPONENT,), (), (window,)), now)

    before = shown(_window(), START + 5 * MINUTE)
    assert (before.worst, before.indicator.impact) == (ComponentStatus.OPERATIONAL, Impact.NONE)
    started = Effect(1, ComponentStatus.UNDER_MAINTENANCE, START)
    during = shown(_window(P, started, started_at=START), START + 5 * MINUTE)
    assert (during.worst, during.indicator.impact) == (
        ComponentStatus.UNDER_MAINTENANCE,
        Impact.MAINTENANCE,
    )
    assert during.components[0].uptime == 1
    german = languages()["de"]
    assert [headline(during, each) for each in (ENGLISH, german)] == [
        "Maintenance: Database upgrade",
        "Wartung: Database upgrade",
    ]
    assert affected_text(during, german) == "Checkout: In Wartung."
    after = shown(_done(START, END), END + MINUTE)
    assert (after.worst, after.indicator.impact) == (ComponentStatus.OPERATIONAL, Impact.NONE)
    assert after.components[0].bars[-1].state == "maintenance"


def test_of_maintenance_that_repeats_people_see_the_next_window() -> None:
    weekly = [replace(_window(series_id=1), id=n, scheduled_for=START + timedelta(weeks=n)) for n in range(3)]
    single = replace(_window(), id=9, scheduled_for=START + timedelta(days=3))
    windows = tuple(sorted([*weekly, single], key=lambda window: window.scheduled_for))
    shown = view.build(Snapshot(PAGE, (), (COMPONENT,), (), windows), ANNOUNCED)
    assert [window.id for window in shown.next_maintenances] == [0, 9]
    assert len(shown.upcoming_maintenances) == 4


def test_notice_of_less_than_a_day_is_short_and_none_is_an_emergency() -> None:
    assert _window().notice_label == ""
    assert _window(announced_at=START - timedelta(hours=23)).notice_label == "Short notice"
    assert _window(announced_at=START).notice_label == "Emergency"


def test_an_overrun_and_a_forgotten_window_are_findings() -> None:
    def codes(window: Maintenance, now: datetime) -> list[str]:
        return [finding.code for finding in findings.overdue([window], now)]

    running = _window(P, started_at=START)
    assert codes(running, END + 14 * MINUTE) == []
    assert codes(running, END + 15 * MINUTE) == ["T-OVERRUN"]
    assert codes(running, START + timedelta(hours=25)) == ["T-FORGOTTEN"]
    assert codes(_window(), END + 15 * MINUTE) == ["T-OVERRUN"]
    assert codes(_window(C), END + timedelta(days=2)) == []


def test_before_scheduling_an_overlap_short_notice_and_an_open_incident_are_named() -> None:
    incident = replace(_incident(ComponentStatus.MAJOR_OUTAGE, ANNOUNCED, END), resolved_at=None)
    planned = Interval(START + timedelta(hours=1), END)
    checks = findings.before_scheduling(
        planned, {1}, {1: "Checkout"}, [_window()], [incident], START - MINUTE
    )
    assert [check.code for check in checks if isinstance(check, Finding)] == ["notice", "overlap", "incident"]
    checks = findings.before_scheduling(planned, {2}, {}, [_window()], [incident], ANNOUNCED)
    assert not [check for check in checks if isinstance(check, Finding)]


def test_a_calendar_keeps_the_uid_of_a_window_and_says_that_it_is_canceled() -> None:
    update = replace(_window().updates[0], body="Comma, semicolon; \\ and\r\nBEGIN:VEVENT")
    marked = replace(update, body="- **Checkout** [is away](https://a.example)")
    windows = [
        replace(_window(), updates=(marked,)),
        replace(_window(X), public_id="m2", updates=(update,)),
    ]
    text = calendar.calendar("Kestrel", windows, "https://status.kestrel.example/s/kestrel")
    assert all(len(line.encode()) <= 75 for line in text.split("\r\n"))
    events = list(icalendar.Calendar.from_ical(text).walk("VEVENT"))
    assert [(e["uid"], e["status"], e["sequence"]) for e in events] == [
        ("m1@status.kestrel.example", "CONFIRMED", 3),
        ("m2@status.kestrel.example", "CANCELLED", 3),
    ]
    assert (events[0].decoded("dtstart"), events[0].decoded("dtend")) == (START, END)
    assert "BEGIN:VEVENT" in str(events[1]["description"])
    assert str(events[0]["description"]) == "- Checkout is away (https://a.example)"


@pytest.mark.parametrize(
    ("tz", "start", "hours", "internal", "public"),
    [
        # the hour from 02:00 comes twice, and the window ends before it began by the clock
        ("Europe/Stockholm", "2026-10-25T00:30Z", 1, "02:30 CEST – 02:30 CET", "02:30 CEST – 02:30 CET"),
        ("Europe/Stockholm", "2027-03-28T00:30Z", 2, "01:30 CET – 04:30 CEST", "01:30 CET – 04:30 CEST"),
        (
            *("Europe/Stockholm", "2026-10-24T21:00Z", 5),
            "23:00 CEST – Sun 25 Oct 03:00 CET",
            "23:00 CEST – 25 Oct 03:00 CET",
        ),
        (
            *("America/Santiago", "2027-04-04T02:30Z", 2),
            "23:30 UTC-0300 – Sun 4 Apr 00:30 UTC-0400",
            "23:30 -03 – 4 Apr 00:30 -04",
        ),
    ],
)
def test_a_window_over_a_clock_change_says_the_zone_of_both_its_times(
    tz: str, start: str, hours: int, internal: str, public: str
) -> None:
    begin = datetime.fromisoformat(start)
    end = begin + timedelta(hours=hours)
    assert texts.window_text((begin, end), tz).endswith(f" {internal}")
    assert ENGLISH.interval(begin, end, tz).endswith(f" {public}")
    filled = texts.filled("{{impact_start}} to {{impact_end}}", [], (begin, end), tz)
    assert filled == internal.replace(" – ", " to ")


def test_every_time_in_a_text_has_its_zone_and_days_where_they_change() -> None:
    assert texts.window_text((START, END), "Europe/Stockholm") == "Sun 29 Nov 02:00–04:00 CET"
    over_midnight = texts.window_text((START - timedelta(hours=3), START), "Europe/Stockholm")
    assert over_midnight == "Sat 28 Nov 23:00 – Sun 29 Nov 02:00 CET"
    assert texts.instant_text(START, "America/Sao_Paulo") == "Sat 28 Nov 22:00 America/Sao_Paulo"
    body = "{{services}} on {{date}}, {{impact_start}} to {{impact_end}} in {{tz}}: {{summary}}"
    assert texts.filled(body, ["A", "B"], (START, END), "UTC") == (
        "A, B on Sun 29 Nov 2026, 01:00 to 03:00 in UTC: {{summary}}"
    )
