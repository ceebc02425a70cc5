"""What is done with alerts: receive a batch, close a group, manage integration keys."""

import hashlib
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from firebell.alerts import rules, store
from firebell.alerts.model import (
    Alert,
    BrokenSource,
    Group,
    GroupsAcknowledged,
    GroupsGrown,
    GroupsOpened,
    GroupsRaised,
    GroupsResolved,
    Integration,
    OpenedGroup,
    RawEvent,
    Received,
    SourceBroken,
)
from firebell.kit import due
from firebell.kit.db import Tx
from firebell.kit.errors import NotFound
from firebell.kit.events import Actor
from firebell.kit.text import clean_name, masked

EVENTS_KEPT = timedelta(days=30)
NEAR = timedelta(minutes=5)
"""How far from an alert's own times the requests that made it are looked for."""
IDS_KEPT = timedelta(days=7)
BROKEN = "alerts.broken"
"""The timer of an integration that sends what cannot be read; while it is set, its owner knows."""
BROKEN_WITHIN = timedelta(days=1)

groups_by_id = store.groups_by_id
integrations = store.integrations
lock_services = store.lock_services
policy_names = store.policy_names
alerts = store.alerts


async def receive(tx: Tx, batch: Sequence[Received], now: datetime) -> None:
    """Store what came in and what it changes, and tell the pager; one transaction, durable at its commit."""
    await store.lock_services(tx, [r.service_id for r in batch])
    await store.insert_events(tx, batch, now)
    ids = [_event_ids(received) for received in batch]
    await _note_broken(tx, batch, now)
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


def _event_ids(received: Received) -> list[bytes]:
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
    await _tell(tx, state, now)


async def _tell(tx: Tx, state: rules.Batch, now: datetime) -> None:
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
    if raised := ids(g for g in state.groups if g.raised and not g.fresh):
        await tx.emit(GroupsRaised(raised), now)
    if acked := ids(g for g in state.groups if g.acked):
        await tx.emit(GroupsAcknowledged(acked, "the sender"), now)
    if resolved := ids(rules.close_finished(state)):
        await tx.emit(GroupsResolved(resolved), now)


async def _note_broken(tx: Tx, batch: Sequence[Received], now: datetime) -> None:
    for integration_id in sorted({r.integration_id for r in batch if r.error}):
        await due.schedule_once(tx, BROKEN, str(integration_id), now)


async def tell_broken(tx: Tx, integration_id: int, now: datetime) -> bool:
    """Tell the owner when the integration sent something unreadable within a day; return whether it did."""
    if not await store.broken_sources(tx, now - BROKEN_WITHIN, integration_id):
        return False
    await tx.emit(SourceBroken(integration_id), now)
    return True


async def broken_sources(tx: Tx, now: datetime, *, service_id: int | None = None) -> list[BrokenSource]:
    """Return the integrations that sent something unreadable within a day, of one service or of all."""
    found = await store.broken_sources(tx, now - BROKEN_WITHIN)
    return [b for b in found if service_id in (None, b.service_id)]


async def broken_source(tx: Tx, integration_id: int, now: datetime) -> BrokenSource | None:
    """Return what is wrong with an integration, None when nothing was wrong within two days."""
    found = await store.broken_sources(tx, now - 2 * BROKEN_WITHIN, integration_id)
    return found[0] if found else None


async def close_group(tx: Tx, group_id: int, now: datetime) -> None:
    """End a group because a human resolved its page; the next firing event opens a new one."""
    await store.close_group(tx, group_id, now)


async def group_service(tx: Tx, group_id: int) -> int:
    """Return whose service a group is."""
    return (await store.groups_by_id(tx, [group_id]))[group_id].service_id


async def alerts_of_groups(tx: Tx, ids: Sequence[int], limit_each: int = 20) -> dict[int, list[Alert]]:
    """Return the newest alerts of each group, the firing ones first."""
    return await store.alerts_of_groups(tx, ids, limit_each)


async def alert_with_group(tx: Tx, alert_id: int) -> tuple[Alert, Group | None, list[RawEvent]]:
    """Return an alert, its group and the last requests of its integration; raise `NotFound`."""
    found = await store.alert(tx, alert_id)
    if found is None:
        raise NotFound(f"There is no alert {alert_id}.")
    groups = await store.groups_by_id(tx, [found.group_id] if found.group_id else [])
    since, until = min(found.starts_at, found.last_seen) - NEAR, found.last_seen + NEAR
    raw = await store.raw_events(tx, found.integration_id, since, until, 50)
    raw = _without_key(raw, await store.integration_key(tx, found.integration_id))
    return found, groups.get(found.group_id or 0), raw


def _without_key(events: Sequence[RawEvent], key: str) -> list[RawEvent]:
    """Return requests with their integration key masked: senders made for PagerDuty put it into the body."""
    secret, shown = key.encode(), masked(key).encode()
    return [replace(event, body=event.body.replace(secret, shown)) for event in events]


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
    made = await store.insert_integration(
        tx, service_id, clean_name(name, "name"), secrets.token_hex(16), now
    )
    await tx.audit(actor, "integration.created", f"service:{service_id}", now, name=made.name)
    return made


def _no_such_key() -> NotFound:
    return NotFound(
        "This service has no such integration key in force.", hint="Look at the keys on its page."
    )


async def reveal_integration(
    tx: Tx, actor: Actor, *, service_id: int, integration_id: int, now: datetime
) -> Integration:
    """Return an integration of the service with its whole key, and record who saw it; raise `NotFound`."""
    keys = {i.id: i for i in await store.integrations(tx, service_id)}
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
) -> None:
    """End an integration key of the service; its senders are refused within five seconds."""
    integration = await store.revoke_integration(tx, service_id, integration_id, now)
    if integration is None:
        raise _no_such_key()
    await tx.audit(actor, "integration.revoked", f"service:{service_id}", now, name=integration.name)


async def prune(tx: Tx, now: datetime) -> bool:
    """Forget raw events after 30 days and event ids after 7, a portion of them; say whether more are left."""
    return await store.prune(tx, now - EVENTS_KEPT, now - IDS_KEPT)
