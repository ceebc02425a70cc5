"""Inhibition: rules, and what their firing sources inhibit (spec 3.3, decision 0087)."""

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from firebell.alerts import event_placement, past_alert_columns, past_alert_store, related_store
from firebell.alerts.batches import store as batch_store
from firebell.alerts.batches.state import Batch
from firebell.alerts.inhibition import preview as past_effects
from firebell.alerts.inhibition import rules as decisions
from firebell.alerts.inhibition import store
from firebell.alerts.inhibition.model import (
    CompiledInhibitionRule,
    InhibitionExample,
    InhibitionPreview,
    InhibitionRule,
    NewInhibitionRule,
    NewInhibitor,
)
from firebell.alerts.inhibition.preview import InhibitedTarget
from firebell.alerts.inhibition.rules import InhibitionPlan
from firebell.alerts.model import Alert, EventKind, InboundRequest, matched_labels
from firebell.alerts.mutes import Mute, MutesByService
from firebell.alerts.muting import actions as mute_actions
from firebell.alerts.past_alert_columns import NEVER, instant
from firebell.alerts.read_store import alerts_by_id, firing_alerts
from firebell.kit.db.database import Reads, Tx
from firebell.kit.db.events import Actor
from firebell.kit.errors import Conflict, NotFound
from firebell.kit.jobs import timers
from firebell.people.action_permissions import internal, permits
from firebell.people.permissions import Verb

CHECK_TIMER = "alerts.inhibition"
"""The timer that ends what sources inhibit once they no longer fire; it has one key."""
CHECK_KEY = "check"
CHECK_INTERVAL = timedelta(minutes=1)
"""How often sources are checked while one fires; one that ends by an event is checked at once."""
RETRY_INTERVAL = timedelta(seconds=1)
MAX_RULES = 100
LONGEST = timedelta(days=365)
PREVIEW_SPAN = timedelta(days=30)
PREVIEW_LISTED = 20
"""Inhibited alerts that a preview lists."""
FIRING_READ = 10_000
"""Firing alerts that are read for a new rule."""

rules = store.rules
inhibited_by_rule = store.inhibited_by_rule
rule_versions = decisions.versions


async def rule(tx: Reads, rule_id: int) -> InhibitionRule:
    """Return a rule; raise NotFound if there is none."""
    stored = await store.rule(tx, rule_id)
    if stored is None:
        raise NotFound(f"There is no inhibition rule {rule_id}.")
    return stored


async def compiled_rules(tx: Reads) -> tuple[CompiledInhibitionRule, ...]:
    """Return the rules as ingest applies them."""
    return decisions.compiled(await store.rules(tx))


@permits(Verb.INHIBITION_WRITE)
async def create_rule(tx: Tx, actor: Actor, *, entered: NewInhibitionRule, now: datetime) -> InhibitionRule:
    """Create a rule. It takes effect within five seconds; alerts that fire already are sources at once."""
    new = decisions.checked(entered)
    if len(await store.rules(tx)) >= MAX_RULES:
        raise Conflict(f"There are already {MAX_RULES} inhibition rules.", hint="Delete one first.")
    created = await store.insert_rule(tx, actor.label, new, now)
    await _use_firing(tx, created, now)
    await tx.audit(actor, "inhibition_rule.created", f"inhibition_rule:{created.id}", now, **_audited(new))
    await tx.live(mute_actions.LIVE_TOPIC)
    return created


def _audited(new: NewInhibitionRule) -> dict[str, object]:
    return {
        "name": new.name,
        "source": new.source_matchers,
        "target": new.target_matchers,
        "equal": list(new.equal),
        "wait_s": new.wait_s,
    }


@permits(Verb.INHIBITION_WRITE)
async def update_rule(
    tx: Tx, actor: Actor, *, rule_id: int, entered: NewInhibitionRule, now: datetime
) -> InhibitionRule:
    """Change a rule; inhibited alerts that it no longer inhibits page. Raise NotFound or Invalid."""
    await rule(tx, rule_id)
    new = decisions.checked(entered)
    await store.update_rule(tx, rule_id, new)
    await store.delete_sources_of_rule(tx, rule_id)
    changed = await rule(tx, rule_id)
    await _use_firing(tx, changed, now)
    await tx.audit(actor, "inhibition_rule.changed", f"inhibition_rule:{rule_id}", now, **_audited(new))
    await tx.live(mute_actions.LIVE_TOPIC)
    return changed


@permits(Verb.INHIBITION_WRITE)
async def delete_rule(tx: Tx, actor: Actor, *, rule_id: int, now: datetime) -> InhibitionRule:
    """Delete a rule; the alerts that only it inhibits page at once. Raise NotFound."""
    deleted = await rule(tx, rule_id)
    await store.delete_sources_of_rule(tx, rule_id)
    await store.delete_rule(tx, rule_id)
    await timers.schedule(tx, CHECK_TIMER, CHECK_KEY, now)
    await tx.audit(actor, "inhibition_rule.deleted", f"inhibition_rule:{rule_id}", now, name=deleted.name)
    await tx.live(mute_actions.LIVE_TOPIC)
    return deleted


async def _use_firing(tx: Tx, rule: InhibitionRule, now: datetime) -> None:
    """Make the alerts that fire already the sources of a rule, and check those that it had."""
    compiled = decisions.compiled([rule])
    new: dict[bytes, NewInhibitor] = {}
    sources: list[tuple[bytes, Alert]] = []
    for alert in await firing_alerts(tx, FIRING_READ):
        if not decisions.takes_part(alert.dedup_key, alert.labels):
            continue
        labels = matched_labels(alert.title, alert.severity, alert.labels)
        for each in decisions.source_keys(compiled, labels):
            new[each.key] = each
            sources.append((each.key, alert))
    # at once, in the order in which batches of alerts do it, or both could wait for each other
    if new:
        await store.insert_inhibitors(tx, list(new.values()), now + LONGEST, now)
        ids = {held.key: held.mute.id for held in await store.lock_inhibitors(tx, new)}
        rows = [(ids[key], alert.integration_id, alert.dedup_key) for key, alert in sources if key in ids]
        await store.insert_sources(tx, rows)
    await timers.schedule(tx, CHECK_TIMER, CHECK_KEY, now)


async def preview(tx: Tx, entered: NewInhibitionRule, now: datetime) -> InhibitionPreview:
    """Return what a rule would have inhibited in the last 30 days; raise `Invalid`."""
    new = decisions.checked(replace(entered, name=entered.name.strip() or "A new rule"))
    async with past_alert_store.turn():
        return await _preview(tx, decisions.compiled_new(new), now)


async def _preview(tx: Tx, new: CompiledInhibitionRule, now: datetime) -> InhibitionPreview:
    labels = past_alert_columns.names_of((*new.source, *new.target), *new.equal)
    history = await past_alert_store.past_alerts(tx, now - PREVIEW_SPAN, labels)
    outcome = await past_alert_store.compute(lambda: past_effects.replay(new, history))
    inhibited = outcome.inhibited
    groups = {history.groups[each.position] for each in inhibited if history.groups[each.position]}
    pages = await related_store.pages_of_groups(tx, groups)
    incidents = await related_store.incidents_of_pages(tx, set(pages.values()))

    def refs(target: InhibitedTarget) -> tuple[str, ...]:
        page_id = pages.get(history.groups[target.position], 0)
        return tuple(f"INC-{id_}" for id_ in incidents.get(page_id, ()))

    listed = sorted(inhibited, key=lambda each: (not refs(each), -each.position))[:PREVIEW_LISTED]
    ids = {history.ids[position] for each in listed for position in (each.position, each.source)}
    titles = {alert.id: alert.title for alert in await alerts_by_id(tx, list(ids))}
    return InhibitionPreview(
        compared=len(history.ids),
        sources=outcome.sources,
        targets=outcome.targets,
        inhibited=len(inhibited),
        hidden=sum(not each.is_released for each in inhibited),
        waited=outcome.waited,
        firing=sum(history.ends[each.position] == each.until == NEVER for each in inhibited),
        incidents=tuple(dict.fromkeys(ref for each in inhibited for ref in refs(each))),
        examples=tuple(
            InhibitionExample(
                alert_id=history.ids[each.position],
                title=titles[history.ids[each.position]],
                starts_at=instant(history.starts[each.position]),
                source_id=history.ids[each.source],
                source_title=titles[history.ids[each.source]],
                released_at=instant(each.until) if each.is_released else None,
                incidents=refs(each),
            )
            for each in listed
        ),
        is_partial=history.is_cut,
    )


@internal("Called by ingest.")
async def prepare(
    tx: Tx,
    batch: Sequence[InboundRequest],
    rules: Sequence[CompiledInhibitionRule],
    muting: MutesByService,
    now: datetime,
    *,
    are_alerts_routed: bool,
) -> tuple[InhibitionPlan, MutesByService]:
    """Lock the services of a batch, and return what it changes about inhibition and the mutes that may apply to it."""
    keys = decisions.all_keys(rules, batch)
    if not keys:
        return InhibitionPlan(), muting
    # all that the batch locks, at once and in one order, or two batches could wait for each other
    await batch_store.lock_services(tx, batch, are_alerts_routed=are_alerts_routed)
    plan = decisions.plan(rules, batch, {each.key for each in await store.lock_inhibitors(tx, keys)})
    if plan.new:
        await store.insert_inhibitors(tx, list(plan.new.values()), now + LONGEST, now)
    running = {each.key: each.mute for each in await store.lock_inhibitors(tx, keys)}
    combined = {service_id: list(each) for service_id, each in muting.items()}
    for key, service_ids in plan.targets.items():
        for service_id in service_ids if key in running else ():
            combined.setdefault(service_id, []).append(running[key])
    plan.sources = {alert: [key for key in keys if key in running] for alert, keys in plan.sources.items()}
    plan.mutes = running
    await _prepare_waits(tx, batch, plan, combined, now)
    return plan, combined


async def _prepare_waits(
    tx: Tx,
    batch: Sequence[InboundRequest],
    plan: InhibitionPlan,
    combined: dict[int, list[Mute]],
    now: datetime,
) -> None:
    """Let targets that nothing inhibits yet wait for their sources, those of a second together."""
    if not plan.waits:
        return
    # what fires already has paged, or waits
    for alert in await store.firing_keys(tx, plan.waits):
        del plan.waits[alert]
    services = {
        (received.integration_id, event.dedup_key): event_placement.service_of(received, event)
        for received in batch
        for event in received.incoming
    }
    for wait_s in sorted(set(plan.waits.values())):
        ends_at = now.replace(microsecond=0) + timedelta(seconds=wait_s + 1)
        key = hashlib.sha256(f"wait\x1f{ends_at.isoformat()}".encode()).digest()
        mute = await store.ensure_wait(tx, key, "Waits for a related alert", ends_at, now)
        if mute is None:
            continue
        await timers.schedule_once(tx, mute_actions.MUTE_TIMER, str(mute.id), ends_at)
        for alert in [alert for alert, seconds in plan.waits.items() if seconds == wait_s]:
            plan.waiting[alert] = mute
            if mute not in combined.setdefault(services[alert], []):
                combined[services[alert]].append(mute)


@internal("Called after the clock of the database was set back.")
async def advance_waits(tx: Tx, by: timedelta, now: datetime, *, only_after_now: bool) -> None:
    """Move up targets that wait for their sources: their wait was computed while the clock was ahead.

    With `only_after_now`, only those whose wait began after `now`.
    """
    waits = await store.running_waits(tx, now, only_after_now=only_after_now)
    # the timer before its mute, as the handler locks them
    await timers.advance_by(tx, [mute_actions.MUTE_TIMER], by, now, [str(mute_id) for mute_id in waits])
    await store.advance_waits(tx, waits, by)


@internal("Called by ingest.")
async def record(
    tx: Tx,
    state: Batch,
    batch: Sequence[InboundRequest],
    rules: Sequence[CompiledInhibitionRule],
    plan: InhibitionPlan,
    now: datetime,
) -> None:
    """Record which alerts of a stored batch are sources, and check the sources that ended or are inhibited."""
    sources = []
    for (integration_id, dedup_key), keys in plan.sources.items():
        alert = state.latest.get((integration_id, dedup_key))
        if alert is None or alert.status != "firing" or (alert.flap is not None and alert.flap.is_resolved):
            continue
        # an alert that waits for its own page inhibits nothing (decision 0087)
        if alert.group is None or alert.group.hold is None or not alert.group.hold.is_delay:
            sources += [(plan.mutes[key].id, integration_id, dedup_key) for key in keys]
    if sources:
        await store.insert_sources(tx, sources)
    kinds = (
        EventKind.RESOLVED,
        EventKind.EXPIRED,
        EventKind.ENDED,
        EventKind.HANDED_OVER,
        EventKind.WAITED,
        EventKind.SETTLED,
    )
    ended = [
        state.latest[received.integration_id, event.dedup_key].event
        for received in batch
        for event in received.incoming
        if event.kind in kinds and (received.integration_id, event.dedup_key) in state.latest
    ]
    # the last lock of the transaction, since every batch with a source takes it; unlike `schedule_once`, it waits for
    # a check that is about to end without the new source
    if plan.new or decisions.ends_a_source(rules, ended):
        await timers.schedule(tx, CHECK_TIMER, CHECK_KEY, now)


@internal("Called by the timer of inhibition.")
async def check(tx: Tx, now: datetime) -> None:
    """End the mutes whose sources no longer fire; what they inhibited is released by their timers. Idempotent."""
    await store.delete_stale_sources(tx, decisions.versions(await compiled_rules(tx)))
    ended = await store.end_without_source(tx, await store.lock_running(tx), now)
    await timers.schedule_many(tx, mute_actions.MUTE_TIMER, [(str(mute_id), now, 0) for mute_id in ended])
    running, sourceless = await store.running(tx)
    if running:
        # one without a source was locked by alerts just now
        pause = RETRY_INTERVAL if sourceless else CHECK_INTERVAL
        await timers.schedule(tx, CHECK_TIMER, CHECK_KEY, now + pause)
