"""Action items: states, due days, reminders, completion, findings and what might have been prevented."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firebell.action_items import (
    completion_rate,
    process_checks,
    reminder_times,
    rules,
    validation,
    working_days,
)
from firebell.action_items.model import (
    ActionItem,
    EscalatedTo,
    EvidenceKind,
    ItemEvidence,
    ItemKind,
    ItemState,
    Priority,
    Strength,
)
from firebell.action_items.prevention_questions import preventable
from firebell.action_items.prevention_questions.preventable import IncidentFacts
from firebell.action_items.reminder_times import ReminderKind
from firebell.action_items.rules import StateChange
from firebell.action_items.working_days import WorkingDays
from firebell.kit.errors import Conflict, Invalid
from firebell.kit.findings import FindingLevel

NOW = datetime(2026, 11, 2, 12, tzinfo=UTC)
TODAY = NOW.date()
LINK = ItemEvidence(EvidenceKind.CHANGE, "https://git.example.org/pay/pull/7")
OWNER, OTHER = 1, 2
GERMANY = WorkingDays(country="DE", subdivision="BE")


def item(number: int = 1, **more: Any) -> ActionItem:
    """Return an open item that its owner accepted, due today."""
    values: dict[str, Any] = {
        "id": number,
        "incident_id": 3,
        "postmortem_id": None,
        "task_id": None,
        "title": "Check pools before a deploy",
        "detail": "",
        "kind": ItemKind.PREVENT,
        "strength": Strength.GUARD,
        "priority": Priority.P2,
        "owner_id": OWNER,
        "is_accepted": True,
        "proposed_at": NOW - timedelta(days=40),
        "team_id": None,
        "due": TODAY,
        "state": ItemState.OPEN,
        "duplicate_of": None,
        "blocked_reason": "",
        "moved": 0,
        "evidence": (),
        "source_quote": "",
        "created_at": NOW - timedelta(days=40),
        "created_by": "Mara",
        "changed_at": NOW,
        "done_at": None,
        "done_on": None,
        "dropped_reason": "",
        "risk_accepted_by": "",
        "escalated_to": EscalatedTo.NO_ONE,
        "escalated_at": None,
        "reminded_until": NOW - timedelta(days=40),
        "version": 1,
    }
    return ActionItem(**{**values, **more})


def done(number: int, due: date, on: date) -> ActionItem:
    """Return an item that was finished on a day."""
    return item(
        number,
        due=due,
        state=ItemState.DONE,
        done_on=on,
        done_at=datetime(on.year, on.month, on.day, tzinfo=UTC),
    )


OPEN, GOING, DONE, DROPPED, DUPLICATE = ItemState
REASON = "No longer needed"


@pytest.mark.parametrize(
    ("start", "change", "error"),
    [
        ({}, StateChange(GOING), None),
        ({"owner_id": None, "is_accepted": False}, StateChange(GOING), "owner_id"),
        ({"state": GOING}, StateChange(OPEN), None),
        ({}, StateChange(DONE), None),
        ({}, StateChange(DROPPED), "reason"),
        ({}, StateChange(DROPPED, REASON, OWNER), None),
        ({"priority": Priority.P1}, StateChange(DROPPED, REASON, OWNER), ""),
        ({"priority": Priority.P1}, StateChange(DROPPED, REASON, OTHER), None),
        ({}, StateChange(DROPPED, REASON, OWNER, accepts_risk=True), "accepts_risk"),
        ({"state": DONE, "done_at": NOW}, StateChange(OPEN), "reason"),
        ({"state": DONE, "done_at": NOW}, StateChange(OPEN, REASON), None),
        ({"state": DONE, "done_at": NOW}, StateChange(DROPPED, REASON), ""),
        ({"state": DROPPED}, StateChange(GOING), ""),
        ({}, StateChange(DUPLICATE), "duplicate_of"),
        ({}, StateChange(DUPLICATE, original=item(1)), "duplicate_of"),
        ({}, StateChange(DUPLICATE, original=item(2)), None),
        ({}, StateChange(DUPLICATE, original=item(2, state=DONE, done_at=NOW)), "duplicate_of"),
        ({}, StateChange(DUPLICATE, original=item(2), originals={2: 5, 5: 1}), "duplicate_of"),
        ({"state": DUPLICATE, "duplicate_of": 2}, StateChange(OPEN, REASON), None),
    ],
)
def test_each_change_of_the_state_has_its_guard(
    start: dict[str, Any], change: StateChange, error: str | None
) -> None:
    refusal = rules.refusal(item(**start), change)
    if error is None:
        assert refusal is None
    else:
        assert isinstance(refusal, Conflict | Invalid)
        assert list(refusal.fields) == ([error] if error else [])


@given(st.sampled_from(ItemState), st.sampled_from(ItemState))
def test_no_state_follows_that_the_table_lacks(start: ItemState, to: ItemState) -> None:
    full = StateChange(to, REASON, OTHER, original=item(2))
    allowed = rules.refusal(item(state=start), full) is None
    assert allowed == (to in rules.TRANSITIONS[start])


def test_dropping_a_priority_1_accepts_its_risk_and_no_owner_accepts_their_own() -> None:
    urgent = item(priority=Priority.P1)
    assert rules.accepts_risk(urgent, StateChange(DROPPED, REASON, OTHER))
    assert not rules.accepts_risk(urgent, StateChange(DROPPED, REASON))
    assert not rules.accepts_risk(item(), StateChange(DROPPED, REASON, OTHER))
    assert rules.accepts_risk(item(), StateChange(DROPPED, REASON, OTHER, accepts_risk=True))


@given(st.lists(st.integers(-20, 20), max_size=12))
def test_the_number_of_moves_never_falls(offsets: list[int]) -> None:
    one = item()
    for offset in offsets:
        due = one.due + timedelta(days=offset)
        moved = rules.moves(one, due)
        assert moved == one.moved + (offset > 0)
        refused = rules.due_refusal(one, due, "") is not None
        assert refused == (offset > 0 and one.moved >= 1)
        assert rules.due_refusal(one, due, "The team is on call") is None
        one = replace(one, due=due, moved=moved)
    assert isinstance(rules.due_refusal(item(state=DONE, done_at=NOW), TODAY, ""), Conflict)


def test_an_item_is_due_on_a_working_day() -> None:
    friday = date(2026, 12, 11)
    assert working_days.default_due(WorkingDays(), Priority.P1, friday - timedelta(days=14)) == friday
    assert working_days.default_due(WorkingDays(), Priority.P1, friday - timedelta(days=13)) == date(
        2026, 12, 14
    )
    # 25 and 26 December 2026 are a Friday and a Saturday
    assert working_days.from_day_on(GERMANY, date(2026, 12, 25)) == date(2026, 12, 28)
    assert working_days.add_working_days(GERMANY, date(2026, 12, 24), 1) == date(2026, 12, 28)
    assert working_days.from_day_on(WorkingDays(weekdays=()), friday) == friday


@pytest.mark.parametrize(
    ("day", "by_person", "is_accepted"),
    [
        (date(2026, 12, 14), True, True),
        (date(2026, 12, 12), True, False),
        (date(2026, 12, 12), False, True),
        (date(2026, 12, 25), True, False),
        (date(1900, 1, 1), True, False),
        (date(1900, 1, 1), False, False),
        (date(2100, 1, 1), True, False),
    ],
)
def test_a_due_day_is_a_working_day_within_reach(day: date, by_person: bool, is_accepted: bool) -> None:
    if is_accepted:
        assert validation.due(GERMANY, day, by_person=by_person) == day
        return
    with pytest.raises(Invalid) as caught:
        validation.due(GERMANY, day, by_person=by_person)
    assert list(caught.value.fields) == ["due"]


@pytest.mark.parametrize(
    ("urls", "is_accepted"),
    [
        (["https://git.example.org/pull/7"], True),
        (["/runbooks/failover"], True),
        (["javascript:alert(1)"], False),
        (["//evil.example.org"], False),
        (["https://"], False),
        ([f"https://x.example.org/{n}" for n in range(21)], False),
    ],
)
def test_evidence_is_a_link(urls: list[str], is_accepted: bool) -> None:
    values = [{"url": url} for url in urls]
    if is_accepted:
        assert [one.url for one in validation.evidence(values)] == urls
        assert len(validation.evidence(values * 2)) == len(urls)
        return
    with pytest.raises(Invalid):
        validation.evidence(values)


def test_a_title_says_something() -> None:
    assert validation.title("  Add a\tguard  ") == "Add a guard"
    for bad in ("", "Fix it", "x" * 201):
        with pytest.raises(Invalid):
            validation.title(bad)


def _sent(one: ActionItem, days: int, tz: str = "UTC") -> list[tuple[int, str]]:
    """Return (offset in days from the due day, kind) of each reminder of an item whose timer runs each day."""
    sent: list[tuple[int, str]] = []
    for offset in range(-10, days):
        at = working_days.morning(one.due + timedelta(days=offset), tz)
        sent += [(offset, str(r.kind)) for r in reminder_times.due_reminders(one, WorkingDays(), tz, at)]
        one = replace(one, reminded_until=at)
    return sent


def test_reminders_come_before_the_due_day_on_it_and_weekly_and_escalate_twice() -> None:
    owner, lead, manager = "owner", "lead", "manager"
    expected = [
        (-7, owner),
        (-1, owner),
        (0, owner),
        (4, lead),
        (7, owner),
        (14, owner),
        (15, manager),
        (21, owner),
    ]
    assert _sent(item(), 24) == expected
    assert _sent(item(state=DONE, done_at=NOW), 24) == []


def test_reminders_come_at_nine_in_the_zone_of_the_owner_and_not_for_what_passed() -> None:
    one = item(reminded_until=NOW, due=date(2026, 11, 4))
    at = reminder_times.next_at(one, WorkingDays(), "America/New_York", NOW)
    assert at == datetime(2026, 11, 3, 14, tzinfo=UTC)
    late = NOW + timedelta(days=60)
    kinds = [r.kind for r in reminder_times.due_reminders(one, WorkingDays(), "UTC", late)]
    assert sorted(kinds) == [ReminderKind.LEAD, ReminderKind.MANAGER, ReminderKind.OWNER]


def test_a_proposal_without_answer_goes_to_the_lead_after_three_working_days() -> None:
    # proposed on Thursday 5 November: three working days later is Tuesday
    proposed = datetime(2026, 11, 5, 15, tzinfo=UTC)
    one = item(is_accepted=False, proposed_at=proposed, reminded_until=proposed, due=date(2026, 12, 14))
    assert reminder_times.next_at(one, WorkingDays(), "UTC", proposed) == datetime(
        2026, 11, 10, 9, tzinfo=UTC
    )
    assert not reminder_times.is_unanswered(one, WorkingDays(), date(2026, 11, 9))
    assert reminder_times.is_unanswered(one, WorkingDays(), date(2026, 11, 10))
    assert not reminder_times.is_unanswered(replace(one, is_accepted=True), WorkingDays(), date(2026, 12, 1))


def test_completion_of_the_vector_of_the_specification() -> None:
    october = [
        done(1, date(2026, 10, 5), date(2026, 10, 4)),
        done(2, date(2026, 10, 10), date(2026, 10, 16)),
        done(3, date(2026, 10, 12), date(2026, 10, 25)),
        item(4, due=date(2026, 10, 20)),
        done(5, date(2026, 10, 30), date(2026, 10, 30)),
        done(6, date(2026, 11, 3), date(2026, 10, 20)),
    ]
    result = completion_rate.completion(october, date(2026, 10, 1), date(2026, 11, 1), TODAY)
    assert (result.done, result.due, result.in_grace, result.unproven) == (3, 5, 0, 3)
    assert result.interval is not None
    assert [round(bound, 4) for bound in result.interval] == [0.2307, 0.8824]
    assert (result.percent, result.result) == (60, "missed")


@pytest.mark.parametrize(
    ("one", "counts"),
    [
        (item(due=TODAY - timedelta(days=7)), (0, 0, 1)),
        (item(due=TODAY - timedelta(days=8)), (0, 1, 0)),
        (done(1, TODAY - timedelta(days=20), TODAY - timedelta(days=13)), (1, 1, 0)),
        (done(1, TODAY - timedelta(days=20), TODAY - timedelta(days=12)), (0, 1, 0)),
        (item(due=TODAY - timedelta(days=2), state=DROPPED), (0, 1, 0)),
        (item(due=TODAY - timedelta(days=2), state=DROPPED, risk_accepted_by="Lena"), (0, 0, 0)),
        (item(due=TODAY - timedelta(days=2), state=DUPLICATE, duplicate_of=9), (0, 0, 0)),
        (item(due=TODAY + timedelta(days=1)), (0, 0, 0)),
    ],
)
def test_completion_counts_each_item_once(one: ActionItem, counts: tuple[int, int, int]) -> None:
    result = completion_rate.completion([one], *completion_rate.window(TODAY), TODAY)
    assert (result.done, result.due, result.in_grace) == counts


@given(
    st.lists(st.tuples(st.integers(-100, 10), st.sampled_from(ItemState), st.integers(-30, 30)), max_size=20)
)
def test_completion_is_a_share_of_what_was_due(rows: list[tuple[int, ItemState, int]]) -> None:
    items = [
        item(n, due=TODAY + timedelta(days=due), state=state, done_on=TODAY + timedelta(days=due + late))
        for n, (due, state, late) in enumerate(rows)
    ]
    result = completion_rate.completion(items, *completion_rate.window(TODAY), TODAY)
    assert 0 <= result.unproven <= result.done <= result.due <= len(items) - result.in_grace
    if result.interval and result.share is not None:
        assert result.interval[0] <= result.share <= result.interval[1]
    # the target is more than 90%, so that 9 of 10 miss it
    assert completion_rate.Completion(9, 10, 0).result == "missed"


@pytest.mark.parametrize(
    ("one", "expected"),
    [
        (item(), []),
        (item(due=TODAY - timedelta(days=1)), [("P-STALE", FindingLevel.WARNING)]),
        (item(due=TODAY - timedelta(days=15)), [("P-STALE", FindingLevel.ERROR)]),
        (item(moved=3), [("P-STALE", FindingLevel.ERROR)]),
        (item(moved=3, state=DONE, done_at=NOW, evidence=(LINK,)), []),
        (item(state=DONE, done_at=NOW), [("P-UNPROVEN", FindingLevel.INFO)]),
        (item(owner_id=None, is_accepted=False), [("P-UNOWNED", FindingLevel.WARNING)]),
        (item(is_accepted=False), [("P-UNOWNED", FindingLevel.WARNING)]),
        (item(is_accepted=False, proposed_at=NOW), []),
    ],
)
def test_findings_name_what_is_ignored_unowned_and_unproven(
    one: ActionItem, expected: list[tuple[str, FindingLevel]]
) -> None:
    results = process_checks.findings("INC-3", [one], WorkingDays(), TODAY)
    assert [(f.code, f.level) for f in results] == expected


DECLARED = datetime(2026, 11, 2, 10, tzinfo=UTC)
POOLS = IncidentFacts("Checkout connection pool exhausted", frozenset({1}), frozenset({"PoolExhausted"}))


@pytest.mark.parametrize(
    ("one", "facts", "reason"),
    [
        ({"due": date(2026, 10, 1)}, POOLS, "rule"),
        ({"due": date(2026, 10, 1)}, replace(POOLS, rules=frozenset()), "similar"),
        ({"due": date(2026, 10, 1)}, replace(POOLS, rules=frozenset(), text="A typo on a label"), None),
        ({"due": date(2026, 10, 1)}, replace(POOLS, service_ids=frozenset({2})), None),
        ({"due": date(2026, 11, 2)}, POOLS, None),
        ({"due": date(2026, 10, 1), "state": DROPPED}, POOLS, "rule"),
        ({"due": date(2026, 10, 1), "state": DROPPED, "risk_accepted_by": "Lena"}, POOLS, None),
        ({"due": date(2026, 10, 1), "state": DONE, "done_at": DECLARED - timedelta(days=1)}, POOLS, None),
        ({"due": date(2026, 10, 1), "state": DONE, "done_at": DECLARED + timedelta(days=1)}, POOLS, "rule"),
        ({"due": date(2026, 10, 1), "created_at": DECLARED}, POOLS, None),
    ],
)
def test_a_question_is_asked_about_what_was_overdue_and_alike(
    one: dict[str, Any], facts: IncidentFacts, reason: str | None
) -> None:
    new = IncidentFacts(
        "Checkout: the connection pool is exhausted", frozenset({1}), frozenset({"PoolExhausted"})
    )
    asked = preventable.candidates(new, DECLARED, [(item(**one), facts)])
    assert [c.reason for c in asked] == ([reason] if reason else [])
    assert all(c.days_overdue == 32 for c in asked)


def test_the_cosine_of_the_specification() -> None:
    assert preventable.cosine({"a": 3.0, "b": 4.0}, {"a": 4.0, "b": 3.0}) == pytest.approx(0.96)
    assert preventable.cosine({}, {"a": 1.0}) == 0
    assert pytest.approx(0.726) == preventable.TEXT_WEIGHT * 0.96 + preventable.SERVICE_WEIGHT
