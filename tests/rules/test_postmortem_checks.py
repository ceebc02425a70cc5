"""The process checks of post-mortems and their due times (pure)."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firebell.kit.findings import FindingLevel
from firebell.postmortems.checks.content_checks import ContentProblem, KnownWaiver, content_problems
from firebell.postmortems.checks.listed_items import ListedAction, listed_actions, problems
from firebell.postmortems.checks.process_checks import PostmortemRecord, findings
from firebell.postmortems.deadlines import GuidedDeadline, due_at, step_due_at
from firebell.postmortems.reminders.reminder_times import plan, reminders, working_instant

CLOSED = datetime(2026, 11, 24, 10, tzinfo=UTC)  # a Tuesday
DUE = CLOSED + timedelta(hours=48)
TEMPLATE = "## Summary\n\n_In three sentences: what happened?_\n"
WHYS = """\
- effect: card payments failed [t:1]
  - why: the pool was full [t:2]
    - root: nothing limits the pool (factor: latent.guard) -> ACT-8
    - root: no alert watches it (factor: latent.alerting) -> ACT-9
"""
COMPLETE = f"""\
# INC-1

## Summary

Card payments failed, and a rollback ended it [t:1].

## Impact

1,200 payments failed [p:3].

## Timeline

| Time | What |
| --- | --- |
| 10:02 | Maria restarted the worker |

## Root cause

{WHYS}
## What went well

- The alert came before the first report.

## What went wrong

- The dashboard was green.

## Action items

| What | Owner | Due |
| --- | --- | --- |
| Limit the pool of checkout | Leon Fischer | 2026-12-11 |
"""


def codes(body: str, severity: int = 1, waivers: tuple[KnownWaiver, ...] = ()) -> list[str]:
    return [
        p.code for p in content_problems(body, TEMPLATE, severity, ["Maria Lopez"], ["Payments"], waivers)
    ]


def test_a_complete_document_has_no_problem() -> None:
    assert codes(COMPLETE) == []
    assert codes(COMPLETE, 0) == []


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("## What went well", "## Praise", ["P-SECTIONS"]),
        ("- The dashboard was green.", "", ["P-SECTIONS"]),
        ("- The dashboard was green.", "<!-- later -->", ["P-SECTIONS"]),
        ("Card payments failed, and", "_In three sentences: what happened?_", ["P-SECTIONS"]),
        ("1,200 payments failed [p:3].", "1,200 payments failed.", ["P-EVIDENCE"]),
        ("1,200 payments failed [p:3].", "1,200 failed. 40% were retried.", ["P-EVIDENCE"]),
        (WHYS, "- effect: it failed\n  - root: no guard (factor: latent.guard)\n", ["P-WHYS"]),
        (
            "- root: no alert watches it (factor: latent.alerting) -> ACT-9",
            "- why: Maria was tired",
            ["P-WHYS"],
        ),
        (WHYS, "The pool was full.\n", ["P-WHYS"]),
        (WHYS, "1. The pool was full.\n2. Nothing limits it.\n3. No one owns it.\n", []),
        ("| Leon Fischer |", "| |", ["P-ACTIONS"]),
        ("| Leon Fischer |", "| Payments |", ["P-ACTIONS"]),
        ("| Leon Fischer |", "| the platform team |", ["P-ACTIONS"]),
        ("| 2026-12-11 |", "| soon |", ["P-ACTIONS"]),
        ("Limit the pool of checkout", "Monitoring", ["P-ACTIONS"]),
        ("| Limit the pool of checkout | Leon Fischer | 2026-12-11 |", "", ["P-ACTIONS"]),
        ("| Limit the pool of checkout | Leon Fischer | 2026-12-11 |", "| ACT-8 | | |", []),
        ("The dashboard was green.", "Maria failed to look.", ["P-BLAME"]),
        ("The dashboard was green.", "Maria failed to look. <!-- ok: her own words -->", []),
        ("Maria restarted the worker", "Maria failed to look", []),
    ],
)
def test_a_document_that_lacks_something(old: str, new: str, expected: list[str]) -> None:
    assert old in COMPLETE
    assert list(dict.fromkeys(codes(COMPLETE.replace(old, new)))) == expected


def test_a_minor_incident_needs_no_action_item_and_no_chain() -> None:
    body = COMPLETE.replace("| Limit the pool of checkout | Leon Fischer | 2026-12-11 |", "Nothing to do.")
    assert codes(body.replace(WHYS, "The pool was full.\n"), 2) == []


def test_a_sev0_has_more_than_one_branch() -> None:
    one = WHYS.replace("    - root: no alert watches it (factor: latent.alerting) -> ACT-9\n", "")
    assert codes(COMPLETE.replace(WHYS, one), 0) == ["P-WHYS"]
    assert codes(COMPLETE.replace(WHYS, one), 1) == []


def test_a_comment_that_waives_a_sentence_covers_it_alone() -> None:
    body = COMPLETE.replace("The dashboard was green.", "Maria failed to look.\n- The reviewer missed it.")
    assert codes(body) == ["P-BLAME", "P-BLAME"]
    assert codes(body, waivers=(KnownWaiver("B3", "Maria failed to look."),)) == ["P-BLAME"]
    assert codes(body, waivers=(KnownWaiver("B1", "Maria failed to look."), KnownWaiver("B3", ""))) == [
        "P-BLAME",
        "P-BLAME",
    ]


def test_an_empty_document_lacks_every_section() -> None:
    listed = content_problems("", TEMPLATE, 1, [], [])
    assert [p.code for p in listed] == ["P-SECTIONS"] * 7 + ["P-ACTIONS"]
    assert len({(p.code, p.key) for p in listed}) == 8


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("- [ ] Add an alert (Leon, 2026-12-01)", [ListedAction("Add an alert", "Leon", "2026-12-01")]),
        ("1. Add an alert (Leon)", [ListedAction("Add an alert", "Leon", "")]),
        ("* Add an alert", [ListedAction("Add an alert", "", "")]),
        (
            "| Owner | When | Task |\n|---|---|---|\n| Leon | 3 Dec | Add it |",
            [ListedAction("Add it", "Leon", "3 Dec")],
        ),
        ("| What |\n| --- |\n| Add it |", [ListedAction("Add it", "", "")]),
        ("| A | B |\n| --- | --- |\n| Add it | x | y |", [ListedAction("Add it", "", "")]),
        ("| What | Owner | Due |\n| --- | --- | --- |\n| _Verb and object_ | | |", []),
        ("- Limit the pool, ACT-8 (Leon)", []),
        ("We accept the risk.", []),
        ("", []),
        ("|||\n|||", []),
    ],
)
def test_action_items_are_read_from_tables_and_lists(text: str, expected: list[ListedAction]) -> None:
    assert listed_actions(text) == expected


@given(st.text(alphabet="|-* []()_:ACT-8\nab1,", max_size=200))
def test_any_text_can_be_read_for_action_items(text: str) -> None:
    for item in listed_actions(text):
        assert item.what
        assert isinstance(problems(item, ["a"]), list)


RECORD = PostmortemRecord("INC-1", 1, True, CLOSED, DUE, "draft", "Mara", CLOSED + timedelta(hours=1))


def found(record: PostmortemRecord, hours: float) -> list[tuple[str, str]]:
    return [(f.code, f.level) for f in findings(record, CLOSED + timedelta(hours=hours))]


@pytest.mark.parametrize(
    ("record", "hours", "expected"),
    [
        (RECORD, 47.9, []),
        (RECORD, 48.1, [("P-SKIPPED", "error")]),
        (replace(RECORD, written_at=None), 23.9, []),
        (replace(RECORD, written_at=None), 24, [("P-SKIPPED", "warning")]),
        (replace(RECORD, written_at=None), 49, [("P-SKIPPED", "error")]),
        (replace(RECORD, max_severity=2, written_at=None), 24, [("P-SKIPPED", "info")]),
        (replace(RECORD, max_severity=2), 49, [("P-SKIPPED", "warning")]),
        (replace(RECORD, state="", written_at=None), 24, [("P-SKIPPED", "warning")]),
        (replace(RECORD, state="", written_at=None, is_required=False), 99, []),
        (replace(RECORD, state="published", published_at=DUE), 99, []),
        (
            replace(RECORD, state="published", published_at=DUE + timedelta(hours=1)),
            99,
            [("P-SKIPPED", "error")],
        ),
        (replace(RECORD, state="withdrawn"), 99, []),
    ],
)
def test_a_post_mortem_that_is_late(
    record: PostmortemRecord, hours: float, expected: list[tuple[str, str]]
) -> None:
    assert found(record, hours) == expected


@pytest.mark.parametrize(
    ("code", "hours"),
    [("P-EVIDENCE", 24), ("P-WHYS", 36), ("P-ACTIONS", 36), ("P-SECTIONS", 44), ("P-BLAME", 44)],
)
def test_a_problem_of_the_text_counts_from_the_time_of_its_step(code: str, hours: float) -> None:
    problem = ContentProblem(code, "x", FindingLevel.WARNING, "m", "a")
    record = replace(RECORD, problems=[problem])
    assert found(record, hours - 0.1) == []
    assert found(record, hours) == [(code, "warning")]
    assert found(replace(record, max_severity=3), hours) == [(code, "info")]
    assert found(replace(record, state="review"), 0) == [(code, "warning")]
    assert found(replace(record, state="published", published_at=DUE), hours) == []


def test_due_times_follow_the_severity() -> None:
    assert due_at(0, False, CLOSED, "UTC") == due_at(1, False, CLOSED, "UTC") == DUE
    assert due_at(2, False, CLOSED, "UTC") == CLOSED + timedelta(days=7)
    assert due_at(1, True, CLOSED, "Europe/Berlin") == datetime(2026, 11, 24, 23, tzinfo=UTC)
    week = CLOSED + timedelta(days=7)
    assert step_due_at(GuidedDeadline.WHYS, CLOSED, DUE) == CLOSED + timedelta(hours=36)
    assert step_due_at(GuidedDeadline.WHYS, CLOSED, week) == CLOSED + timedelta(hours=126)
    for due in (DUE, week):
        times = [step_due_at(step, CLOSED, due) for step in GuidedDeadline]
        assert times == sorted(times)
        assert times[-1] == due


def test_the_reminders_of_a_major_incident() -> None:
    listed = reminders(CLOSED, DUE)
    hours = [(one.at - CLOSED) / timedelta(hours=1) for one in listed]
    assert hours == [24, 36, 44, 48, 72, 96, 120, 144, 168]
    assert [one.mark for one in listed if one.to_managers] == [
        "due",
        "day+1",
        "day+2",
        "day+3",
        "day+4",
        "day+5",
    ]


@pytest.mark.parametrize(
    ("at", "tz", "expected"),
    [
        ("2026-11-25T10:00", "UTC", "2026-11-25T10:00"),
        ("2026-11-25T22:00", "UTC", "2026-11-26T09:00"),
        ("2026-11-25T04:00", "UTC", "2026-11-25T09:00"),
        ("2026-11-27T17:00", "UTC", "2026-11-30T09:00"),
        ("2026-11-28T12:00", "UTC", "2026-11-30T09:00"),
        ("2026-11-25T22:00", "America/Los_Angeles", "2026-11-25T22:00"),
        ("2026-03-28T23:30", "Europe/Berlin", "2026-03-30T07:00"),
        ("2026-10-23T20:00", "Europe/Berlin", "2026-10-26T08:00"),
    ],
)
def test_a_reminder_waits_for_working_hours(at: str, tz: str, expected: str) -> None:
    instant, moved = (datetime.fromisoformat(each).replace(tzinfo=UTC) for each in (at, expected))
    assert working_instant(instant, tz) == moved


def test_each_reminder_is_planned_once_and_none_before_its_time() -> None:
    listed = reminders(CLOSED, DUE)
    sent: list[str] = []
    now: datetime | None = CLOSED
    log = []
    while now is not None:
        ready, now_next = plan(listed, sent, now, "UTC")
        log += [(one.mark, (now - CLOSED) / timedelta(hours=1)) for one in ready]
        sent += [one.mark for one in ready]
        assert now_next is None or now_next > now
        now = now_next
    assert log == [
        ("24h", 24),
        ("36h", 44),  # 22:00 waits for the morning, and the reminder of 44 hours comes first
        ("44h", 44),
        ("due", 48),
        ("day+1", 72),
        ("day+2", 143),  # the weekend
        ("day+3", 143),
        ("day+4", 144),
        ("day+5", 168),
    ]


@pytest.mark.parametrize("tz", ["UTC", "Asia/Kolkata", "America/Los_Angeles"])
def test_no_reminder_of_a_near_miss_rings_at_night(tz: str) -> None:
    reported_at = datetime(2026, 11, 24, 3, 14, tzinfo=UTC)
    listed = reminders(reported_at, reported_at + timedelta(days=7), may_be_urgent=False)
    sent: list[str] = []
    now: datetime | None = reported_at
    while now is not None:
        ready, now_next = plan(listed, sent, now, tz)
        assert not ready or working_instant(now, tz) == now
        assert not any(one.is_urgent for one in ready)
        sent += [one.mark for one in ready]
        now = now_next
    assert sent == [one.mark for one in listed]


@given(st.integers(0, 24 * 7), st.sampled_from(["UTC", "Asia/Kolkata", "America/Los_Angeles"]), st.booleans())
def test_a_late_start_sends_all_that_passed_at_once_and_ends(hours: int, tz: str, is_week: bool) -> None:
    due = CLOSED + timedelta(days=7 if is_week else 2)
    listed = reminders(CLOSED, due)
    now = CLOSED + timedelta(hours=hours)
    ready, next_at = plan(listed, (), now, tz)
    assert all(one.at <= now for one in ready)
    assert next_at is None or next_at > now
    again, same = plan(listed, [one.mark for one in ready], now, tz)
    assert (again, same) == ([], next_at)
