"""The SQL of ingest: a batch calls functions of the database, each in one round trip."""

from collections.abc import Iterable, Sequence
from datetime import datetime

import msgspec

from firebell.alerts import event_placement
from firebell.alerts.batches import alert_counts as counting
from firebell.alerts.batches import dedup_and_grouping
from firebell.alerts.batches.dedup_and_grouping import LATE_WINDOW, STORM_WINDOW
from firebell.alerts.batches.optimistic_batch import Assumed
from firebell.alerts.batches.state import AlertState, Batch, GroupState, alert_state, group_state
from firebell.alerts.flap import Flap
from firebell.alerts.model import Alert, Event, Group, InboundRequest, Json
from firebell.alerts.mutes import MutesByService
from firebell.catalog import actions as catalog
from firebell.kit.db.arrays import transpose
from firebell.kit.db.database import Tx
from firebell.kit.errors import Unavailable


class _AlertRow(msgspec.Struct):
    """A row of `alert`, with the fields of `Alert` in their order; a stored label may be anything."""

    id: int
    integration_id: int
    dedup_key: str
    group_id: int | None
    status: str
    title: str
    body: str
    severity: str | None
    labels: Json
    annotations: Json
    links: Json
    starts_at: datetime
    ends_at: datetime | None
    last_seen: datetime
    hi_at: datetime
    hi_rank: int
    ended_by: str | None
    count: int
    hi_seen: datetime
    late_at: datetime | None
    late_rank: int | None
    missed: bool
    message_ids: tuple[int, ...]
    routed_service_id: int | None
    rule_id: int | None
    routing_version_id: int | None
    is_fallback: bool | None
    flap: Flap | None


_decode_alerts = msgspec.json.Decoder(list[_AlertRow] | None).decode
_decode_groups = msgspec.json.Decoder(list[Group] | None).decode
_decode_counts = msgspec.json.Decoder(list[tuple[int, int]] | None).decode


class ServiceNotLocked(Unavailable):
    """A loaded alert belongs to a service that the batch did not lock, because a rule sent it there."""


async def insert_messages(tx: Tx, requests: Sequence[InboundRequest], now: datetime) -> list[int]:
    """Store requests as received and return the ids of their stored messages."""
    ids: list[int] = await tx.value(
        "select insert_messages($1, $2, $3, $4, $5, $6)", now, *_messages(requests)
    )
    return ids


def _messages(
    requests: Sequence[InboundRequest],
) -> tuple[list[int], list[str], list[bytes], list[int], list[str | None]]:
    return (
        [r.integration_id for r in requests],
        [r.source for r in requests],
        [r.body for r in requests],
        [len(r.incoming) for r in requests],
        [r.error for r in requests],
    )


async def lock_services(tx: Tx, requests: Sequence[InboundRequest], *, are_alerts_routed: bool) -> None:
    """Lock the services that `receive_messages` will lock, for a caller that must read before it."""
    service_ids = sorted(event_placement.services(requests))
    if are_alerts_routed:
        alert_keys = _alert_keys(requests)
        service_ids = await tx.value(
            "select alert_services($1, $2, $3)",
            service_ids,
            [integration_id for integration_id, _ in alert_keys],
            [dedup_key for _, dedup_key in alert_keys],
        )
    await catalog.lock_services(tx, service_ids)


def _alert_keys(requests: Sequence[InboundRequest]) -> list[tuple[int, str]]:
    return sorted(
        {(request.integration_id, event.dedup_key) for request in requests for event in request.incoming}
    )


async def receive_messages(
    tx: Tx,
    requests: Sequence[InboundRequest],
    event_ids: Sequence[bytes],
    muting: MutesByService,
    now: datetime,
    *,
    are_alerts_routed: bool,
) -> tuple[list[int], set[bytes], Batch]:
    """Lock the services, store the requests, and return what their events may change.

    Returns the ids of the stored messages, the event ids that were not seen within the last 60 seconds (spec 3.2),
    and the latest alert of each key with the open groups that it may join, also those of the mutes.

    `are_alerts_routed` means that firing alerts of these integrations may belong to other services, which are locked
    too. Raise ServiceNotLocked if an alert belongs to a service that was not locked.
    """
    alert_keys = _alert_keys(requests)
    group_keys = sorted(
        event_placement.places(requests)
        | {(service_id, mute.group_key) for service_id, each in muting.items() for mute in each}
    )
    services = "alert_services($2, $10, $11)" if are_alerts_routed else "$2"
    service_ids = sorted(event_placement.services(requests))
    row = await tx.row(
        f"""
        select *
        from receive_messages($1, {services}, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)
        """,
        now,
        service_ids,
        *_messages(requests),
        event_ids,
        LATE_WINDOW,
        [integration_id for integration_id, _ in alert_keys],
        [dedup_key for _, dedup_key in alert_keys],
        [service_id for service_id, _ in group_keys],
        [key for _, key in group_keys],
        now - STORM_WINDOW,
        dedup_and_grouping.STORM_GROUPS,
    )
    assert row is not None
    batch = Batch()
    _add_groups(batch, _rows(_decode_groups, row["groups"]), _rows(_decode_groups, row["storms"]))
    _add_alerts(batch, _rows(_decode_alerts, row["alerts"]))
    batch.room.update(
        (service_id, dedup_and_grouping.STORM_GROUPS - n)
        for service_id, n in _rows(_decode_counts, row["opened"])
    )
    if any(g.service_id not in batch.room for g in batch.groups):
        raise ServiceNotLocked("An alert has just been routed to another service.", retry_after=1)
    return row["message_ids"], set(row["new_event_ids"] or ()), batch


def _rows(decode: Json, text: str | None) -> Json:
    return (decode(text) if text else None) or ()


def _add_groups(batch: Batch, open_groups: Iterable[Group], storms: Iterable[Group]) -> None:
    states = {}
    for group in open_groups:
        state = states[group.id] = group_state(group)
        if group.key is not None:
            batch.open_groups[group.service_id, group.key] = state
    for storm in storms:
        state = states.setdefault(storm.id, group_state(storm))
        batch.storms[storm.service_id], batch.room[storm.service_id] = state, 0
    batch.groups.extend(states.values())


def _add_alerts(batch: Batch, rows: Iterable[_AlertRow]) -> None:
    groups = {group.id: group for group in batch.groups}
    for row in rows:
        alert = Alert(*msgspec.structs.astuple(row))
        state = alert_state(alert, groups.get(alert.group_id) if alert.group_id else None)
        batch.latest[alert.integration_id, alert.dedup_key] = state
        batch.loaded.append(state)


async def save_batch(tx: Tx, batch: Batch, requests: Sequence[InboundRequest], now: datetime) -> None:
    """Save the alerts and groups that a batch of requests created or changed, and set the ids of new groups."""
    new_groups = [g for g in batch.groups if g.fresh]
    numbers = {id(group): number for number, group in enumerate(new_groups, 1)}
    group_ids = await tx.value(
        "select save_batch($1, $2, $3, $4, $5, $6, $7, $8)",
        now,
        [_group_row(g) | {"id": g.id} for g in batch.groups if g.changed and not g.fresh],
        [_alert_row(a) | {"id": a.id} for a in batch.loaded if a.changed],
        [_group_row(g) | _origin(g) for g in new_groups],
        [_alert_row(a) | _place(a, numbers) for a in batch.created],
        *_counts(batch, requests),
    )
    for group, group_id in zip(new_groups, group_ids or (), strict=True):
        group.id = group_id


def _counts(batch: Batch, requests: Sequence[InboundRequest]) -> list[list[Json]]:
    """Return the quarters of an hour, service ids and numbers of the alerts that fired first."""
    return transpose(counting.started(batch, {r.integration_id: r.service_id for r in requests}), 3)


def _group_row(group: GroupState) -> dict[str, Json]:
    return {
        "urgency": group.urgency,
        "last_at": group.last_at,
        "alerts": group.alerts,
        "firing": group.firing,
        "events": group.events,
        "title": group.title,
        "lead_key": group.lead_key,
        "lead_severity": group.severity,
    }


def _origin(group: GroupState) -> dict[str, Json]:
    return {
        "integration_id": group.integration_id,
        "service_id": group.service_id,
        "key": group.key,
        "opened_at": group.opened_at,
        "mute_id": group.mute_id,
    }


def _alert_row(alert: AlertState) -> dict[str, Json]:
    event = alert.event
    late_at, late_rank = alert.late or (None, None)
    return {
        "status": alert.status,
        "title": event.title,
        "body": event.body,
        "severity": event.severity,
        "labels": event.labels,
        "annotations": event.annotations,
        "links": event.links,
        "ends_at": alert.ends_at,
        "last_seen": alert.last_seen,
        "hi_at": alert.hi[0],
        "hi_rank": alert.hi[1],
        "ended_by": alert.ended_by,
        "count": alert.count,
        "hi_seen": alert.hi_seen,
        "late_at": late_at,
        "late_rank": late_rank,
        "missed": alert.missed,
        "message_ids": alert.message_ids,
        "flap": alert.flap,
    }


def _route(event: Event) -> dict[str, Json]:
    """Return what a rule decided about an alert, nothing if none did."""
    route = event.route
    if route is None:
        return {}
    return {
        "routed_service_id": route.service_id,
        "rule_id": route.rule_id,
        "routing_version_id": route.version_id,
        "is_fallback": route.is_fallback or None,
    }


def _place(alert: AlertState, numbers: dict[int, int]) -> dict[str, Json]:
    group = alert.group
    return {
        **_route(alert.event),
        "integration_id": alert.integration_id,
        "dedup_key": alert.dedup_key,
        "starts_at": alert.starts_at,
        "group_id": group.id if group else None,
        "new_group": numbers.get(id(group)) if group else None,
    }


async def store_new_alerts(tx: Tx, assumed: Assumed, now: datetime) -> tuple[int, ...] | None:
    """Store a batch if what it assumes is true, and set the ids of new groups; otherwise write nothing.

    Returns the open pages of the joined groups, or None if an assumption is wrong.
    """
    joined, opened, created = assumed.joined, assumed.opened, assumed.batch.created
    requests, absent, limits = assumed.requests, list(assumed.absent_groups), assumed.opening_limits
    numbers = {id(group): number for number, group in enumerate(opened, 1)}
    row = await tx.row(
        """
        select is_stored, group_ids, page_ids
        from store_new_alerts(
            $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22,
            $23, $24, $25
        )
        """,
        now,
        sorted(event_placement.services(requests)),
        *_messages(requests),
        assumed.event_ids,
        [a.integration_id for a in created],
        [a.dedup_key for a in created],
        [j.group.id for j in joined],
        [j.group.lead_key for j in joined],
        [j.group.severity for j in joined],
        [j.alerts_limit for j in joined],
        [j.count for j in joined],
        [service_id for service_id, _ in absent],
        [key for _, key in absent],
        list(limits),
        list(limits.values()),
        now - STORM_WINDOW,
        [_group_row(g) | _origin(g) for g in opened],
        list(_new_alert_rows(assumed, numbers)),
        *_counts(assumed.batch, requests),
    )
    assert row is not None
    if not row["is_stored"]:
        return None
    for group, group_id in zip(opened, row["group_ids"] or (), strict=True):
        group.id = group_id
    return tuple(row["page_ids"] or ())


def _new_alert_rows(assumed: Assumed, numbers: dict[int, int]) -> Iterable[dict[str, Json]]:
    """Yield rows of alerts that fire for the first time, one per event, without what is the same for all."""
    created = iter(assumed.batch.created)
    for message, request in enumerate(assumed.requests, 1):
        for event, alert in zip(request.incoming, created, strict=False):
            group = alert.group
            yield {
                "integration_id": alert.integration_id,
                "dedup_key": alert.dedup_key,
                "group_id": group.id if group else None,
                "new_group": numbers.get(id(group)),
                "message": message,
                "title": event.title,
                "body": event.body,
                "severity": event.severity,
                "labels": event.labels,
                "annotations": event.annotations,
                "links": event.links,
                "starts_at": alert.starts_at,
                "hi_rank": alert.hi[1],
                **_route(event),
            }
