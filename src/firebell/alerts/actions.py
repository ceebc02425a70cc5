"""Receive events, close groups and read alerts; the verbs of other subjects have files of their own."""

import hashlib
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta
from functools import partial

import msgspec

from firebell.alerts import message_preview, mutes, past_alert_store, read_store, related_store, store
from firebell.alerts.batches import alert_counts as counting
from firebell.alerts.batches import dedup_and_grouping
from firebell.alerts.batches import outcome as batch_outcome
from firebell.alerts.batches import state as batch_state
from firebell.alerts.batches import store as batch_store
from firebell.alerts.batches.optimistic_batch import Assumed
from firebell.alerts.change_events import actions as change_event_actions
from firebell.alerts.change_events import store as change_event_store
from firebell.alerts.expiry import actions as expiry_actions
from firebell.alerts.flapping import actions as flapping_actions
from firebell.alerts.flapping import store as flapping_store
from firebell.alerts.inhibition import actions as inhibition_actions
from firebell.alerts.inhibition.model import CompiledInhibitionRule
from firebell.alerts.integrations import actions as integration_actions
from firebell.alerts.integrations import dropped_labels
from firebell.alerts.integrations import store as integration_store
from firebell.alerts.model import (
    Alert,
    AlertFilter,
    AlertsJoined,
    BrokenSource,
    ConfirmationRequested,
    Event,
    EventKind,
    GroupsChanging,
    GroupsOpened,
    InboundRequest,
    LabeledAlert,
    MessagePreview,
    OpenedGroup,
    UnreadableMessageReceived,
    is_test_key,
)
from firebell.alerts.mutes import MutesByService
from firebell.alerts.muting import actions as mute_actions
from firebell.alerts.muting import muted_groups
from firebell.alerts.muting import store as mute_store
from firebell.alerts.routing_rules import actions as routing_actions
from firebell.alerts.routing_rules import store as routing_store
from firebell.alerts.routing_rules.rules import RoutingVersion
from firebell.catalog import actions as catalog
from firebell.kit.db.database import Reads, Tx
from firebell.kit.db.events import Actor
from firebell.kit.errors import NotFound
from firebell.kit.jobs import timers
from firebell.people.action_permissions import permits
from firebell.people.permissions import Verb

MESSAGE_PREVIEW_BYTES = 64 * 1024
"""How much of a message is shown; the whole message can be downloaded."""
MAX_KEY_BYTES = 64
"""Bytes of the longest integration key; a preview is read with as many more, so that a key at its end is redacted."""
PERSON_SOURCE = "person"
"""The source of the message by which a person resolves an alert."""
BROKEN_SOURCE_TIMER = "alerts.broken"
"""The timer of an integration that sent an unreadable message; while it is set, its owner was notified."""
BROKEN_SOURCE_WINDOW = timedelta(days=1)

INHIBITION_TIMER = inhibition_actions.CHECK_TIMER
EXPIRY_TIMER = expiry_actions.EXPIRY_TIMER
MUTE_TIMER = mute_actions.MUTE_TIMER
HOLD_TIMER = routing_actions.HOLD_TIMER
FLAPPING_TIMER = flapping_actions.FLAPPING_TIMER
MUTES_TOPIC = mute_actions.LIVE_TOPIC
QUARTER = counting.QUARTER

advance_waits = inhibition_actions.advance_waits
alerts_by_id = read_store.alerts_by_id
change_mute_end = mute_actions.change_end
changes = change_event_actions.changes
changes_before = change_event_actions.changes_before
check_inhibition = inhibition_actions.check
checked_mute_matchers = mute_actions.checked_matchers
create_integration = integration_actions.create_integration
end_mute = mute_actions.end_mute
ensure_internal_integration = integration_actions.ensure_internal_integration
groups_by_id = read_store.groups_by_id
integrations = integration_store.integrations
integration_of_key = integration_store.integration_of_key
integration_of_service = integration_actions.integration_of_service
incidents_of_pages = related_store.incidents_of_pages
muted_alerts = mute_actions.muted_alerts
muted_counts = mute_store.muted_counts
muted_counts_of_service = mute_store.muted_counts_of_service
past_alerts = past_alert_store.past_alerts
turn_of_preview = past_alert_store.turn
compute_preview = past_alert_store.compute
pages_of_groups = related_store.pages_of_groups
muted_services = mute_actions.muted_services
quarter_of = counting.quarter_of
restore_integration = integration_actions.restore_integration
received = dropped_labels.received
record_change = change_event_actions.record_change
reveal_integration = integration_actions.reveal_integration
revoke_integration = integration_actions.revoke_integration
services_of_firing = routing_store.services_of_firing
start_mute = mute_actions.start_mute
update_integration = integration_actions.update_integration
release_unreadable_holds = routing_actions.release_unreadable_holds
save_routing = routing_actions.save_rules
routing_in_force = routing_store.newest_version
routing_version = routing_actions.version
routing_versions = routing_store.versions
load_routing = routing_store.load
compiled_routing = routing_store.compiled
held_groups = routing_store.held_groups
hold_of_group = routing_store.hold_of_group
integration_name = integration_store.name_of
lock_integration = integration_store.lock
newest_change_of_integration = change_event_store.newest_of_integration
newest_of_integration = read_store.newest_of_integration
running_test = read_store.firing_test
services_of_integrations = integration_store.services_of_integrations


async def store_assumed(tx: Tx, assumed: Assumed, now: datetime) -> bool:
    """Store a batch as assumed and emit what changed; return False, with nothing stored, if an assumption is wrong.

    Without a new group this is one statement, which may be the whole transaction.
    """
    page_ids = await batch_store.store_new_alerts(tx, assumed, now)
    if page_ids is None:
        return False
    if assumed.opened:
        await tx.emit(GroupsOpened(_opened(assumed.opened)), now)
    if assumed.joined:
        await tx.emit(AlertsJoined(page_ids), now)
    return True


async def receive(
    tx: Tx,
    batch: Sequence[InboundRequest],
    now: datetime,
    muting: MutesByService | None = None,
    inhibition_rules: Sequence[CompiledInhibitionRule] = (),
    *,
    are_alerts_routed: bool = True,
) -> batch_state.Batch:
    """Store requests, apply their events to alerts and groups, emit what changed, and return the new state.

    `muting` are the mutes that may apply; one that has ended meanwhile mutes nothing. `are_alerts_routed` is False if
    no firing alert of the integrations seems to belong to another service; raise ServiceNotLocked if one does, and
    RoutingChanged if the rules that hold an event are no longer in force.
    """
    plan, muting = await inhibition_actions.prepare(
        tx, batch, inhibition_rules, muting or {}, now, are_alerts_routed=are_alerts_routed
    )
    ids_by_request = [event_ids(request) for request in batch]
    all_ids = [event_id for ids in ids_by_request for event_id in ids]
    message_ids, new_ids, state = await batch_store.receive_messages(
        tx, batch, all_ids, muting, now, are_alerts_routed=are_alerts_routed
    )
    await routing_actions.check_in_force(tx, batch)
    await routing_actions.load_counted(tx, state, batch, now)
    batch = [msgspec.structs.replace(r, message_id=id_) for r, id_ in zip(batch, message_ids, strict=True)]
    await _note_broken(tx, batch, now)
    await _ask_for_confirmation(tx, batch, now)
    await expiry_actions.hear(tx, batch, now)
    if not all_ids:
        return state
    state.mutes, state.waiting = await _held_mutes(tx, state, muting, now), plan.waiting
    await flapping_actions.load_limits(tx, state, batch, now)
    dedup_and_grouping.apply(state, zip(batch, ids_by_request, strict=True), new_ids, now)
    muted_groups.hand_over(state, batch, now)
    await batch_store.save_batch(tx, state, batch, now)
    if places := [(a.id, a.group.id) for a in state.moved if a.id and a.group and a.group.id]:
        await mute_store.move_alerts(tx, places)
        await mute_store.insert_moved_alerts(tx, places)
    if inhibition_rules:
        await inhibition_actions.record(tx, state, batch, inhibition_rules, plan, now)
    await expiry_actions.note(tx, state, batch, now)
    await flapping_actions.schedule(tx, state)
    await routing_actions.save_holds(tx, batch_outcome.held_groups(state))
    if leaderless := [g for g in state.groups if g.lead_lost and g.changed]:
        await store.find_leads(tx, leaderless)
    if muted := muted_groups.changed(state):
        if released := [g.id for g in muted if g.released and g.id is not None]:
            await mute_store.mark_released(tx, released, now)
        if new := muted_groups.new_alerts(state):
            await mute_store.insert_muted_alerts(tx, new)
        await tx.live(MUTES_TOPIC)
    await _emit_changes(tx, state, now)
    return state


async def receive_own(
    tx: Tx, batch: Sequence[InboundRequest], now: datetime, *, are_services_kept: bool = False
) -> None:
    """Store what Firebell itself observes, such as silence; maintenance mutes it like what senders report.

    With `are_services_kept`, no rule sends an event to another service: it changes an alert that has one.
    """
    running = mutes.by_service(await mute_store.unended(tx))
    rules = await inhibition_actions.compiled_rules(tx)
    routed = await routing_actions.routed_own(tx, batch, are_services_kept=are_services_kept)
    await receive(tx, routed, now, mutes.active(running, routed, now), rules)


@permits(Verb.PAGE_RESPOND)
async def resolve_alerts(tx: Tx, actor: Actor, alert_ids: Sequence[int], now: datetime) -> list[int]:
    """Resolve those of these alerts that fire, and return their ids; a page whose alerts all ended is resolved.

    What a source sends after that fires again, as a new alert with a new page.
    """
    chosen = await read_store.alerts_by_id(tx, alert_ids)
    services = await integration_store.services_of_integrations(
        tx, {alert.integration_id for alert in chosen}
    )
    routed = {alert.routed_service_id for alert in chosen if alert.routed_service_id is not None}
    # before their state is read, so that nothing changes it in between
    await catalog.lock_services(tx, sorted(routed.union(services.values())))
    firing = [alert for alert in await read_store.alerts_by_id(tx, alert_ids) if alert.status == "firing"]
    by_integration: dict[int, list[Event]] = {}
    for alert in firing:
        # it keeps the order of the source's events, so that one that repeats, with its old start, fires again
        event = Event(EventKind.ENDED, alert.dedup_key, alert.title, occurred_at=now)
        by_integration.setdefault(alert.integration_id, []).append(event)
    if not firing:
        return []
    body = msgspec.json.encode({"resolved_by": actor.label, "at": now})
    # at once, so that the pages of all are locked in the order of their ids
    requests = [
        InboundRequest(integration_id, services[integration_id], PERSON_SOURCE, body, tuple(events))
        for integration_id, events in sorted(by_integration.items())
    ]
    await receive_own(tx, requests, now, are_services_kept=True)
    resolved = sorted(alert.id for alert in firing)
    # at once, because alerts of these services wait
    await tx.audit_each(actor, "alert.resolved", {f"alert:{alert_id}": {} for alert_id in resolved}, now)
    return resolved


def event_ids(request: InboundRequest) -> list[bytes]:
    """Return the id of each event of a request, the same for each redelivery."""
    body_hash = hashlib.sha256(request.body).digest()
    return [
        dedup_and_grouping.event_id(request.integration_id, event, body_hash) for event in request.incoming
    ]


async def _held_mutes(
    tx: Tx, state: batch_state.Batch, muting: MutesByService, now: datetime
) -> MutesByService:
    """Return which of the mutes, and of the mutes of loaded groups, are running; they end after the transaction.

    A mute applies only to services whose group for it is loaded, because another service may already have an open one.
    """
    places = {(service_id, mute.id) for service_id, each in muting.items() for mute in each}
    places |= {(g.service_id, g.mute_id) for g in state.groups if g.mute_id is not None}
    if not places:
        return {}
    running = mutes.by_service(await mute_store.hold(tx, {mute_id for _, mute_id in places}, now))
    return {
        service_id: [m for m in mutes.of_service(running, service_id) if (service_id, m.id) in places]
        for service_id in {service_id for service_id, _ in places}
    }


async def _emit_changes(tx: Tx, state: batch_state.Batch, now: datetime) -> None:
    if opened := _opened(batch_outcome.opened_groups(state)):
        await tx.emit(GroupsOpened(opened), now)
    changes = batch_outcome.group_changes(state)
    group_ids = {group_id for change in changes for group_id in change.group_ids}
    if len(changes) > 1 and len(group_ids) > 1:
        await tx.emit(GroupsChanging(tuple(sorted(group_ids))), now)
    for change in changes:
        await tx.emit(change, now)


def _opened(groups: Iterable[batch_state.GroupState]) -> tuple[OpenedGroup, ...]:
    return tuple(
        OpenedGroup(g.id, g.service_id, g.title, g.urgency, g.severity, is_test_key(g.key))
        for g in groups
        if g.id is not None
    )


def integration_topic(integration_id: int) -> str:
    """Return the topic of the unreadable messages of an integration; what else it sends is in those of pages."""
    return f"integration-{integration_id}"


async def _note_broken(tx: Tx, batch: Sequence[InboundRequest], now: datetime) -> None:
    for integration_id in sorted({r.integration_id for r in batch if r.error}):
        await tx.live(integration_topic(integration_id))
        await timers.schedule_once(tx, BROKEN_SOURCE_TIMER, str(integration_id), now)


async def _ask_for_confirmation(tx: Tx, batch: Sequence[InboundRequest], now: datetime) -> None:
    for request in batch:
        for event in request.incoming:
            if event.kind is EventKind.HANDSHAKE:
                confirmation = ConfirmationRequested(
                    integration_id=request.integration_id,
                    key=event.dedup_key,
                    topic=event.title,
                    kind=event.labels.get("type", ""),
                    address=event.links.get("confirm", ""),
                )
                await tx.emit(confirmation, now)


async def release_mutes(tx: Tx, mute_ids: Sequence[int], now: datetime) -> set[int]:
    """Page for what still fires of ended mutes, and return the mutes that must be released again."""
    rules = await inhibition_actions.compiled_rules(tx)
    versions = inhibition_actions.rule_versions(rules)
    return await mute_actions.release(tx, mute_ids, versions, partial(receive, inhibition_rules=rules), now)


async def release_holds(tx: Tx, group_ids: Sequence[int], now: datetime) -> None:
    """Page for what still fires of groups that have waited, but for alerts that a mute matches by now. Idempotent.

    The timer is locked before the services, as for mutes.
    """
    await catalog.lock_services(tx, await routing_store.services_of_groups(tx, group_ids))
    rules = await inhibition_actions.compiled_rules(tx)
    await mute_actions.hand_over(
        tx,
        await routing_store.held_alerts(tx, group_ids),
        inhibition_actions.rule_versions(rules),
        partial(receive, inhibition_rules=rules),
        now,
    )
    await routing_actions.release(tx, group_ids, now)


async def check_expiries(tx: Tx, integration_ids: Sequence[int], now: datetime) -> list[int]:
    """End the alerts of these integrations that expired while their source lived, and report sources that are silent.

    Returns the integrations with alerts that may still expire.
    """
    await _lock_services_of(tx, integration_ids)
    rules = await inhibition_actions.compiled_rules(tx)
    return await expiry_actions.check(tx, integration_ids, partial(receive, inhibition_rules=rules), now)


async def _lock_services_of(tx: Tx, integration_ids: Collection[int]) -> None:
    """Lock the services of integrations, and those that rules sent their firing alerts to."""
    services = await integration_store.services_of_integrations(tx, integration_ids)
    elsewhere = await routing_store.services_of_firing(tx, integration_ids)
    await catalog.lock_services(tx, sorted({*services.values(), *elsewhere}))


async def settle_flapping(tx: Tx, keys: Sequence[str], now: datetime) -> None:
    """End the flapping of the alerts of these timers that have been calm for long enough; look again at the others.

    The services are locked before the alerts are read, so that an alert that has just begun to flap is seen.
    """
    wanted = flapping_actions.alert_keys(keys)
    await _lock_services_of(tx, {integration_id for integration_id, _ in wanted})
    flapping = await flapping_store.flapping(tx, wanted)
    if requests := flapping_actions.settled(flapping, now):
        await receive_own(tx, requests, now, are_services_kept=True)
    await flapping_actions.look_again(tx, flapping, now)


async def notify_broken(tx: Tx, integration_id: int, now: datetime) -> bool:
    """Notify the owner and return True if the integration sent an unreadable message in the last 24 hours."""
    if not await integration_store.broken_sources(tx, now - BROKEN_SOURCE_WINDOW, integration_id):
        return False
    await tx.emit(UnreadableMessageReceived(integration_id), now)
    return True


async def broken_sources(tx: Tx, now: datetime, *, service_id: int | None = None) -> list[BrokenSource]:
    """Return integrations that sent unreadable messages in the last 24 hours, of one service or of all."""
    sources = await integration_store.broken_sources(tx, now - BROKEN_SOURCE_WINDOW)
    return [source for source in sources if service_id in (None, source.service_id)]


async def broken_source(tx: Tx, integration_id: int, now: datetime) -> BrokenSource | None:
    """Return the integration if it sent an unreadable message in the last 48 hours, else None."""
    sources = await integration_store.broken_sources(tx, now - 2 * BROKEN_SOURCE_WINDOW, integration_id)
    return sources[0] if sources else None


async def close_groups(tx: Tx, group_ids: Sequence[int], now: datetime) -> None:
    """Close groups whose pages were resolved by a person; the next firing event opens a new group."""
    await store.close_groups(tx, group_ids, now)


async def alerts_of_groups(tx: Tx, ids: Sequence[int], limit_each: int = 20) -> dict[int, list[Alert]]:
    """Return alerts of each group: firing ones by severity, then the others, newest first."""
    return await read_store.alerts_of_groups(tx, ids, limit_each)


async def newest_alerts(
    tx: Tx, limit: int, *, service_id: int | None = None, firing: bool = False
) -> list[Alert]:
    """Return the newest alerts of one service or all, or of those that fire."""
    return await read_store.newest(tx, limit, AlertFilter(service_id, firing))


async def labeled_alerts(tx: Reads, since: datetime, limit: int) -> list[LabeledAlert]:
    """Return those of the newest `limit` alerts that began since an instant, with their labels, newest first."""
    return await read_store.labeled_alerts(tx, since, limit)


async def alert(tx: Tx, alert_id: int) -> Alert:
    """Return an alert; raise NotFound if there is none."""
    stored_alert = await read_store.alert(tx, alert_id)
    if stored_alert is None:
        raise NotFound(f"There is no alert {alert_id}.")
    return stored_alert


async def messages(tx: Tx, alert: Alert) -> list[MessagePreview]:
    """Return the stored messages that opened and last changed an alert, oldest first."""
    stored_messages = await read_store.messages(
        tx, alert.integration_id, alert.message_ids, MESSAGE_PREVIEW_BYTES + MAX_KEY_BYTES
    )
    return [
        MessagePreview(
            id=stored.id,
            received_at=stored.received_at,
            source=stored.source,
            size=stored.size,
            text=message_preview.preview(stored.body, stored.key, MESSAGE_PREVIEW_BYTES),
            truncated=stored.size > MESSAGE_PREVIEW_BYTES,
            error=stored.error,
        )
        for stored in stored_messages
    ]


async def deleted_messages(tx: Tx, alert: Alert) -> int:
    """Return the number of messages of an alert that were deleted because of their age."""
    return len(alert.message_ids) - len(
        await read_store.messages(tx, alert.integration_id, alert.message_ids, 0)
    )


async def arrivals(tx: Tx, alert: Alert) -> list[tuple[datetime, str]]:
    """Return when the stored messages of an alert arrived, and their sources, oldest first."""
    stored_messages = await read_store.messages(tx, alert.integration_id, alert.message_ids, 0)
    return [(stored.received_at, stored.source) for stored in stored_messages]


async def routing_of_alert(tx: Tx, alert: Alert, began_at: datetime) -> RoutingVersion | None:
    """Return the routing rules that decided about an alert, those in force when it began; None if there were none."""
    if alert.routing_version_id is not None:
        return await routing_store.version(tx, alert.routing_version_id)
    return await routing_store.version_at(tx, began_at)


async def message_body(tx: Tx, alert: Alert, message_id: int) -> bytes:
    """Return a whole message of an alert without the integration key; raise NotFound if it is not stored."""
    ids = [i for i in alert.message_ids if i == message_id]
    for stored in await read_store.messages(tx, alert.integration_id, ids):
        return message_preview.redacted(stored.body, stored.key)
    raise NotFound(
        f"Alert {alert.id} has no message {message_id}.",
        hint="Old messages are deleted: see the retention in the documentation.",
    )


async def alert_rate(tx: Tx, now: datetime, quarters: int) -> list[int]:
    """Return how many alerts started in each of the latest `quarters` of an hour; the last one contains `now`."""
    first = counting.quarter_of(now) - (quarters - 1) * counting.QUARTER
    counts = await read_store.alert_counts(tx, first, first + quarters * counting.QUARTER)
    return [counts.get(first + i * counting.QUARTER, 0) for i in range(quarters)]
