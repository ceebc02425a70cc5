"""What is done with alerts: receive a batch, close a group, manage integration keys."""

import hashlib
import secrets
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from firebell.alerts import change_store, integration_store, raw_messages, related_store, rules, store
from firebell.alerts.model import (
    Alert,
    BrokenSource,
    Change,
    ConfirmationAsked,
    EventKind,
    GroupsAcknowledged,
    GroupsGrown,
    GroupsOpened,
    GroupsRaised,
    GroupsResolved,
    GroupsRetitled,
    InboundRequest,
    Integration,
    Message,
    NewChange,
    OpenedGroup,
    SourceBroken,
)
from firebell.kit import timers, undo
from firebell.kit.db import Tx
from firebell.kit.errors import NotFound
from firebell.kit.events import Actor
from firebell.kit.text import clean_name

EVENTS_KEPT = timedelta(days=30)
SHOWN_BYTES = 64 * 1024
"""How much of a message is shown; the whole of it comes as a file."""
KEY_BYTES = 64
"""The longest integration key: one that is cut in two must still be recognized."""
IDS_KEPT = timedelta(days=7)
CHANGES_SHOWN = timedelta(hours=24)
"""How long before a page began the changes of its service are shown with it."""
BROKEN = "alerts.broken"
"""The timer of an integration that sends what cannot be read; while it is set, its owner knows."""
BROKEN_WITHIN = timedelta(days=1)

groups_by_id = store.groups_by_id
integrations = integration_store.integrations
lock_services = store.lock_services
policy_names = store.policy_names
alerts = store.alerts
incidents_of_pages = related_store.incidents_of_pages

CHANGES_LISTED = 20


async def receive(tx: Tx, batch: Sequence[InboundRequest], now: datetime) -> None:
    """Store what came in and what it changes, and tell the pager; one transaction, durable at its commit."""
    await store.lock_services(tx, [r.service_id for r in batch])
    batch = await store.insert_events(tx, batch, now)
    ids = [_event_ids(received) for received in batch]
    await _note_broken(tx, batch, now)
    await _ask_for_confirmation(tx, batch, now)
    if not any(ids):
        return
    new = await store.new_ids(tx, [i for found in ids for i in found], now)
    alert_keys = {(r.integration_id, e.dedup_key) for r in batch for e in r.incoming}
    group_keys = {(r.service_id, rules.group_key(e)) for r in batch for e in r.incoming}
    state = await store.load(tx, sorted(alert_keys), sorted(group_keys))
    services = sorted({r.service_id for r in batch})
    await store.load_storms(tx, state, services, now - rules.STORM_WINDOW)
    rules.apply(state, zip(batch, ids, strict=True), new, now)
    await _write(tx, state, now)


def _event_ids(received: InboundRequest) -> list[bytes]:
    body_hash = hashlib.sha256(received.body).digest()
    return [rules.event_id(received.integration_id, event, body_hash) for event in received.incoming]


async def _write(tx: Tx, state: rules.Batch, now: datetime) -> None:
    # what ended makes room for its successor before that is inserted
    if kept := [g for g in state.groups if g.changed and not g.fresh]:
        await store.update_groups(tx, kept, now)
    if changed := [a for a in state.loaded if a.changed]:
        await store.update_alerts(tx, changed)
    if opened := [g for g in state.groups if g.fresh]:
        await store.insert_groups(tx, opened, now)
    if state.created:
        await store.insert_alerts(tx, state.created)
    if leaderless := [g for g in state.groups if g.lead_lost and g.changed]:
        await store.find_leads(tx, leaderless)
    await _emit_changes(tx, state, now)


async def _emit_changes(tx: Tx, state: rules.Batch, now: datetime) -> None:
    def ids(groups: Iterable[rules.GroupState]) -> tuple[int, ...]:
        return tuple(sorted(g.id for g in groups if g.id is not None))

    opened = tuple(
        OpenedGroup(g.id, g.service_id, g.title, g.urgency, g.severity)
        for g in state.groups
        if g.fresh and g.id is not None
    )
    if opened:
        await tx.emit(GroupsOpened(opened), now)
    if grown := ids(g for g in state.groups if g.grown and not g.fresh):
        await tx.emit(GroupsGrown(grown, ids(g for g in state.groups if g.crossed and not g.fresh)), now)
    if retitled := rules.retitled(state):
        titles = tuple(g.title for g in retitled)
        await tx.emit(GroupsRetitled(tuple(g.id for g in retitled if g.id is not None), titles), now)
    if raised := [g for g in state.groups if g.raised and not g.fresh and g.id is not None]:
        raisers = tuple(g.raised_by for g in raised)
        await tx.emit(GroupsRaised(tuple(g.id for g in raised if g.id is not None), raisers), now)
    if acked := ids(g for g in state.groups if g.acked):
        await tx.emit(GroupsAcknowledged(acked, "the sender"), now)
    if resolved := ids(rules.close_finished(state)):
        await tx.emit(GroupsResolved(resolved), now)


async def _note_broken(tx: Tx, batch: Sequence[InboundRequest], now: datetime) -> None:
    for integration_id in sorted({r.integration_id for r in batch if r.error}):
        await timers.schedule_once(tx, BROKEN, str(integration_id), now)


async def _ask_for_confirmation(tx: Tx, batch: Sequence[InboundRequest], now: datetime) -> None:
    for received in batch:
        for event in received.incoming:
            if event.kind is EventKind.HANDSHAKE:
                kind, address = event.labels.get("type", ""), event.links.get("confirm", "")
                asked = ConfirmationAsked(
                    received.integration_id, event.dedup_key, event.title, kind, address
                )
                await tx.emit(asked, now)


async def record_change(tx: Tx, received: InboundRequest, change: NewChange, now: datetime) -> None:
    """Store a change event with its request; a redelivery is stored once."""
    await store.lock_services(tx, [received.service_id])
    await store.insert_events(tx, [received], now)
    digest = hashlib.sha256(received.body).digest()
    if await change_store.insert_change(tx, received, change, digest, now, rules.LATE):
        await tx.live("pages")


async def changes(
    tx: Tx,
    service_ids: Sequence[int] | None,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    before: int | None = None,
    limit: int = CHANGES_LISTED,
) -> list[Change]:
    """Return the changes of some services, or of all, made within `[since, until]`, the newest first."""
    return await change_store.changes(tx, service_ids, since, until, before, limit)


async def changes_before(tx: Tx, service_id: int | None, began_at: datetime) -> list[Change]:
    """Return the last changes of a service in the 24 hours before something began, the newest first."""
    if service_id is None:
        return []
    return await changes(tx, [service_id], since=began_at - CHANGES_SHOWN, until=began_at)


async def notify_broken(tx: Tx, integration_id: int, now: datetime) -> bool:
    """Tell the owner when the integration sent something unreadable within a day; return whether it did."""
    if not await integration_store.broken_sources(tx, now - BROKEN_WITHIN, integration_id):
        return False
    await tx.emit(SourceBroken(integration_id), now)
    return True


async def broken_sources(tx: Tx, now: datetime, *, service_id: int | None = None) -> list[BrokenSource]:
    """Return the integrations that sent something unreadable within a day, of one service or of all."""
    found = await integration_store.broken_sources(tx, now - BROKEN_WITHIN)
    return [b for b in found if service_id in (None, b.service_id)]


async def broken_source(tx: Tx, integration_id: int, now: datetime) -> BrokenSource | None:
    """Return what is wrong with an integration, None when nothing was wrong within two days."""
    found = await integration_store.broken_sources(tx, now - 2 * BROKEN_WITHIN, integration_id)
    return found[0] if found else None


async def close_group(tx: Tx, group_id: int, now: datetime) -> None:
    """End a group because a human resolved its page; the next firing event opens a new one."""
    await store.close_group(tx, group_id, now)


async def group_service(tx: Tx, group_id: int) -> int:
    """Return whose service a group is."""
    return (await store.groups_by_id(tx, [group_id]))[group_id].service_id


async def alerts_of_groups(tx: Tx, ids: Sequence[int], limit_each: int = 20) -> dict[int, list[Alert]]:
    """Return alerts of each group: the firing ones first, the most severe of them first, then the newest."""
    return await store.alerts_of_groups(tx, ids, limit_each)


async def alert(tx: Tx, alert_id: int) -> Alert:
    """Return an alert; raise `NotFound`."""
    found = await store.alert(tx, alert_id)
    if found is None:
        raise NotFound(f"There is no alert {alert_id}.")
    return found


async def messages(tx: Tx, alert: Alert) -> list[Message]:
    """Return the messages that opened and last changed an alert, oldest first, as far as they are kept."""
    enough = SHOWN_BYTES + KEY_BYTES
    return [
        Message(
            stored.id,
            stored.received_at,
            stored.source,
            stored.size,
            raw_messages.shown(stored.body, stored.key, SHOWN_BYTES),
            stored.size > SHOWN_BYTES,
            stored.error,
        )
        for stored in await store.messages(tx, alert.integration_id, alert.message_ids, enough)
    ]


async def deleted_messages(tx: Tx, alert: Alert) -> int:
    """Return how many of the messages of an alert are too old to be kept."""
    return len(alert.message_ids) - len(await store.messages(tx, alert.integration_id, alert.message_ids, 0))


async def message_body(tx: Tx, alert: Alert, message_id: int) -> bytes:
    """Return a whole message of an alert without the integration key; raise `NotFound`."""
    ids = [i for i in alert.message_ids if i == message_id]
    for stored in await store.messages(tx, alert.integration_id, ids):
        return raw_messages.redacted(stored.body, stored.key)
    raise NotFound(
        f"Alert {alert.id} has no message {message_id}.",
        hint=f"Messages are kept for {EVENTS_KEPT.days} days.",
    )


async def alert_rate(tx: Tx, since: datetime, now: datetime, bins: int) -> list[int]:
    """Return how many alerts started in each of `bins` equal stretches of `[since, now)`."""
    counts = [0] * bins
    for at in await store.alert_times(tx, since):
        counts[min(bins - 1, max(0, int((at - since) / (now - since) * bins)))] += 1
    return counts


async def create_integration(
    tx: Tx, actor: Actor, *, service_id: int, name: str, now: datetime
) -> Integration:
    """Add an address for senders; its key has 32 characters, as PagerDuty's routing keys have."""
    made = await integration_store.insert_integration(
        tx, service_id, clean_name(name, "name"), secrets.token_hex(16), now
    )
    await tx.audit(actor, "integration.created", f"service:{service_id}", now, name=made.name)
    return made


def _no_such_key() -> NotFound:
    return NotFound(
        "This service has no active integration key with this ID.",
        hint="Check the keys on the service's page.",
    )


async def reveal_integration(
    tx: Tx, actor: Actor, *, service_id: int, integration_id: int, now: datetime
) -> Integration:
    """Return an integration of the service with its whole key, and record who saw it; raise `NotFound`."""
    keys = {i.id: i for i in await integration_store.integrations(tx, service_id)}
    if integration_id not in keys:
        raise _no_such_key()
    integration = keys[integration_id]
    await tx.audit(
        actor,
        "integration.revealed",
        f"service:{service_id}",
        now,
        name=integration.name,
        integration=integration_id,
    )
    return integration


async def revoke_integration(
    tx: Tx, actor: Actor, *, service_id: int, integration_id: int, now: datetime
) -> Integration:
    """End and return an integration key of the service; its senders are refused within five seconds."""
    integration = await integration_store.revoke_integration(tx, service_id, integration_id, now)
    if integration is None:
        raise _no_such_key()
    await tx.audit(
        *(actor, "integration.revoked", f"service:{service_id}", now),
        name=integration.name,
        integration=integration.id,
    )
    return integration


async def restore_integration(tx: Tx, actor: Actor, entry: undo.Entry, now: datetime) -> str:
    """Put a revoked key in force again and return its name; raise `Conflict` when it is in force."""
    service_id, integration_id = entry.subject_id, entry.detail["integration"]
    name = await integration_store.restore_integration(tx, service_id, integration_id, entry.at)
    if name is None:
        raise undo.changed_since("the key is already active.", "There is nothing to undo.")
    await tx.audit(actor, "integration.restored", f"service:{service_id}", now, name=name)
    return name


async def prune(tx: Tx, now: datetime) -> bool:
    """Forget raw events and changes after 30 days and event ids after 7; return True if more are left."""
    are_more_changes = await change_store.prune(tx, now - EVENTS_KEPT, store.PORTION)
    return await store.prune(tx, now - EVENTS_KEPT, now - IDS_KEPT) or are_more_changes
