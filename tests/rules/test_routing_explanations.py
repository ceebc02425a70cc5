"""Why an alert paged someone or no one, and what a change of rules would have changed."""

from array import array
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firebell.alerts.flap import Flap
from firebell.alerts.model import Alert, Group
from firebell.alerts.past_alert_columns import NEVER, AlertHistory, AlertKind, microseconds
from firebell.alerts.routing_model import Hold, HoldKind
from firebell.alerts.routing_rules import rules as routing_rules
from firebell.alerts.routing_rules.rules import NO_ROUTING, Owner, Routing, RoutingRule, Urgency
from firebell.kit.errors import Invalid
from firebell.routing import explanation, forms, replay
from firebell.routing.explanation import ExplanationFacts
from firebell.routing.model import EffectKind, ExplanationMute, StageEntry, StageResult
from tests.rules.budget import examples

NOW = datetime(2026, 11, 29, 3, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def facts(status: Any = "firing", **changed: Any) -> ExplanationFacts:
    alert = Alert(
        7, 1, "lag", 3, status, "Lag", "", "critical", {}, {}, {}, NOW, None, NOW, NOW, 0, None, 2, NOW,
        rule_id=4, routing_version_id=9,
    )  # fmt: skip
    group = Group(3, 1, 1, "", "Lag", "high", NOW, None, NOW, 1, 1, 2)
    unpaged = ExplanationFacts(
        alert=alert, service="Ledger", service_slug="ledger", integration="Alertmanager", source="prometheus",
        received_at=NOW, earlier_alert_id=None, rule=(2, "Owned"), has_rules=True, mute=None, hold=None,
        group=group, page=None, page_state="", log=(),
    )  # fmt: skip
    return replace(unpaged, **changed)


def hold(kind: HoldKind, **more: Any) -> Hold:
    return Hold(kind, 4, 9, 3, 600, **more)


MUTE = ExplanationMute("Upgrade", "/m/1", NOW + 60 * MINUTE, is_muted=True)
PAGED = {"page": "PG-8", "page_state": "triggered", "log": (StageEntry(NOW, "Level 1: notified Mara"),)}


@pytest.mark.parametrize(
    ("changed", "decisive", "result"),
    [
        ({"mute": MUTE}, "muted", StageResult.WAITING),
        ({"mute": MUTE, "status": "resolved"}, "muted", StageResult.STOPPED),
        ({"hold": hold(HoldKind.NEVER)}, "held", StageResult.STOPPED),
        ({"hold": hold(HoldKind.WAIT, until=NOW + MINUTE)}, "held", StageResult.WAITING),
        (
            {"hold": hold(HoldKind.WAIT, until=NOW + MINUTE), "status": "resolved"},
            "held",
            StageResult.STOPPED,
        ),
        ({"hold": hold(HoldKind.THRESHOLD, events=(NOW,))}, "held", StageResult.WAITING),
        ({"hold": hold(HoldKind.THRESHOLD, ended_at=NOW), **PAGED}, None, None),
        ({"mute": replace(MUTE, is_muted=False), **PAGED}, None, None),
        ({**PAGED}, None, None),
        ({"group": None, "status": "resolved"}, "deduplicated", StageResult.STOPPED),
        ({}, "paged", StageResult.STOPPED),
    ],
)
def test_the_stage_that_decides_is_named(
    changed: dict[str, Any], decisive: str | None, result: StageResult | None
) -> None:
    explained = explanation.explain(facts(**changed))
    stage = explained.decisive
    assert ((stage.name.value, stage.result) if stage else (None, None)) == (decisive, result)
    assert explained.has_paged is (decisive is None)
    names = [s.name.value for s in explained.stages]
    assert names == ["received", "deduplicated", "routed", "muted", "flapping", "grouped", "held", "paged"]
    if decisive:
        after = explained.stages[names.index(decisive) + 1 :]
        assert {s.result for s in after} <= {StageResult.NOT_REACHED}
    is_firing = changed.get("status") != "resolved"
    assert bool(explained.next) is (is_firing and decisive != "paged")
    assert all(s.text for s in explained.stages)


@pytest.mark.parametrize(
    ("changed", "stage", "around"),
    [
        ({"mute": MUTE}, "muted", ("", " mutes it.")),
        (PAGED, "paged", ("Opened ", " for Ledger.")),
        # a link that the text does not have follows it
        ({"earlier_alert_id": 6}, "deduplicated", (None, "")),
        ({}, "held", (None, "")),
    ],
)
def test_the_text_of_a_stage_is_split_at_its_link(
    changed: dict[str, Any], stage: str, around: tuple[str | None, str]
) -> None:
    [shown] = [s for s in explanation.explain(facts(**changed)).stages if s.name == stage]
    before, after = shown.around_link
    assert (before if around[0] is not None else None, after) == around
    assert f"{before}{shown.link if around[0] is not None else ''}{after}".strip() == shown.text


def test_an_alert_that_flaps_says_since_when_and_until_when() -> None:
    steady, began = facts(**PAGED), Flap(tuple(NOW + n * MINUTE for n in range(6)), 6, since=NOW + 5 * MINUTE)
    texts, nexts = set(), set()
    for flap in (None, Flap((NOW,)), began, began.resolved(NOW, "source", NOW + 9 * MINUTE)):
        explained = explanation.explain(replace(steady, alert=replace(steady.alert, flap=flap)))
        stage = explained.stages[4]
        assert (stage.name, stage.result, explained.has_paged) == ("flapping", StageResult.PASSED, True)
        is_on = flap is not None and flap.is_on
        assert (stage.at, stage.until) == (NOW + 5 * MINUTE if is_on else None, None)
        texts.add(stage.text)
        nexts.add(explained.next)
    assert (len(texts), len(nexts)) == (4, 2)


def test_a_rule_without_its_service_is_explained_as_the_usual_way() -> None:
    lost = facts(**PAGED)
    stages = [
        explanation.explain(f).stages[2]
        for f in (lost, replace(lost, alert=replace(lost.alert, is_fallback=True)))
    ]
    assert stages[0].text != stages[1].text
    assert {stage.href for stage in stages} == {"/routing/versions/9"}
    for unruled in (replace(lost, rule=None), replace(lost, rule=None, has_rules=False)):
        assert explanation.explain(unruled).stages[2].href == ""


@dataclass(frozen=True)
class PastAlert:
    """An alert as it was; minutes count from `NOW`."""

    id: int
    minute: int
    lasted: int | None
    kind: AlertKind


def past(id_: int, minute: int, lasted: int | None, service: int = 1, **labels: str) -> PastAlert:
    severity = labels.pop("severity", "critical")
    return PastAlert(id_, minute, lasted, AlertKind(1, service, f"k{id_}", "Lag", severity, labels))


def history(alerts: Sequence[PastAlert]) -> AlertHistory:
    starts = [microseconds(NOW + each.minute * MINUTE) for each in alerts]
    ends = [
        NEVER if each.lasted is None else microseconds(NOW + (each.minute + each.lasted) * MINUTE)
        for each in alerts
    ]
    return AlertHistory(
        [each.kind for each in alerts],
        array("q", [each.id for each in alerts]),
        array("q", range(len(alerts))),
        array("q", [each.id for each in alerts]),
        array("q", starts),
        array("q", ends),
        len(alerts),
        {2: ("INC-1",)},
    )


def rules(*each: RoutingRule) -> Routing:
    return routing_rules.compile_rules(1, each)[0].with_services(
        [(1, "home", "Home"), (2, "ledger", "Ledger")]
    )


SHORT_THEN_LONG = [past(1, 0, 1), past(2, 10, 30), past(3, 20, 5), past(4, 60, None, job="x")]


@pytest.mark.parametrize(
    ("after", "pages", "expected"),
    [
        (rules(), 3, {}),
        (
            rules(RoutingRule("R", 'title="Lag"', pages=False)),
            0,
            {1: "hidden", 2: "hidden", 3: "hidden", 4: "hidden"},
        ),
        (rules(RoutingRule("R", 'title="Lag"', wait_s=300)), 2, {1: "hidden", 2: "later", 4: "later"}),
        (
            # the count continues after the first alert has ended, so the second one pages at once
            rules(RoutingRule("R", 'title="Lag"', threshold=2, window_s=900)),
            1,
            {1: "hidden", 4: "hidden"},
        ),
        (rules(RoutingRule("R", 'job="x"', owner=Owner.SERVICE, service_id=2)), 3, {4: "moved"}),
        (rules(RoutingRule("R", 'job="x"', owner=Owner.SERVICE, service_id=9)), 3, {}),
        (rules(RoutingRule("R", 'job="x"', urgency=Urgency.LOW)), 3, {4: "urgency"}),
    ],
)
def test_what_a_change_would_have_changed(after: Routing, pages: int, expected: dict[int, str]) -> None:
    result = replay.preview(NO_ROUTING, after, history(SHORT_THEN_LONG), NOW)
    assert {e.alert_id: e.kind.value for e in result.examples} == expected
    assert (result.pages_before, result.pages_after, result.affected) == (3, pages, len(expected))
    assert result.incidents == (("INC-1",) if 2 in expected else ())
    if 2 in expected:
        assert result.examples[0].alert_id == 2
    undone = replay.preview(after, NO_ROUTING, history(SHORT_THEN_LONG), NOW)
    assert undone.counts[EffectKind.SHOWN] == result.counts[EffectKind.HIDDEN]


RULES = (
    RoutingRule("W", 'job="x"', 1, wait_s=120),
    RoutingRule("T", 'job="y"', 2, threshold=2),
    RoutingRule("O", 'job=~"x|z"', 3, Owner.SERVICE, 2, Urgency.LOW),
    RoutingRule("N", 'severity="info"', 4, pages=False),
    RoutingRule("G", 'job=~".+"', 5, group_by=("job",), urgency=Urgency.HIGH),
)
VERSIONS = [(), RULES[:1], RULES[:2], RULES[1:3], RULES[3:], (RULES[4], RULES[0]), RULES]


def effects_one_by_one(
    before: Routing, after: Routing, alerts: Sequence[PastAlert]
) -> tuple[dict[int, str], list[int]]:
    """Return what each alert would have seen, and the number of pages: every alert is placed separately."""
    placed, pages = [], []
    for routing in (before, after):
        together = history(sorted(alerts, key=lambda alert: (alert.minute, alert.id)))
        places = [replay._place(routing, kind) for kind in together.kinds]
        groups, opened = replay._groups(places, together, range(len(alerts)))
        placed.append(list(zip(together.ids, together.starts, groups, strict=True)))
        pages.append(sum(group.paged_at is not None for group in opened))
    kinds = {
        id_: replay._difference(start, was, would)[0]
        for (id_, start, was), (_, _, would) in zip(*placed, strict=True)
    }
    return {id_: kind.value for id_, kind in kinds.items() if kind}, pages


@settings(max_examples=examples(40))
@given(
    st.lists(
        st.tuples(
            st.integers(0, 40),
            st.one_of(st.none(), st.integers(1, 20)),
            st.sampled_from(["x", "y", "z", "xi", ""]),
        ),
        max_size=12,
    ),
    st.sampled_from(VERSIONS),
    st.sampled_from(VERSIONS),
)
def test_alerts_that_a_draft_leaves_alone_need_no_comparison(
    drawn: list[tuple[int, int | None, str]], before: tuple[RoutingRule, ...], after: tuple[RoutingRule, ...]
) -> None:
    alerts = [
        past(n, minute, lasted, job=job[:1], severity="info" if job.endswith("i") else "critical")
        for n, (minute, lasted, job) in enumerate(drawn)
    ]
    result = replay.preview(rules(*before), rules(*after), history(alerts), NOW)
    expected, pages = effects_one_by_one(rules(*before), rules(*after), alerts)
    assert {e.alert_id: e.kind.value for e in result.examples} == expected
    assert [result.pages_before, result.pages_after] == pages
    assert result.affected == len(expected)
    if before == after:
        assert not expected


@pytest.mark.parametrize(
    "rule",
    [
        RoutingRule("R", 'a="b"', 3),
        RoutingRule("R", 'a="b"', 3, Owner.LABEL, None, Urgency.LOW, ("x", "y")),
        RoutingRule("R", 'a="b"', 3, Owner.SERVICE, 5, Urgency.HIGH, (), wait_s=90),
        RoutingRule("R", 'a="b"', 3, group_by=("...",), threshold=4, window_s=300),
        RoutingRule("R", 'a="b"', 3, threshold=4, window_s=90),
        RoutingRule("R", 'a="b"', 3, pages=False),
    ],
)
def test_a_rule_survives_its_form(rule: RoutingRule) -> None:
    assert forms.rule_of(forms.fields_of(rule, 1), rule) == rule


def test_labels_are_read_one_a_line() -> None:
    assert forms.parse_labels('team="payments"\n job=a, \n\n x = "y z"') == {
        "team": "payments",
        "job": "a",
        "x": "y z",
    }
    for text in ("team", 'team!="x"', "{"):
        with pytest.raises(Invalid) as refusal:
            forms.parse_labels(text)
        assert list(refusal.value.fields) == ["labels"]
