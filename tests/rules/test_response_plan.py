"""The steps of a response: the vectors of spec 4.1 and 4.2, and what is true for all facts."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firebell.incidents.severity import FACTS, Severity
from firebell.kit.errors import Conflict, Invalid
from firebell.response import business_hours, cadence, document, escalation_triggers, plan, toml_text
from firebell.response.defaults import SHIPPED
from firebell.response.model import (
    ANSWER_WITHIN,
    NEXT_TIER,
    BusinessHours,
    ExpertiseRequest,
    Function,
    How,
    MatrixStep,
    ResponseFacts,
    ResponseGroup,
    ResponseSettings,
    ResponseStep,
    RunningClock,
    StepState,
)
from tests.rules.budget import examples

NOW = datetime(2026, 11, 24, 10, 0, tzinfo=UTC)
"""A Tuesday in business hours."""


SET = replace(SHIPPED, groups={group: (f"person:{number}",) for number, group in enumerate(ResponseGroup, 1)})
"""The shipped settings with someone in every group."""


def minutes(number: float) -> timedelta:
    """Return a number of minutes."""
    return timedelta(minutes=number)


def facts(severity: int = 1, **more: Any) -> ResponseFacts:
    """Return the facts of an incident that was declared now."""
    return ResponseFacts(**{"severity": severity, "declared_at": NOW, "since": NOW, **more})


def of(code: str, listed: list[ResponseStep]) -> list[ResponseStep]:
    """Return the steps of a code."""
    return [step for step in listed if step.code == code]


def first(code: str, **more: Any) -> ResponseStep | None:
    """Return the first trigger of a code, None without any."""
    return next(iter(of(code, escalation_triggers.steps(facts(**more)))), None)


def asks(code: str, **more: Any) -> float | None:
    """Return after how many minutes a trigger asks, None for never."""
    step = first(code, **more)
    return (step.ask_at - NOW) / minutes(1) if step and step.ask_at else None


def test_no_progress_asks_after_30_minutes_from_the_last_progress() -> None:
    assert asks("E1") == 30
    assert asks("E1", progress_at=NOW + minutes(12)) == 42
    acted = {"E1:x": StepState(acted_at=NOW + minutes(35))}
    assert asks("E1", states=acted) == 65
    assert asks("E1", severity=2) is None


def test_a_raise_asks_at_once() -> None:
    assert asks("E2") is None
    assert asks("E2", raised_at=NOW + minutes(7), since=NOW + minutes(7)) == 7


def test_a_request_for_an_expert_asks_after_ten_minutes_and_climbs_again_ten_minutes_later() -> None:
    request = ExpertiseRequest(1, "PostgreSQL", NOW, None)
    assert asks("E3", requests=(request,)) == 10
    assert asks("E3", requests=(request,), severity=3) == 10
    assert asks("E3", requests=(replace(request, answered_at=NOW),)) is None
    acted = {"E3:1:x": StepState(acted_at=NOW + minutes(15))}
    assert asks("E3", requests=(request,), states=acted) == 25


@pytest.mark.parametrize(
    ("severity", "role", "after"),
    [(0, "commander", 5), (1, "commander", 10), (0, "scribe", 15), (1, "sme", 15)],
)
def test_a_missing_role_asks_at_its_deadline(severity: int, role: str, after: int) -> None:
    assert asks("E4", severity=severity, missing_roles=(role,)) == after
    assert asks("E4", severity=severity) is None


def test_after_a_raise_missing_roles_are_due_now() -> None:
    raised = NOW + minutes(40)
    assert asks("E4", missing_roles=("sme",), raised_at=raised, since=raised) == 40


def test_an_update_that_is_overdue_by_half_its_interval_asks() -> None:
    assert asks("E5", update_from=NOW, update_due=NOW + minutes(30)) == 45
    assert asks("E5", update_from=NOW + minutes(20), update_due=NOW + minutes(35)) == 42.5
    assert asks("E5") is None


def test_an_incident_over_its_target_asks_after_an_hour() -> None:
    assert asks("E6") == 60
    assert asks("E6", severity=2) is None


def test_a_commander_is_asked_to_hand_over_after_four_hours_and_must_at_sev0_after_eight() -> None:
    on_duty = (7, NOW + minutes(5))
    assert asks("E7", commander_since=on_duty) == 245
    hand_overs = of("E7", escalation_triggers.steps(facts(0, commander_since=on_duty)))
    assert [(step.how, step.ask_at) for step in hand_overs] == [
        (How.ASK, NOW + minutes(245)),
        (How.PAGE, NOW + minutes(485)),
    ]


def test_a_regulatory_deadline_asks_when_a_quarter_of_its_period_is_left() -> None:
    clock = RunningClock("GDPR-33", NOW, NOW + timedelta(hours=72))
    assert asks("E8", clocks=(clock,)) == 54 * 60


def test_an_unanswered_question_acts_five_minutes_after_it_was_asked() -> None:
    for step in escalation_triggers.steps(
        facts(0, missing_roles=("commander",), raised_at=NOW, update_due=NOW, update_from=NOW)
    ):
        assert step.ask_at is not None
        assert step.at - step.ask_at == ANSWER_WITHIN
        assert step.who == NEXT_TIER


def with_pages(level: int, **more: Any) -> ResponseSettings:
    """Return the settings with another response of a severity."""
    return document.with_severity(SET, level, replace(SET.severities[level], **more))


def at(who: str, settings: ResponseSettings, known: ResponseFacts) -> float:
    """Return after how many minutes someone is paged."""
    (step,) = [step for step in plan.steps(settings, known) if step.key == f"page:{who}"]
    return (step.at - NOW) / minutes(1)


def test_a_provisional_sev0_keeps_executives_asleep_for_five_minutes_or_until_it_is_confirmed() -> None:
    provisional = facts(0, provisional=True)
    assert at(ResponseGroup.EXECUTIVES, SET, facts(0)) == 0
    assert at(ResponseGroup.EXECUTIVES, SET, provisional) == 5
    assert at(ResponseGroup.EXECUTIVES, SET, replace(provisional, confirmed_at=NOW + minutes(2))) == 2
    assert at(ResponseGroup.EXECUTIVES, SET, replace(provisional, confirmed_at=NOW + minutes(9))) == 5
    assert at(ResponseGroup.COMMANDER, SET, provisional) == 0


def test_a_response_in_business_hours_waits_for_them() -> None:
    settings = with_pages(2, page=(ResponseGroup.COMMANDER,))
    evening = datetime(2026, 11, 27, 18, 0, tzinfo=UTC)
    known = facts(2, declared_at=evening, since=evening)
    (step,) = [s for s in plan.steps(settings, known) if s.key == "page:commander"]
    assert step.at == datetime(2026, 11, 30, 9, 0, tzinfo=UTC)


def test_the_matrix_counts_from_the_last_raise_and_asks_five_minutes_before() -> None:
    settings = with_pages(1, matrix=(MatrixStep(30, Function.COMMAND, How.PAGE, NEXT_TIER),))
    raised = NOW + minutes(20)
    (step,) = of("matrix", plan.steps(settings, facts(since=raised, raised_at=raised)))
    assert (step.ask_at, step.at) == (raised + minutes(25), raised + minutes(30))


def test_security_is_paged_only_for_a_security_incident() -> None:
    settings = with_pages(1, matrix=(MatrixStep(0, Function.SECURITY, How.PAGE, ResponseGroup.SECURITY),))
    assert of("matrix", plan.steps(settings, facts())) == []
    assert len(of("matrix", plan.steps(settings, facts(is_security=True)))) == 1


def test_nothing_is_planned_for_a_group_without_anyone() -> None:
    assert [step for step in plan.steps(SHIPPED, facts(0)) if step.who in list(ResponseGroup)] == []
    assert {step.who for step in plan.steps(SET, facts(0))} >= {
        ResponseGroup.COMMANDER,
        ResponseGroup.EXECUTIVES,
    }


def test_sev2_and_sev3_never_page_without_a_request() -> None:
    late = {"update_from": NOW, "update_due": NOW, "clocks": (RunningClock("GDPR-33", NOW, NOW),)}
    for severity in (2, 3):
        assert {step.how for step in escalation_triggers.steps(facts(severity, **late))} == {How.ASK}


def test_reminders_come_at_80_and_100_percent() -> None:
    known = facts(update_from=NOW, update_due=NOW + minutes(30))
    assert [(step.at - NOW) / minutes(1) for step in cadence.reminders(known)] == [24, 30]


def test_a_promise_holds_up_to_twice_the_interval_and_never_shortens_it() -> None:
    def due(promised: float, *, is_monitoring: bool = False) -> float:
        instant = cadence.due(NOW, minutes(60), NOW + minutes(promised), is_monitoring=is_monitoring)
        assert instant
        return (instant - NOW) / minutes(1)

    assert [due(90), due(500), due(10), due(100, is_monitoring=True)] == [90, 120, 60, 120]
    assert cadence.due(NOW, None, None, is_monitoring=False) is None


def test_business_hours_keep_wall_time_and_skip_weekends_and_holidays() -> None:
    berlin = BusinessHours(tz="Europe/Berlin", country="DE")
    friday = datetime(2026, 3, 27, 17, 0, tzinfo=UTC)
    # clocks change on the Sunday in between: 09:00 is 07:00 UTC after it
    assert business_hours.next_opening(berlin, friday) == datetime(2026, 3, 30, 7, 0, tzinfo=UTC)
    christmas = datetime(2026, 12, 24, 20, 0, tzinfo=UTC)
    assert business_hours.next_opening(berlin, christmas) == datetime(2026, 12, 28, 8, 0, tzinfo=UTC)
    assert business_hours.is_open(berlin, datetime(2026, 11, 24, 15, 59, tzinfo=UTC))
    assert not business_hours.is_open(berlin, datetime(2026, 11, 24, 16, 0, tzinfo=UTC))


@given(
    severity=st.integers(0, 3),
    raised_after=st.none() | st.integers(0, 300),
    provisional=st.booleans(),
    missing=st.sets(st.sampled_from(["commander", "sme", "comms", "scribe"])),
)
@settings(max_examples=examples(60))
def test_steps_are_unique_ordered_and_never_before_their_cause(
    severity: int, raised_after: int | None, provisional: bool, missing: set[str]
) -> None:
    raised = None if raised_after is None else NOW + minutes(raised_after)
    required = tuple(role for role in FACTS[Severity(severity)].roles if role in missing)
    known = facts(
        severity,
        since=raised or NOW,
        raised_at=raised,
        provisional=provisional,
        missing_roles=required if severity <= 1 else (),
        update_from=NOW,
        update_due=NOW + minutes(30),
    )
    listed = plan.steps(SET, known)
    assert len({step.key for step in listed}) == len(listed)
    assert [step.at for step in listed] == sorted(step.at for step in listed)
    assert all(step.at >= NOW for step in listed)
    assert plan.steps(SET, replace(known, is_open=False)) == []
    acted = replace(known, states={step.key: StepState(acted_at=NOW) for step in listed})
    assert not [step for step in plan.pending(SET, acted) if step in listed]


@given(wait=st.integers(0, 60), confirmed=st.none() | st.integers(0, 90))
@settings(max_examples=examples(40))
def test_executives_are_never_forgotten_and_never_before_the_declaration(
    wait: int, confirmed: int | None
) -> None:
    known = facts(0, provisional=True, confirmed_at=None if confirmed is None else NOW + minutes(confirmed))
    after = at(ResponseGroup.EXECUTIVES, replace(SET, executives_wait=wait), known)
    assert 0 <= after <= wait


def test_settings_survive_json_and_toml() -> None:
    written = document.to_document(SHIPPED)
    assert document.from_document(written) == SHIPPED
    assert toml_text.load(toml_text.dump(written)) == written
    assert document.from_document({}) == SHIPPED


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"hour": {}}, "hour"),
        ({"hours": {"tz": "Mars"}}, "hours.tz"),
        ({"hours": {"start": "17:00", "end": "09:00"}}, "hours.end"),
        ({"hours": {"days": []}}, "hours.days"),
        ({"groups": {"cats": []}}, "groups.cats"),
        ({"groups": {"legal": ["executives"]}}, "groups.legal"),
        ({"severities": {"SEV1": {"page": ["cat:1"]}}}, "severities.SEV1.page"),
        ({"severities": {"SEV1": {"any_hour": 1}}}, "severities.SEV1.any_hour"),
        ({"severities": {"SEV1": {"matrix": [{"after": -1}]}}}, "severities.SEV1.matrix.0.function"),
        ({"executives_wait": True}, "executives_wait"),
    ],
)
def test_a_document_with_an_error_is_refused_at_its_field(values: dict[str, Any], field: str) -> None:
    with pytest.raises(Invalid) as refused:
        document.from_document(values)
    assert list(refused.value.fields) == [field]


def test_the_last_pager_of_sev0_and_sev1_cannot_be_removed() -> None:
    someone = replace(SHIPPED, groups={**SHIPPED.groups, ResponseGroup.COMMANDER: ("person:1",)})
    for level in (0, 1):
        with pytest.raises(Conflict):
            document.check(with_pages(level, page=()), SHIPPED)
    with pytest.raises(Conflict):
        document.check(SHIPPED, someone)
    document.check(with_pages(2, page=()), SHIPPED)
    document.check(someone, SHIPPED)
