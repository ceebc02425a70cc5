"""The SQL of routing rules: their versions, the groups that they hold, and the alerts that they sent elsewhere."""

import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import msgspec

from firebell.alerts.model import (
    OWN_SOURCE,
    TEST_KEY_PREFIX,
    Alert,
    Event,
    EventKind,
    InboundRequest,
    OpenedGroup,
)
from firebell.alerts.read_store import ALERT_COLUMNS, alert_from_row
from firebell.alerts.routing_model import Hold, HoldKind
from firebell.alerts.routing_rules import rules as routing_rules
from firebell.alerts.routing_rules.rules import NO_ROUTING, Routing, RoutingRule, RoutingVersion
from firebell.kit.db.arrays import transpose
from firebell.kit.db.database import Reads, Row, Tx
from firebell.kit.log import OncePerMinute

log = logging.getLogger(__name__)
_unreadable = OncePerMinute(log, "the matchers of a routing rule cannot be read, so it matches nothing")
_unreadable_version = OncePerMinute(log, "the routing rules cannot be read, so the fallback rule pages")

Lock = Literal["", "for share", "for update"]

_COLUMNS = "id, based_on, rules, last_rule_id, note, saved_at, saved_by"


@dataclass(frozen=True, slots=True)
class HeldGroup:
    """An open group that a rule holds."""

    id: int
    service_id: int
    title: str
    firing: int
    hold: Hold


def _version(row: Row) -> RoutingVersion:
    return RoutingVersion(**{**dict(row), "rules": msgspec.convert(row["rules"], tuple[RoutingRule, ...])})


async def lock_saving(tx: Tx) -> None:
    """Let one transaction at a time save rules; the others wait."""
    await tx.execute("select pg_advisory_xact_lock(hashtextextended('routing_version', 0))")


async def insert_version(tx: Tx, version: RoutingVersion) -> int | None:
    """Insert a version and return its id; return None if another one is based on the same version."""
    new_id: int | None = await tx.value(
        """
        insert into routing_version (based_on, rules, last_rule_id, note, saved_at, saved_by)
        values ($1, $2, $3, $4, $5, $6)
        on conflict (based_on) do nothing
        returning id
        """,
        version.based_on,
        version.rules,
        version.last_rule_id,
        version.note,
        version.saved_at,
        version.saved_by,
    )
    return new_id


async def newest_version(tx: Tx, lock: Lock = "") -> RoutingVersion | None:
    """Return the rules in force, None if no rules were ever saved.

    Locked for update, they change only by this transaction; for share, they do not change before it ends.
    """
    row = await tx.row(
        f"""
        select {_COLUMNS}
        from routing_version
        order by id desc
        limit 1
        {lock}
        """
    )
    if row is not None and lock and not await is_in_force(tx, row["id"]):
        # another transaction saved rules while this one waited for the lock
        return await newest_version(tx, lock)
    return _version(row) if row else None


async def is_in_force(tx: Tx, version_id: int) -> bool:
    """Return True if no rules were saved since this version; none are before the transaction ends."""
    await tx.execute("select from routing_version where id = $1 for share", version_id)
    return not await tx.value("select exists (select from routing_version where id > $1)", version_id)


async def versions(tx: Reads, before: int | None, limit: int) -> list[RoutingVersion]:
    """Return the versions with an id below `before`, newest first."""
    rows = await tx.fetch(
        f"""
        select {_COLUMNS}
        from routing_version
        where $1::bigint is null
            or id < $1
        order by id desc
        limit $2
        """,
        before,
        limit,
    )
    return [_version(row) for row in rows]


async def version(tx: Reads, version_id: int) -> RoutingVersion | None:
    """Return a version, None if there is none."""
    row = await tx.row(
        f"""
        select {_COLUMNS}
        from routing_version
        where id = $1
        """,
        version_id,
    )
    return _version(row) if row else None


async def version_at(tx: Reads, at: datetime) -> RoutingVersion | None:
    """Return the rules that were in force at an instant, None if there were none."""
    row = await tx.row(
        f"""
        select {_COLUMNS}
        from routing_version
        where saved_at <= $1
        order by id desc
        limit 1
        """,
        at,
    )
    return _version(row) if row else None


async def load(tx: Tx, lock: Lock = "") -> Routing:
    """Return the rules in force, ready to match; one that cannot be read matches nothing.

    If a later release stored what this one cannot read, no rule applies and the fallback rule pages.
    """
    try:
        newest = await newest_version(tx, lock)
    except msgspec.ValidationError as error:
        _unreadable_version.add(str(error))
        return NO_ROUTING
    if newest is None or not newest.rules:
        return NO_ROUTING
    return await compiled(tx, newest.id, newest.rules)


async def compiled(tx: Reads, version_id: int, rules: Sequence[RoutingRule]) -> Routing:
    """Return rules ready to match, with the services that exist now."""
    routing, unreadable = routing_rules.compile_rules(version_id, rules)
    for rule in unreadable:
        _unreadable.add(f"rule {rule.id} of version {version_id}")
    services = await tx.fetch(
        """
        select id, slug, name, earlier_names
        from service
        where deleted_at is null
        order by id desc
        """
    )
    return routing.with_services(
        ((row["id"], row["slug"], row["name"]) for row in services),
        ((row["id"], name) for row in services for name in row["earlier_names"]),
    )


async def routed_integrations(tx: Reads) -> set[int]:
    """Return the integrations with a firing alert that a rule sent to another service."""
    rows = await tx.fetch(
        """
        select id
        from integration
        where exists (
            select
            from alert
            where alert.integration_id = integration.id
                and status = 'firing'
                and routed_service_id is not null
        )
        """
    )
    return {row["id"] for row in rows}


async def services_of_firing(tx: Reads, integration_ids: Collection[int]) -> set[int]:
    """Return the services that rules sent firing alerts of these integrations to."""
    rows = await tx.fetch(
        """
        select distinct routed_service_id
        from alert
        where integration_id = any($1::bigint[])
            and status = 'firing'
            and routed_service_id is not null
        """,
        list(integration_ids),
    )
    return {row["routed_service_id"] for row in rows}


async def save_holds(tx: Tx, holds: Sequence[tuple[int, Hold]]) -> None:
    """Store why groups wait."""
    group_ids, values = transpose(holds, 2)
    await tx.execute(
        """
        update alert_group
        set hold = held.hold
        from unnest($1::bigint[], $2::jsonb[]) as held (id, hold)
        where alert_group.id = held.id
        """,
        group_ids,
        values,
    )


async def hold_of_group(tx: Reads, group_id: int) -> Hold | None:
    """Return why a group waits or waited before it paged, None if no rule held it."""
    value = await tx.value("select hold from alert_group where id = $1", group_id)
    return msgspec.convert(value, Hold) if value else None


async def open_holds(tx: Reads, group_ids: Collection[int]) -> dict[int, Hold]:
    """Return why each of these groups that a rule holds does not page yet."""
    rows = await tx.fetch(
        """
        select id, hold
        from alert_group
        where id = any($1::bigint[])
            and hold is not null
            and released_at is null
        """,
        list(group_ids),
    )
    return {row["id"]: msgspec.convert(row["hold"], Hold) for row in rows}


async def counted_holds(tx: Reads, places: Mapping[tuple[int, str], datetime]) -> dict[tuple[int, str], Hold]:
    """Return the holds of the groups that closed last, held to the end, by service and group key.

    Each place comes with the time since when it must have closed.
    """
    rows = await tx.fetch(
        """
        select wanted.service_id, wanted.key, closed.hold
        from unnest($1::bigint[], $2::text[], $3::timestamptz[]) as wanted (service_id, key, since)
        cross join lateral (
            select hold
            from alert_group
            where alert_group.service_id = wanted.service_id
                and alert_group.key = wanted.key
                and alert_group.closed_at >= wanted.since
                and hold is not null
                and released_at is null
            order by closed_at desc
            limit 1
        ) closed
        """,
        *transpose([(*place, since) for place, since in places.items()], 3),
    )
    return {(row["service_id"], row["key"]): msgspec.convert(row["hold"], Hold) for row in rows}


async def held_groups(tx: Reads, limit: int | None = None) -> list[HeldGroup]:
    """Return the open groups that rules hold, newest first."""
    rows = await tx.fetch(
        """
        select id, service_id, title, firing, hold
        from alert_group
        where hold is not null
            and released_at is null
            and closed_at is null
        order by id desc
        limit $1
        """,
        limit,
    )
    return [HeldGroup(**{**dict(row), "hold": msgspec.convert(row["hold"], Hold)}) for row in rows]


async def groups_held_unreadably(tx: Reads) -> list[int]:
    """Return the open groups that are held for a reason that this release does not know."""
    rows = await tx.fetch(
        """
        select id
        from alert_group
        where hold is not null
            and released_at is null
            and closed_at is null
            and hold ->> 'kind' <> all ($1::text[])
        order by id
        """,
        [kind.value for kind in HoldKind if kind is not HoldKind.UNKNOWN],
    )
    return [row["id"] for row in rows]


async def firing_in_held_groups(tx: Reads) -> dict[int, list[InboundRequest]]:
    """Return the alerts that fire in each open group that a rule holds, as requests of their integrations."""
    rows = await tx.fetch(
        """
        select
            alert_group.id as group_id, alert.integration_id, integration.service_id, alert.dedup_key, alert.title,
            alert.severity, alert.labels
        from alert_group
        join alert on alert.group_id = alert_group.id
        join integration on integration.id = alert.integration_id
        where alert_group.hold is not null
            and alert_group.released_at is null
            and alert_group.closed_at is null
            and alert.status = 'firing'
        order by alert.id
        """
    )
    requests: dict[int, list[InboundRequest]] = {}
    for row in rows:
        fields = {name: row[name] for name in ("dedup_key", "title", "severity", "labels")}
        request = InboundRequest(
            row["integration_id"], row["service_id"], OWN_SOURCE, b"", (Event(EventKind.FIRING, **fields),)
        )
        requests.setdefault(row["group_id"], []).append(request)
    return requests


async def held_alerts(tx: Reads, group_ids: Collection[int]) -> list[tuple[int, None, Alert]]:
    """Return the firing alerts in those of these groups that a rule holds, each after its service and no mute."""
    columns = ", ".join(f"alert.{column}" for column in ALERT_COLUMNS.split(", "))
    rows = await tx.fetch(
        f"""
        select alert_group.service_id, {columns}
        from alert_group
        join alert on alert.group_id = alert_group.id
        where alert_group.id = any($1::bigint[])
            and alert_group.hold is not null
            and alert_group.released_at is null
            and alert_group.closed_at is null
            and alert.status = 'firing'
        order by alert.id
        """,
        list(group_ids),
    )
    return [(row["service_id"], None, alert_from_row(row)) for row in rows]


async def services_of_groups(tx: Reads, group_ids: Collection[int]) -> list[int]:
    """Return the services of groups, in order."""
    rows = await tx.fetch(
        """
        select distinct service_id
        from alert_group
        where id = any($1::bigint[])
        order by 1
        """,
        list(group_ids),
    )
    return [row["service_id"] for row in rows]


async def release(tx: Tx, group_ids: Collection[int], now: datetime) -> list[OpenedGroup]:
    """Release the groups that still fire and wait, and return them; idempotent."""
    rows = await tx.fetch(
        """
        update alert_group
        set released_at = $2,
            hold = hold || jsonb_build_object('ended_at', $2::timestamptz)
        where id = any($1::bigint[])
            and hold is not null
            and released_at is null
            and closed_at is null
        returning
            id,
            service_id,
            title,
            urgency,
            lead_severity as severity,
            coalesce(starts_with(key, $3), false) as is_test
        """,
        list(group_ids),
        now,
        TEST_KEY_PREFIX,
    )
    return sorted((OpenedGroup(**dict(row)) for row in rows), key=lambda group: group.id)
