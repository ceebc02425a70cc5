"""Phases and guards: T1 every pair is allowed or refused with a reason; cadence and checks."""

import itertools
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar, cast

import pytest

from firebell.incidents import store
from firebell.incidents.checks import process_checks
from firebell.incidents.checks.model import CheckRecord
from firebell.incidents.closing.rules import (
    ClosingCondition,
    ClosingFacts,
    LinkedAlert,
    conditions,
    open_tasks,
)
from firebell.incidents.model import Incident, IncidentRole, Phase, TimelineEntry
from firebell.incidents.phases.lifecycle import ALLOWED, GuardFacts, postmortem_required, refusal
from firebell.incidents.severity_changes.rules import severity_refusal
from firebell.incidents.update_deadlines.rules import next_update
from firebell.kit.db.database import Tx
from firebell.kit.drill_clock import DrillClock, drill_time, on_drill_time, real_time
from firebell.kit.intervals import Interval
from firebell.response import cadence
from tests.rules.finished import finished

NOW = datetime(2026, 11, 24, 3, 14, tzinfo=UTC)
READY = GuardFacts(frozenset({IncidentRole.COMMANDER}), (), True, True)
MEASURED = LinkedAlert("5xx above 5%", "PG-7", NOW, NOW, "source")


def incident(**more: Any) -> Incident:
    base: dict[str, Any] = {
        "id": 214,
        "title": "Card payments fail",
        "summary": "",
        "conditions": "",
        "actions": "",
        "needs": "",
        "severity": 1,
        "max_severity": 1,
        "answers": {},
        "provisional": False,
        "phase": Phase.DECLARED,
        "drill": False,
        "impact_start": None,
        "detected_at": NOW,
        "declared_at": NOW,
        "mitigated_at": None,
        "impact_end": None,
        "resolved_at": None,
        "stable_since": None,
        "closed_at": None,
        "last_update_at": None,
        "update_due_at": None,
        "severity_at": NOW,
        "reopen_count": 0,
        "declared_by": None,
        "version": 1,
    }
    return Incident(**{**base, **more})


@pytest.mark.parametrize(("old", "new"), list(itertools.product(Phase, Phase)))
def test_t1_every_pair_is_decided(old: Phase, new: Phase) -> None:
    subject = incident(phase=old, stable_since=NOW - timedelta(hours=1), closed_at=NOW)
    why = refusal(subject, new, READY, NOW)
    assert (why is None) == (new in ALLOWED[old])
    if why and ALLOWED[old]:
        assert str(ALLOWED[old][0]) in why


def test_a_sev1_is_not_investigated_without_a_commander() -> None:
    why = refusal(incident(), Phase.INVESTIGATING, GuardFacts(frozenset()), NOW)
    assert "commander" in (why or "")
    assert refusal(incident(severity=2), Phase.INVESTIGATING, GuardFacts(frozenset()), NOW) is None


def test_mitigating_and_resolving_need_a_mitigation() -> None:
    bare = GuardFacts(frozenset({IncidentRole.COMMANDER}))
    assert "mitigation" in (refusal(incident(), Phase.MITIGATING, bare, NOW) or "")
    assert "mitigation" in (refusal(incident(), Phase.MONITORING, bare, NOW) or "")


def _missing(facts: ClosingFacts, now: datetime, **more: Any) -> dict[str, str]:
    subject = incident(**{"phase": Phase.MONITORING, "stable_since": NOW, **more})
    return {c.code: c.sentence for c in conditions(subject, facts, now) if not c.is_met}


def test_closing_waits_for_thirty_stable_minutes() -> None:
    facts = ClosingFacts([MEASURED])
    assert "(1 min left)" in _missing(facts, NOW + timedelta(minutes=29, seconds=1))["stable"]
    assert _missing(facts, NOW + timedelta(minutes=30)) == {}
    late = NOW + timedelta(hours=1)
    assert "PG-7" in _missing(ClosingFacts([MEASURED], ["PG-7"]), late)["pages"]


def test_who_closes_an_incident_learns_once_which_pages_are_open() -> None:
    def pages(*refs: str) -> ClosingCondition:
        facts = ClosingFacts([MEASURED], refs)
        return next(c for c in conditions(incident(), facts, NOW) if c.code == "pages")

    # the refusal and the CLI show the remedy alone, the page both
    assert pages("PG-7").sentence == "A linked page is open. Resolve PG-7."
    assert (pages("PG-7").remedy, pages("PG-7").evidence) == ("Resolve PG-7.", "")
    many = pages(*(f"PG-{number}" for number in range(1, 7)))
    assert many.sentence == ("6 linked pages are open. Resolve PG-1, PG-2, PG-3, PG-4, PG-5 and more.")


def test_open_tasks_are_named() -> None:
    assert open_tasks(incident(), ()).is_met
    condition = open_tasks(incident(), [f"Task {i}" for i in range(7)])
    assert (condition.is_met, condition.title) == (False, "7 required tasks are open")
    assert condition.evidence.endswith("and 2 more.")


def test_reopening_ends_after_a_day() -> None:
    subject = incident(phase=Phase.CLOSED, closed_at=NOW)
    assert refusal(subject, Phase.INVESTIGATING, READY, NOW + timedelta(hours=24)) is None
    assert "new incident" in (refusal(subject, Phase.INVESTIGATING, READY, NOW + timedelta(hours=25)) or "")


def test_severity_rises_without_debate_and_falls_with_a_reason() -> None:
    assert severity_refusal(incident(severity=2), 0, "", NOW, NOW) is None
    assert "reason" in (severity_refusal(incident(), 2, " ", None, NOW) or "")
    soon = NOW + timedelta(minutes=14)
    assert "15 minutes" in (severity_refusal(incident(), 2, "only one shard", NOW, soon) or "")
    assert severity_refusal(incident(), 2, "only one shard", NOW, NOW + timedelta(minutes=15)) is None


def test_the_cadence_counts_from_the_last_update() -> None:
    assert next_update(incident()) == NOW + timedelta(minutes=30)
    planned = NOW + timedelta(minutes=20)
    assert next_update(incident(severity=0, last_update_at=planned)) == planned + timedelta(minutes=15)
    assert next_update(incident(phase=Phase.MONITORING)) == NOW + timedelta(minutes=60)
    assert next_update(incident(phase=Phase.CLOSED)) is None
    assert next_update(incident(severity=3)) is None
    reopened = NOW + timedelta(hours=20)
    assert next_update(incident(last_update_at=NOW, reopened_at=reopened)) == reopened + timedelta(minutes=30)
    later = reopened + timedelta(minutes=10)
    assert next_update(incident(last_update_at=later, reopened_at=reopened)) == later + timedelta(minutes=30)


def test_a_postmortem_is_owed_for_the_worst_severity_ever_held() -> None:
    assert postmortem_required(incident(severity=3, max_severity=1))
    assert not postmortem_required(incident(severity=2, max_severity=2))
    assert not postmortem_required(incident(drill=True))


def minute(number: float) -> datetime:
    return NOW + timedelta(minutes=number)


@pytest.mark.parametrize(
    ("clock", "due_min", "customers_min"),
    [
        # minutes after the start at which an update is due that was last posted 10 minutes after it; SEV1: every 30
        (None, 40, 70),
        (DrillClock(NOW), 40, 70),
        (DrillClock(NOW, speed=5), 16, 22),
        (DrillClock(NOW, pauses=(Interval(minute(12), minute(42)),)), 70, 100),
        (DrillClock(NOW, pauses=(Interval(minute(2), minute(4)),)), 40, 70),
        (DrillClock(NOW, paused_at=minute(12)), None, None),
        (DrillClock(NOW, finished_at=minute(12)), None, None),
    ],
)
def test_updates_are_due_on_drill_time(
    clock: DrillClock | None, due_min: float | None, customers_min: float | None
) -> None:
    of_drill = incident(drill=True, severity=1, last_update_at=minute(10), drill_clock=clock)
    assert next_update(of_drill) == (None if due_min is None else minute(due_min))
    customers = cadence.due(minute(10), timedelta(minutes=60), None, is_monitoring=False, clock=clock)
    assert customers == (None if customers_min is None else minute(customers_min))


def test_a_promise_holds_on_drill_time() -> None:
    fast = DrillClock(NOW, speed=2)
    due = cadence.due(minute(10), timedelta(minutes=30), minute(30), is_monitoring=False, clock=fast)
    assert due == minute(30)  # 40 minutes of drill time after the last
    assert real_time(fast, drill_time(fast, minute(7))) == minute(7)
    assert drill_time(fast, minute(-7)) == minute(-7)


def test_the_checks_of_a_drill_count_drill_time() -> None:
    """An hour in which the drill was paused is no hour without an update."""
    of_drill = incident(drill=True, severity=1, phase=Phase.INVESTIGATING)
    entry = TimelineEntry(1, NOW, NOW, "declared", "Mara", 1, "declared", {"severity": 1})
    clock = DrillClock(NOW, pauses=(Interval(minute(5), minute(65)),))

    def codes(of: Incident) -> set[str]:
        record = CheckRecord(of, [entry], ()).on_drill_time()
        return {each.code for each in process_checks.findings(record, drill_time(of.drill_clock, minute(70)))}

    assert "I-UPDATE" in codes(of_drill)
    assert "I-UPDATE" not in codes(replace(of_drill, drill_clock=clock))
    assert on_drill_time(clock, of_drill).declared_at == NOW


def test_a_list_of_services_is_shown_although_an_incident_just_became_private() -> None:
    class _TxStub:
        """Lists an incident that the next statement may no longer read."""

        answers: ClassVar[list[list[dict[str, int]]]] = [[{"service_id": 1, "incident_id": 7}], []]

        async def fetch(self, *_: object) -> list[dict[str, int]]:
            return self.answers.pop(0)

    assert finished(store.open_by_service(cast("Tx", _TxStub()), [1])) == []
