"""Read models of routing: explanations, tests and previews, shared by web and API."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import msgspec

from firebell.alerts import actions as alerts
from firebell.alerts import event_placement
from firebell.alerts import queries as alert_queries
from firebell.alerts.model import Event, EventKind, InboundRequest, is_test_key, matched_labels
from firebell.alerts.past_alert_columns import AlertHistory, instant
from firebell.alerts.routing_model import Route
from firebell.alerts.routing_rules import changes as routing_changes
from firebell.alerts.routing_rules import rules as routing_rules
from firebell.alerts.routing_rules.rules import Routing, RoutingRule
from firebell.catalog import actions as catalog
from firebell.catalog.model import Service
from firebell.kit.db.database import Tx
from firebell.paging import actions as paging
from firebell.paging import queries as page_queries
from firebell.people import actions as people
from firebell.routing import explanation, history_store, replay
from firebell.routing.explanation import ExplanationFacts
from firebell.routing.model import (
    Explanation,
    ExplanationMute,
    RoutingPreview,
    RoutingTest,
    RuleVerdict,
    StageEntry,
)

HISTORY = timedelta(days=30)
ENTRIES_SHOWN = 12
"""Number of entries of a page that an explanation has at most."""


async def preview(tx: Tx, rules: Sequence[RoutingRule], now: datetime) -> RoutingPreview:
    """Return what these rules would have changed in the last 30 days, compared with those in force."""
    since = now - HISTORY
    before = await alerts.load_routing(tx)
    # rules without an id would share their groups
    draft = [rule if rule.id else msgspec.structs.replace(rule, id=-n) for n, rule in enumerate(rules, 1)]
    after = await alerts.compiled_routing(tx, 0, draft)
    labels = replay.needed_labels(before, after)
    async with alerts.turn_of_preview():
        history = await _with_incidents(tx, await alerts.past_alerts(tx, since, labels))
        since = instant(min(history.starts)) if history.is_cut else since
        result = await alerts.compute_preview(lambda: replay.preview(before, after, history, since))
    shown = await alerts.alerts_by_id(tx, [effect.alert_id for effect in result.examples])
    titles = {alert.id: alert.title for alert in shown}
    examples = [
        replace(effect, title=titles.get(effect.alert_id, effect.title)) for effect in result.examples
    ]
    return replace(result, examples=tuple(examples))


async def _with_incidents(tx: Tx, history: AlertHistory) -> AlertHistory:
    """Return past alerts with the incidents of their pages that the current reader may know of."""
    lowest = min(filter(None, history.groups), default=None)
    if lowest is None:
        return history
    # by group, because an incident can have many times more alerts
    pages = await history_store.groups_with_incidents(tx, lowest)
    incidents = await alert_queries.incidents_of_pages(tx, {page_id for _, page_id in pages})
    ids_by_group: dict[int, set[int]] = {}
    for group_id, page_id in pages:
        ids_by_group.setdefault(group_id, set()).update(incidents.get(page_id, ()))
    known = {group: tuple(f"INC-{id_}" for id_ in sorted(ids)) for group, ids in ids_by_group.items() if ids}
    return replace(history, incidents=known)


async def try_labels(
    tx: Tx,
    routing: Routing,
    *,
    title: str,
    severity: str | None,
    labels: Mapping[str, str],
    default: Service,
    now: datetime,
    dedup_key: str = "",
) -> RoutingTest:
    """Return what rules decide about an alert with these labels that a key of the service `default` receives.

    With its deduplication key, this is also right for alerts that no rule decides about, and for test alerts.
    """
    event = Event(EventKind.FIRING, dedup_key, title, severity=severity, labels=dict(labels))
    received = InboundRequest(0, default.id, "", b"", (event,))
    [received] = routing_rules.routed(routing, [received])
    [event] = received.incoming
    route = event.route
    verdicts = _verdicts(routing, matched_labels(title, severity, labels))
    if route is None and verdicts and verdicts[-1].matches:
        # no rule is asked about it
        verdicts = []
    service = default
    if route is not None and route.service_id is not None:
        service = (await catalog.services_by_id(tx, [route.service_id]))[route.service_id]
    is_test, urgency = is_test_key(dedup_key), event_placement.urgency(event)
    return RoutingTest(
        verdicts=tuple(verdicts),
        rule=verdicts[-1] if route is not None else None,
        is_fallback=route is not None and route.is_fallback,
        service=service.name,
        service_slug=service.slug,
        urgency=urgency,
        hold=_hold(routing, route),
        people=()
        if event_placement.pages_no_one(event)
        else await _first_paged(tx, service, urgency, now, is_drill=is_test),
    )


def _verdicts(routing: Routing, labels: Mapping[str, str]) -> list[RuleVerdict]:
    """Return whether rules match, up to the first one that does."""
    verdicts = []
    for number, compiled in enumerate(routing.rules, 1):
        failing = next((m for m in compiled.matchers if not m.matches(labels)), None)
        reason = "" if failing is None else _reason(str(failing), labels.get(failing.name, ""))
        verdicts.append(RuleVerdict(number, compiled.rule.id, compiled.rule.name, failing is None, reason))
        if failing is None:
            break
    return verdicts


def _hold(routing: Routing, route: Route | None) -> str:
    if route is None or route.hold is None:
        return ""
    return next(
        routing_changes.pages_text(each.rule) for each in routing.rules if each.rule.id == route.rule_id
    )


def _reason(matcher: str, value: str) -> str:
    name = matcher.partition("=")[0].rstrip("!~")
    return f"{name} is “{value}”, not {matcher}" if value else f"no label for {matcher}"


async def _first_paged(
    tx: Tx, service: Service, urgency: str, now: datetime, *, is_drill: bool
) -> tuple[str, ...]:
    policies = await paging.policies_by_id(tx, [service.policy_id] if service.policy_id else [])
    policy = policies.get(service.policy_id or 0)
    steps = await page_queries.steps(tx, policy, service.team_id, now, urgency=urgency, is_drill=is_drill)
    return next((tuple(name for _, name in step.people) for step in steps if step.people), ())


async def explain(tx: Tx, alert_id: int) -> Explanation:
    """Return why an alert paged someone, or no one; raise NotFound if there is none."""
    alert = await alerts.alert(tx, alert_id)
    (details,) = await alert_queries.alert_details(tx, [alert])
    integration = await alerts.integration_name(tx, alert.integration_id)
    arrivals = await alerts.arrivals(tx, alert)
    received_at = arrivals[0][0] if arrivals else None
    version = await alerts.routing_of_alert(tx, alert, received_at or alert.starts_at)
    rules = version.rules if version else ()
    number = next((n for n, rule in enumerate(rules, 1) if rule.id == alert.rule_id), None)
    groups = await alerts.groups_by_id(tx, [alert.group_id] if alert.group_id else [])
    page_id = int(details.page.removeprefix("PG-")) if details.page else None
    page = await paging.page(tx, page_id) if page_id is not None else None
    return explanation.explain(
        ExplanationFacts(
            alert=alert,
            service=details.service.name,
            service_slug=details.service.slug,
            integration=integration,
            source=arrivals[0][1] if arrivals else "",
            received_at=received_at,
            earlier_alert_id=await history_store.earlier_alert(
                tx, alert.integration_id, alert.dedup_key, alert.id
            ),
            rule=(number, rules[number - 1].name) if number else None,
            has_rules=bool(rules),
            mute=_mute(details),
            hold=await alerts.hold_of_group(tx, alert.group_id) if alert.group_id else None,
            group=groups.get(alert.group_id or 0),
            page=details.page,
            page_state=page.state.value if page else "",
            log=await _entries(tx, page_id) if page_id is not None else (),
        )
    )


def _mute(details: alert_queries.AlertDetails) -> ExplanationMute | None:
    mute = details.mute
    return None if mute is None else ExplanationMute(mute.name, mute.path, mute.ends_at, mute.is_muted)


async def _entries(tx: Tx, page_id: int) -> list[StageEntry]:
    """Return what a page did, with its messages, oldest first."""
    entries = [StageEntry(e.at, e.text) for e in await paging.log(tx, page_id) if e.kind != "note"]
    sent = [d for d in await paging.deliveries(tx, page_id) if d.sent_at is not None]
    names = {p.id: p.name for p in (await people.people_by_id(tx, [d.person_id for d in sent])).values()}
    entries += [
        StageEntry(d.sent_at, f"Sent {d.channel} to {names.get(d.person_id, 'a former member')}")
        for d in sent
        if d.sent_at is not None
    ]
    return sorted(entries, key=lambda entry: entry.at)[:ENTRIES_SHOWN]
