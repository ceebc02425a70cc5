"""Process checks of incidents: what they find, with evidence; invariants L1 to L4 of the specification (4.4)."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firebell.incidents.checks.model import CheckRecord, HeldRole, LinkedPage
from firebell.incidents.checks.process_checks import findings, passed
from firebell.incidents.model import IncidentRole, Phase, TimelineEntry
from firebell.kit.findings import FindingLevel, length_text
from tests.rules.test_incidents_lifecycle import incident

START = datetime(2026, 11, 24, 2, 31, tzinfo=UTC)
MARA, JUN, PRIYA = 1, 2, 3
NAMES = {MARA: "Mara", JUN: "Jun", PRIYA: "Priya"}
COMMANDER, SME = IncidentRole.COMMANDER, IncidentRole.SME


def at(minutes: float) -> datetime:
    return START + timedelta(minutes=minutes)


def entry(
    number: int, minute: float, kind: str, text: str = "…", by: int = JUN, **data: Any
) -> TimelineEntry:
    return TimelineEntry(number, at(minute), at(minute), kind, NAMES[by], by, text, data)


def role(kind: IncidentRole, person: int, start: float, end: float | None = None) -> HeldRole:
    return HeldRole(kind, person, NAMES[person], at(start), None if end is None else at(end))


def phase(number: int, minute: float, before: Phase, to: Phase) -> TimelineEntry:
    return entry(number, minute, "phase", f"moved it to {to}", MARA, **{"from": before, "to": to})


def severity_change(number: int, minute: float, before: int, to: int) -> TimelineEntry:
    text = f"changed severity from SEV{before} to SEV{to}"
    return entry(number, minute, "severity", text, MARA, **{"from": before, "to": to})


TEXTBOOK = CheckRecord(
    incident(
        severity=1,
        phase=Phase.CLOSED,
        detected_at=at(0),
        declared_at=at(2),
        last_update_at=at(94),
        stable_since=at(66),
        closed_at=at(97),
    ),
    (
        entry(1, 2, "declared", "declared SEV1", severity=1),
        entry(2, 2, "role", "became commander", MARA, role="commander", person=MARA),
        phase(3, 4, Phase.DECLARED, Phase.INVESTIGATING),
        entry(4, 5, "role", "became subject matter expert", JUN, role="sme", person=JUN),
        entry(5, 12, "update", "18% of card payments fail"),
        entry(6, 20, "finding", "The pool is too small"),
        entry(7, 28, "decision", "Fail over", MARA),
        entry(8, 40, "update", "Failing over"),
        entry(9, 41, "mitigation", "Failed over to ledger-db-2", JUN),
        phase(10, 42, Phase.INVESTIGATING, Phase.MITIGATING),
        entry(11, 50, "role", "took over as commander from Mara", PRIYA, role="commander", person=PRIYA),
        entry(12, 51, "note", "I hand over to Priya: failover done, watch the lag", MARA),
        entry(13, 55, "finding", "Errors fall"),
        entry(14, 65, "update", "Errors are gone"),
        phase(15, 66, Phase.MITIGATING, Phase.MONITORING),
        entry(16, 80, "note", "Still quiet"),
        entry(17, 94, "update", "Stable"),
        phase(18, 97, Phase.MONITORING, Phase.CLOSED),
    ),
    (role(COMMANDER, MARA, 2, 50), role(SME, JUN, 5), role(COMMANDER, PRIYA, 50)),
    (LinkedPage("PG-7", True),),
    2,
)
END = at(100)


def codes(record: CheckRecord, now: datetime = END) -> list[str]:
    return [finding.code for finding in findings(record, now)]


def without(*numbers: int) -> CheckRecord:
    return replace(TEXTBOOK, timeline=tuple(e for e in TEXTBOOK.timeline if e.id not in numbers))


def test_l3_a_textbook_incident_has_no_finding() -> None:
    assert findings(TEXTBOOK, END) == []
    assert {check.code for check in passed(TEXTBOOK, END)} == {
        *("I-LATE", "I-ROLE", "I-HANDSON", "I-HANDOVER", "I-UPDATE", "I-NOPROGRESS", "I-EARLYCLOSE"),
        *("I-NOTIMELINE", "I-NORUNBOOK"),
    }


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        (replace(TEXTBOOK, roles=TEXTBOOK.roles[1:]), "I-NOIC"),
        (replace(TEXTBOOK, roles=(TEXTBOOK.roles[0], TEXTBOOK.roles[2])), "I-ROLE"),
        (without(8), "I-UPDATE"),
        (without(12), "I-HANDOVER"),
        (without(16), "I-NOTIMELINE"),
        (replace(TEXTBOOK, pages=(LinkedPage("PG-7", False),)), "I-NORUNBOOK"),
    ],
)
def test_l4_deleting_a_required_event_adds_exactly_its_finding(record: CheckRecord, expected: str) -> None:
    assert codes(record) == [expected]


def changed(**more: Any) -> CheckRecord:
    return replace(TEXTBOOK, incident=replace(TEXTBOOK.incident, **more))


def added(*entries: TimelineEntry, **more: Any) -> CheckRecord:
    timeline = sorted([*TEXTBOOK.timeline, *entries], key=lambda e: (e.effective_at, e.id))
    return replace(TEXTBOOK, timeline=tuple(timeline), **more)


def test_a_declaration_is_late_by_its_severity_and_by_how_many_worked_on_it() -> None:
    late = changed(detected_at=at(-14))
    assert [(f.code, f.level) for f in findings(late, END)] == [("I-LATE", FindingLevel.WARNING)]
    very = changed(detected_at=at(-44))
    assert [(f.code, f.level) for f in findings(very, END)] == [("I-LATE", FindingLevel.ERROR)]
    assert findings(changed(detected_at=at(-13)), END) == []
    assert codes(replace(TEXTBOOK, responders_before=3)) == ["I-LATE"]


def test_a_gap_without_commander_stays_named_after_it_ended() -> None:
    roles = (role(COMMANDER, MARA, 2, 30), role(SME, JUN, 5), role(COMMANDER, PRIYA, 50))
    gap = replace(TEXTBOOK, roles=roles)
    (one,) = (f for f in findings(gap, END) if f.code == "I-NOIC")
    assert (one.level, one.role, one.fix) == (FindingLevel.ERROR, None, None)
    assert "03:01" in one.message
    assert "03:21" in one.message
    short = replace(TEXTBOOK, roles=(role(COMMANDER, MARA, 2, 41), *roles[1:]))
    assert "I-NOIC" not in codes(short)
    both = replace(TEXTBOOK, roles=(role(COMMANDER, MARA, 2, 55), *roles[1:]))
    assert "I-NOIC" in codes(both)


def test_a_missing_role_is_a_warning_until_its_deadline_with_a_button_that_fills_it() -> None:
    empty = replace(TEXTBOOK, roles=(), timeline=TEXTBOOK.timeline[:1])
    record = replace(empty, incident=incident(severity=1, declared_at=at(2), detected_at=at(0)))
    early = {f.role: f for f in findings(record, at(8)) if f.role}
    assert {r: (f.code, f.level) for r, f in early.items()} == {
        COMMANDER: ("I-ROLE", FindingLevel.WARNING),
        SME: ("I-ROLE", FindingLevel.WARNING),
    }
    late = {f.role: (f.code, f.level) for f in findings(record, at(20)) if f.role}
    assert late == {COMMANDER: ("I-NOIC", FindingLevel.ERROR), SME: ("I-ROLE", FindingLevel.ERROR)}
    fix = early[COMMANDER].fix
    assert fix
    assert (fix.action, fix.fields) == ("/roles", {"role": "commander"})


def test_a_commander_who_debugs_is_named_as_role_and_as_action() -> None:
    both = replace(TEXTBOOK, roles=(*TEXTBOOK.roles, role(SME, MARA, 10, 20)))
    assert [(f.code, f.level) for f in findings(both, END)] == [("I-HANDSON", FindingLevel.ERROR)]
    acted = added(entry(30, 45, "mitigation", "Restarted it", MARA))
    (one,) = findings(acted, END)
    assert (one.code, one.level) == ("I-HANDSON", FindingLevel.WARNING)
    assert [e.id for e in one.evidence] == ["e-30"]
    assert findings(added(entry(30, 56, "mitigation", "Restarted it", MARA)), END) == []


@pytest.mark.parametrize(
    ("gap", "expected"),
    [(37, None), (38, FindingLevel.WARNING), (59, FindingLevel.WARNING), (60, FindingLevel.ERROR)],
)
def test_the_gap_between_updates_is_judged_by_the_interval(gap: int, expected: FindingLevel | None) -> None:
    timeline = (
        entry(1, 0, "declared", severity=1),
        entry(2, 0, "role", role="commander", person=MARA),
        *(entry(n, minute, "finding") for n, minute in enumerate(range(10, gap, 10), 10)),
    )
    record = CheckRecord(
        incident(severity=1, detected_at=at(0), declared_at=at(0), update_due_at=at(30)),
        timeline,
        (role(COMMANDER, MARA, 0), role(SME, JUN, 0)),
    )
    levels = [f.level for f in findings(record, at(gap)) if f.code == "I-UPDATE"]
    assert levels == ([expected] if expected else [])
    updated = replace(record, timeline=(*timeline, entry(99, gap, "update")))
    assert [f.level for f in findings(updated, at(gap + 5)) if f.code == "I-UPDATE"] == levels


def test_a_raise_shortens_the_interval_from_then_on() -> None:
    timeline = (
        entry(1, 0, "declared", severity=2),
        severity_change(2, 50, 2, 1),
        *(entry(n, 50 + 10 * (n - 9), "finding") for n in range(10, 13)),
    )
    record = CheckRecord(
        incident(severity=1, max_severity=1, detected_at=at(0), declared_at=at(0)),
        timeline,
        (role(COMMANDER, MARA, 0), role(SME, JUN, 0), role(IncidentRole.RESPONDER, JUN, 0)),
    )
    assert "I-UPDATE" not in codes(record, at(80))
    assert "I-UPDATE" in codes(record, at(88))


def test_a_promise_after_a_raise_excuses_no_more_than_the_time_until_it() -> None:
    record = CheckRecord(
        incident(severity=1, max_severity=1, detected_at=at(0), declared_at=at(0), update_due_at=at(60)),
        (entry(1, 0, "declared", severity=2), severity_change(2, 20, 2, 1)),
        (role(COMMANDER, MARA, 0), role(SME, JUN, 0)),
    )
    assert "I-UPDATE" not in codes(record, at(70))
    assert "I-UPDATE" in codes(record, at(71))


def test_half_an_hour_without_progress_is_a_finding_unless_someone_was_called() -> None:
    timeline = (
        entry(1, 0, "declared", severity=1),
        *(entry(n, 10 * (n - 9), "update", "Still looking") for n in range(10, 14)),
    )
    record = CheckRecord(
        incident(severity=1, detected_at=at(0), declared_at=at(0)),
        timeline,
        (role(COMMANDER, MARA, 0), role(SME, JUN, 0)),
    )
    assert codes(record, at(30)) == []
    assert codes(record, at(31)) == ["I-NOPROGRESS"]
    called = replace(record, timeline=(*timeline, entry(20, 25, "paged", "Paged Priya")))
    assert "I-NOPROGRESS" not in codes(called, at(41))


def test_a_debated_severity_is_noted() -> None:
    steps = [(10, 1, 0), (20, 0, 1), (34, 1, 2)]
    debated = added(*(severity_change(40 + n, m, a, b) for n, (m, a, b) in enumerate(steps)))
    assert [f.level for f in findings(debated, END) if f.code == "I-SEVDEBATE"] == [FindingLevel.INFO] * 2


def test_closing_before_it_was_stable_is_an_error() -> None:
    early = without(18)
    early = replace(early, timeline=(*early.timeline, phase(18, 95, Phase.MONITORING, Phase.CLOSED)))
    assert [(f.code, f.level) for f in findings(early, END)] == [("I-EARLYCLOSE", FindingLevel.ERROR)]
    forced = replace(TEXTBOOK.timeline[-1], data={**TEXTBOOK.timeline[-1].data, "forced": True})
    assert codes(replace(TEXTBOOK, timeline=(*TEXTBOOK.timeline[:-1], forced))) == ["I-EARLYCLOSE"]


def test_a_provisional_severity_is_a_finding_after_15_minutes() -> None:
    unsure = incident(severity=1, provisional=True, detected_at=at(2), declared_at=at(2))
    record = replace(TEXTBOOK, incident=unsure, timeline=TEXTBOOK.timeline[:6])
    assert "I-PROVISIONAL" not in codes(record, at(17))
    assert "I-PROVISIONAL" in codes(record, at(18))


def test_findings_are_one_level_lower_in_a_small_incident() -> None:
    timeline = (entry(1, 0, "declared", severity=2),)
    record = CheckRecord(incident(severity=2, detected_at=at(0), declared_at=at(0)), timeline, ())
    assert {f.code: f.level for f in findings(record, at(130))}["I-UPDATE"] is FindingLevel.WARNING


kinds = st.sampled_from(["note", "update", "finding", "decision", "mitigation", "severity", "phase", "paged"])


@st.composite
def histories(draw: Callable[[Any], Any]) -> CheckRecord:
    """Draw any history of an incident, with roles that come and go."""
    severity = draw(st.integers(0, 3))
    timeline = [entry(1, 5, "declared", severity=severity)]
    now: Phase = Phase.DECLARED
    for number in range(2, draw(st.integers(2, 14))):
        minute, kind = draw(st.integers(6, 200)), draw(kinds)
        timeline.append(entry(number, minute, kind, by=draw(st.sampled_from(list(NAMES)))))
    timeline.sort(key=lambda e: (e.effective_at, e.id))
    for index, e in enumerate(timeline):
        if e.kind == "severity":
            to = draw(st.integers(0, 3))
            timeline[index] = replace(e, data={"from": severity, "to": to})
            severity = to
        elif e.kind == "phase":
            to_phase = draw(
                st.sampled_from([Phase.INVESTIGATING, Phase.MITIGATING, Phase.MONITORING, Phase.CLOSED])
            )
            timeline[index] = replace(e, data={"from": now, "to": to_phase})
            now = to_phase
    roles = [
        role(
            draw(st.sampled_from(list(IncidentRole))),
            draw(st.sampled_from(list(NAMES))),
            start,
            start + length,
        )
        for start, length in draw(st.lists(st.tuples(st.integers(5, 150), st.integers(1, 90)), max_size=5))
    ]
    subject = incident(
        severity=severity,
        max_severity=0,
        phase=now,
        detected_at=at(draw(st.integers(-60, 5))),
        declared_at=at(5),
    )
    return CheckRecord(subject, tuple(timeline), tuple(sorted(roles, key=lambda r: r.from_at)))


def until(record: CheckRecord, now: datetime) -> CheckRecord:
    """Return what was known of a record at an instant."""
    timeline = tuple(e for e in record.timeline if e.effective_at <= now)
    roles = tuple(
        replace(r, until_at=None if r.until_at and r.until_at > now else r.until_at)
        for r in record.roles
        if r.from_at <= now
    )
    phases = [e.data["to"] for e in timeline if e.kind == "phase"]
    subject = replace(record.incident, phase=phases[-1] if phases else Phase.DECLARED)
    return replace(record, incident=subject, timeline=timeline, roles=roles)


def is_late(code: str, message: str) -> bool:
    return not message.endswith(" yet")


@given(histories(), st.integers(6, 220), st.integers(0, 60))
def test_l1_once_late_always_late(record: CheckRecord, minute: int, later: int) -> None:
    early, late = at(minute), at(minute + later)
    before = {f.id for f in findings(until(record, early), early) if is_late(f.code, f.message)}
    after = {f.id for f in findings(until(record, late), late)}
    assert before <= after


@given(histories(), st.integers(6, 260))
def test_l2_no_finding_without_evidence_and_every_id_once(record: CheckRecord, minute: int) -> None:
    results = findings(until(record, at(minute)), at(minute))
    known = {f"e-{e.id}" for e in record.timeline}
    for finding in results:
        assert finding.evidence
        assert {e.id for e in finding.evidence} <= known
        assert all(e.text for e in finding.evidence)
    assert len({f.id for f in results}) == len(results)


@pytest.mark.parametrize(
    ("minutes", "text"),
    [
        (0.9, "0 min"),
        (119, "119 min"),
        (120, "2 h"),
        (121, "2 h 1 min"),
        (2879, "47 h 59 min"),
        (2880, "2 d"),
        (2940, "2 d 1 h"),
        (525_600, "365 d"),
    ],
)
def test_a_length_is_in_minutes_then_hours_then_days(minutes: float, text: str) -> None:
    assert length_text(timedelta(minutes=minutes)) == text
