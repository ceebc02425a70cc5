"""The verdicts of an alert audit, its proposals and its findings."""

from collections.abc import Set
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from firebell.alert_audit import checks, verdicts
from firebell.alert_audit.model import (
    Audit,
    AuditVerdict,
    CountedRule,
    JudgedRule,
    RuleNumbers,
)
from firebell.alert_audit.proposals import proposal
from firebell.alert_audit.routing_patch import own_matchers, patch
from firebell.alert_audit.verdicts import AuditedPage, judge, numbers, overlaps
from firebell.alerts.model import Alert
from firebell.alerts.routing_rules.rules import Owner, RoutingRule, Urgency, compile_rules
from firebell.kit.calendar_periods import quarter_of
from firebell.metrics.model import RULE_MAX_CHARS
from firebell.paging import alert_design

NOON = datetime(2026, 10, 1, 12, tzinfo=UTC)
GOOD = RuleNumbers(firings=12, pages=12, acted_on=12, votes_yes=6, entries=4, recent=10)
PAGE = AuditedPage("Disk", NOON, True, False, False, (), 60, None, 0, 0, False, False)


def _judged(pages: list[AuditedPage], counted: RuleNumbers, bins: Set[int] = frozenset()) -> JudgedRule:
    (judged,) = judge([CountedRule("Disk", counted)], pages, {"Disk": bins})
    return judged


@pytest.mark.parametrize(
    ("change", "verdict"),
    [
        ({}, AuditVerdict.KEEP),
        ({"has_owner": False, "votes_yes": 0, "entries": 0}, AuditVerdict.ASSIGN_OWNER),
        ({"votes_yes": 0, "entries": 0}, AuditVerdict.DELETE),
        ({"votes_yes": 0, "entries": 0, "incidents": 1}, AuditVerdict.KEEP),
        ({"votes_yes": 0, "entries": 0, "firings": 9}, AuditVerdict.KEEP),
        # it never began a page, but fired in one of another rule that led to something
        ({"votes_yes": 0, "entries": 0, "pages": 0, "joined_acted_on": 1}, AuditVerdict.KEEP),
        ({"noise": 7}, AuditVerdict.DEMOTE),
        ({"noise": 6}, AuditVerdict.KEEP),
        ({"noise": 4, "pages": 4}, AuditVerdict.KEEP),
        ({"quick_ends": 4}, AuditVerdict.TUNE),
        ({"quick_ends": 3, "pages": 10}, AuditVerdict.KEEP),
        ({"flapping_hours": 1}, AuditVerdict.TUNE),
        ({"flapping_hours": 1, "pages": 4}, AuditVerdict.KEEP),
        ({"has_runbook": False}, AuditVerdict.ADD_RUNBOOK),
    ],
)
def test_the_first_verdict_that_applies_wins(change: dict[str, Any], verdict: AuditVerdict) -> None:
    assert _judged([], replace(GOOD, **change)).verdict is verdict


def test_all_verdicts_that_apply_stand_beside_the_first() -> None:
    worst = replace(
        GOOD, has_owner=False, has_runbook=False, votes_yes=0, entries=0, noise=12, flapping_hours=2
    )
    judged = _judged([], worst)
    assert judged.also == (
        AuditVerdict.DELETE,
        AuditVerdict.DEMOTE,
        AuditVerdict.TUNE,
        AuditVerdict.ADD_RUNBOOK,
    )


def test_of_two_rules_that_fire_together_the_one_with_fewer_pages_is_merged() -> None:
    bins = {"Disk 85": set(range(20)), "Disk 90": set(range(1, 20)), "Other": {1, 2}}
    assert overlaps(bins)["Disk 90"] == {"Disk 85": 19 / 20}
    rules = [
        CountedRule("Disk 90", replace(GOOD, pages=9), labels={"alertname": "Disk 90", "host": "a"}),
        CountedRule("Disk 85", replace(GOOD, pages=11), labels={"alertname": "Disk 85", "host": "a"}),
        CountedRule("Other", GOOD),
    ]
    by_rule = {one.counted.rule: one for one in judge(rules, [], bins)}
    merged = by_rule["Disk 90"]
    assert (merged.verdict, merged.merge_into) == (AuditVerdict.MERGE, "Disk 85")
    assert by_rule["Disk 85"].verdict is AuditVerdict.KEEP
    lines = [
        line.text
        for line in proposal(merged, "2026-Q4", target_labels=rules[1].labels).lines
        if line.kind == "added"
    ]
    assert lines == [
        r'- source_matchers: ["alertname=\"Disk 85\""]',
        r'  target_matchers: ["alertname=\"Disk 90\""]',
        '  equal: ["host"]',
    ]
    # a rule that is known by the title of its alerts is none that Alertmanager can name
    assert proposal(merged, "2026-Q4", target_labels={"host": "a"}).lines == ()

    # as many pages: by name, so that never both are merged
    tied = [replace(rule, numbers=replace(GOOD, pages=9)) for rule in rules[:2]]
    assert [one.merge_into for one in judge(tied, [], bins)] == ["", "Disk 85"]


def test_few_firings_in_common_say_nothing() -> None:
    four = set(range(verdicts.LEAST_CASES - 1))
    assert overlaps({"a": four, "b": four}) == {}
    assert overlaps({"a": {*four, 9}, "b": {*four, 9}}) == {"a": {"b": 1.0}, "b": {"a": 1.0}}


def test_the_replay_counts_what_a_change_silences_and_proposes_none_that_hides_an_incident() -> None:
    quick = replace(PAGE, self_ended_s=300, is_at_night=True, woken=(1,), is_noise=True)
    pages = [quick, quick, replace(PAGE, self_ended_s=301), replace(PAGE, has_entry=True), PAGE]
    counted = replace(numbers(pages, 5, 0), has_runbook=True, has_graph=True)
    assert (counted.pages, counted.nights, counted.woken, counted.cost) == (5, 2, 1, 11)
    tuned = _judged(pages, counted)
    effect = tuned.counted.numbers
    assert tuned.verdict is AuditVerdict.TUNE
    assert (effect.silenced, effect.silenced_nights, effect.hidden) == (2, 2, 0)
    named = replace(tuned, counted=replace(tuned.counted, labels={"alertname": "Disk"}))
    assert [line.text for line in proposal(named, "2026-Q4").lines if line.kind == "added"] == ["  for: 5m"]

    hiding = _judged([replace(quick, has_incident=True), *pages[1:]], counted)
    assert hiding.counted.numbers.hidden == 1
    assert proposal(hiding, "2026-Q4").withheld
    assert not proposal(hiding, "2026-Q4").lines


def test_a_low_urgency_page_costs_no_one_a_night() -> None:
    low = replace(PAGE, is_urgent=False, is_at_night=True, is_noise=True, votes_yes=1)
    counted = numbers([low] * 6, 6, 0)
    assert (counted.pages, counted.cost, counted.votes_yes, counted.acted_share) == (0, 0, 6, None)
    assert _judged([low] * 6, counted).counted.numbers.silenced == 0


@pytest.mark.parametrize(
    ("labels", "verdict", "added"),
    [
        ({"severity": "critical"}, {"noise": 12}, ['    severity: "info"']),
        ({}, {"noise": 12}, ["  labels:", '    severity: "info"']),
        ({}, {"has_runbook": False}, ['    runbook_url: "https://…"']),
        (
            {},
            {"votes_yes": 0, "entries": 0},
            ["# Deleted by the alert audit of 2026-Q4: 12 firings, none acted on."],
        ),
        ({}, {"has_owner": False}, ["# Owner: a team with active members"]),
        ({}, {}, []),
    ],
)
def test_the_proposed_change_is_a_difference(
    labels: dict[str, str], verdict: dict[str, Any], added: list[str]
) -> None:
    judged = _judged([], replace(GOOD, **verdict))
    named = replace(
        judged, counted=replace(judged.counted, labels={"alertname": 'Disk "80%" full: now', **labels})
    )
    shown = proposal(named, "2026-Q4")
    assert [line.text for line in shown.lines if line.kind == "added"] == added
    assert proposal(judged, "2026-Q4").lines == ()


@pytest.mark.parametrize(
    ("change", "codes"),
    [
        ({}, []),
        ({"has_owner": False}, ["A-NOOWNER"]),
        ({"recent_ignored": 5}, ["F-NOACTION"]),
        ({"recent_ignored": 4}, []),
        ({"noise": 7}, ["A-NOISY"]),
        ({"noise": 6}, []),
        ({"noise": 4, "pages": 4}, []),
        ({"has_runbook": False, "has_graph": False}, ["A-NORUNBOOK", "A-NOGRAPH"]),
    ],
)
def test_each_flaw_of_the_design_of_an_alert_is_a_finding(change: dict[str, Any], codes: list[str]) -> None:
    assert [f.code for f in checks.rule_findings(_judged([], replace(GOOD, **change)))] == codes


def test_an_audit_is_overdue_two_weeks_after_it_was_due_until_it_is_signed() -> None:
    due = NOON + timedelta(days=30)
    audit = Audit(
        1,
        1,
        "Platform",
        "platform",
        quarter_of(NOON.date()).label,
        NOON,
        NOON,
        due,
        0,
        0,
        0,
        (),
        None,
        None,
        0,
        0,
    )
    late = due + timedelta(days=14)
    assert checks.overdue(audit, late - timedelta(seconds=1)) is None
    finding = checks.overdue(audit, late)
    assert finding
    assert (finding.code, finding.subject) == ("F-AUDIT", "alert_audit:2026-Q4/platform")
    assert checks.overdue(replace(audit, signed_at=late), late) is None


@pytest.mark.parametrize(("month", "quarter"), [(1, 1), (3, 1), (4, 2), (9, 3), (10, 4), (12, 4)])
def test_a_quarter_has_three_months(month: int, quarter: int) -> None:
    assert quarter_of(datetime(2026, month, 1, tzinfo=UTC).date()).label == f"2026-Q{quarter}"


@pytest.mark.parametrize(
    ("links", "has_runbook", "codes"),
    [
        ({}, False, ["A-NORUNBOOK", "A-NOGRAPH"]),
        ({"dashboard": "https://graphs.example.org/1"}, True, []),
        ({"dashboard": "javascript:alert(1)", "source": "https://example.org"}, True, ["A-NOGRAPH"]),
    ],
)
def test_a_page_shows_what_the_design_of_its_alerts_lacks(
    links: dict[str, str], has_runbook: bool, codes: list[str]
) -> None:
    alert = Alert(
        *(1, 1, "k", 1, "firing", "Disk", "", None, {}, {}, links, NOON, None, NOON, NOON, 0, None, 1, NOON)
    )
    findings = alert_design.findings("PG-7", [alert], has_runbook=has_runbook)
    assert [finding.code for finding in findings] == codes
    assert alert_design.findings("PG-7", [], has_runbook=False) == []


LABELS = {
    "alertname": "Disk",
    "severity": "warning",
    "namespace": "ledger",
    "job": "db",
    "instance": "db-1",
}
OWN = '{alertname="Disk",severity="warning",namespace="ledger",job="db"}'


def _patched(verdict: AuditVerdict, *rules: RoutingRule, hidden: int = 0) -> list[RoutingRule] | None:
    judged = JudgedRule(CountedRule("Disk", RuleNumbers(hidden=hidden), 1, LABELS), verdict)
    change = patch(judged, "2026-Q4", rules, compile_rules(7, rules)[0], {1: "Ledger"}, is_only_team=False)
    if change is None:
        return None
    assert change.based_on == 7
    assert change.rule in change.rules
    assert any(line.kind == "added" for line in change.lines)
    # what others decided stays as it is
    assert [rule for rule in change.rules if rule != change.rule and rule.id] == [
        rule for rule in rules if rule.id != change.rule.id
    ]
    return list(change.rules)


@pytest.mark.parametrize(
    ("verdict", "changed"),
    [
        (AuditVerdict.DELETE, {"pages": False}),
        (AuditVerdict.DEMOTE, {"urgency": Urgency.LOW}),
        (AuditVerdict.TUNE, {"wait_s": 300}),
        (AuditVerdict.MERGE, {}),
        (AuditVerdict.ADD_RUNBOOK, {}),
        (AuditVerdict.ASSIGN_OWNER, {}),
        (AuditVerdict.KEEP, {}),
    ],
)
def test_the_routing_change_catches_only_the_alerts_of_its_rule(
    verdict: AuditVerdict, changed: dict[str, Any]
) -> None:
    team = RoutingRule("Databases", '{job="db"}', id=3, owner=Owner.SERVICE, service_id=1, group_by=("job",))
    other = RoutingRule("Other", '{job="web"}', id=4)
    if not changed:
        assert _patched(verdict, other, team) is None
        return
    # before the rule that decides now, whose service and groups it keeps
    first, new, last = _patched(verdict, other, team) or []
    assert (first, last, new.id, new.matchers) == (other, team, 0, OWN)
    expected = {"owner": Owner.SERVICE, "service_id": 1, "group_by": ("job",), **changed}
    assert {name: getattr(new, name) for name in expected} == expected
    # after all others, if only the fallback rule catches it
    assert [rule.id for rule in _patched(verdict, other) or []] == [4, 0]
    # in place, if there is a rule for it; nothing, if that says so already
    own = RoutingRule("Disk", OWN, id=5)
    (same,) = _patched(verdict, own) or []
    assert (same.id, same.name) == (5, "Disk")
    assert _patched(verdict, msgspec.structs.replace(own, **changed)) is None
    assert _patched(verdict, msgspec.structs.replace(own, pages=False)) is None
    # never what would have hidden an incident
    assert _patched(verdict, other, team, hidden=1) is None


@pytest.mark.parametrize(
    ("rule", "labels", "alone", "shared"),
    [
        ("Disk", {"alertname": "Disk", "severity": "warning", "service": "ledger"}, True, True),
        ("Disk", {"alertname": "Disk", "team": "payments"}, True, True),
        # other teams have disks in this cluster too, today or next month
        ("Disk", {"alertname": "Disk", "severity": "warning", "job": "node", "cluster": "eu"}, True, False),
        ("Disk", {"alertname": "Disk", "namespace": ""}, True, False),
        ("Disk full", {}, True, False),
        # a title of which only the beginning is known
        ("t" * RULE_MAX_CHARS, {"service": "ledger"}, False, False),
        ("t" * RULE_MAX_CHARS, {"alertname": "t" * RULE_MAX_CHARS, "service": "ledger"}, True, True),
    ],
)
def test_no_routing_change_holds_the_pages_of_another_team(
    rule: str, labels: dict[str, str], alone: bool, shared: bool
) -> None:
    for verdict in (AuditVerdict.DELETE, AuditVerdict.DEMOTE, AuditVerdict.TUNE):
        judged = JudgedRule(CountedRule(rule, RuleNumbers(), 1, labels), verdict)
        for is_only_team, expected in ((True, alone), (False, shared)):
            change = patch(judged, "2026-Q4", (), compile_rules(0, ())[0], {}, is_only_team=is_only_team)
            assert (change is not None) is expected


def test_matchers_hold_any_value() -> None:
    odd = {"alertname": 'a"b\\c\n}', "severity": ""}
    judged = JudgedRule(CountedRule("x", RuleNumbers(), None, odd), AuditVerdict.DELETE)
    routing, _ = compile_rules(1, [RoutingRule("x", own_matchers(judged), id=1)])
    assert routing.first(odd) is not None
    assert routing.first({**odd, "alertname": "a"}) is None
    titled = JudgedRule(CountedRule("Disk full", RuleNumbers()), AuditVerdict.DELETE)
    assert own_matchers(titled) == '{title="Disk full"}'
