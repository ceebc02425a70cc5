"""The SQL of integrations and of those that send unreadable messages."""

from collections.abc import Collection, Sequence
from datetime import datetime

from firebell.alerts.model import TEST_KEY_PREFIX, BrokenSource, Integration, IntegrationActivity
from firebell.kit.db.database import Reads, Row, Tx

ACTIVITY_ALERTS = 500
"""The most alerts that are counted as the activity of an integration."""
MESSAGE_BYTES = 16_384
"""How much of a message is read to recognize its source."""
_INTEGRATION = "id, service_id, name, key, created_at, flapping_changes, drop_labels, created_by"


def _integration(row: Row) -> Integration:
    return Integration(**{**dict(row), "drop_labels": tuple(row["drop_labels"])})


async def insert_integration(
    tx: Tx, service_id: int, name: str, key: str, created_by: int | None, now: datetime
) -> Integration:
    row = await tx.row(
        f"""
        insert into integration (service_id, name, key, created_by, created_at)
        values ($1, $2, $3, $4, $5)
        returning {_INTEGRATION}
        """,
        service_id,
        name,
        key,
        created_by,
        now,
    )
    assert row
    return _integration(row)


async def ensure_internal(tx: Tx, service_id: int, name: str, key: str, now: datetime) -> int:
    """Return the id of an integration for alerts that Firebell raises itself; create it with this key. Idempotent."""
    integration_id: int = await tx.value(
        """
        insert into integration (service_id, name, key, created_at, is_internal)
        values ($1, $2, $3, $4, true)
        on conflict (service_id, name) where is_internal do update
        set name = excluded.name
        returning id
        """,
        service_id,
        name,
        key,
        now,
    )
    return integration_id


async def integrations(tx: Tx, service_id: int | None = None) -> list[Integration]:
    """Return the active integrations of the senders of one service or of all, oldest first."""
    rows = await tx.fetch(
        f"""
        select {_INTEGRATION}
        from integration
        where revoked_at is null
            and not is_internal
            and ($1::bigint is null or service_id = $1)
        order by id
        """,
        service_id,
    )
    return [_integration(row) for row in rows]


async def integration_of_key(tx: Tx, key: str) -> Integration | None:
    """Return the active integration with this key, or None."""
    row = await tx.row(
        f"""
        select {_INTEGRATION}
        from integration
        where key = $1
            and revoked_at is null
            and not is_internal
        """,
        key,
    )
    return _integration(row) if row else None


async def revoke_integration(
    tx: Tx, service_id: int, integration_id: int, now: datetime
) -> Integration | None:
    """Revoke an integration of the service and return it; return None if it is not active."""
    row = await tx.row(
        f"""
        update integration
        set revoked_at = $3
        where id = $2
            and service_id = $1
            and revoked_at is null
            and not is_internal
        returning {_INTEGRATION}
        """,
        service_id,
        integration_id,
        now,
    )
    return _integration(row) if row else None


async def restore_integration(
    tx: Tx, service_id: int, integration_id: int, revoked_at: datetime
) -> str | None:
    """Restore an integration that was revoked at this instant and return its name; return None if there is none."""
    name: str | None = await tx.value(
        """
        update integration
        set revoked_at = null
        where id = $2
            and service_id = $1
            and revoked_at = $3
        returning name
        """,
        service_id,
        integration_id,
        revoked_at,
    )
    return name


async def update_settings(
    tx: Tx, integration_id: int, *, flapping_changes: int, drop_labels: Sequence[str]
) -> None:
    """Set when the alerts of an integration flap, and which labels are removed from them."""
    await tx.execute(
        """
        update integration
        set flapping_changes = $2,
            drop_labels = $3
        where id = $1
        """,
        integration_id,
        flapping_changes,
        list(drop_labels),
    )


async def flapping_changes(tx: Reads, ids: Collection[int]) -> dict[int, int]:
    """Return at how many changes within an hour the alerts of each integration flap."""
    rows = await tx.fetch(
        """
        select id, flapping_changes
        from integration
        where id = any($1::bigint[])
        """,
        list(ids),
    )
    return {row["id"]: row["flapping_changes"] for row in rows}


async def services_of_integrations(tx: Tx, ids: Collection[int]) -> dict[int, int]:
    """Return the service id of each integration, active or revoked."""
    rows = await tx.fetch(
        """
        select id, service_id
        from integration
        where id = any($1::bigint[])
        """,
        list(ids),
    )
    return {row["id"]: row["service_id"] for row in rows}


async def lock(tx: Tx, integration_id: int) -> None:
    """Lock an integration for its settings and tests; what receives alerts does not wait for it."""
    await tx.execute("select from integration where id = $1 for no key update", integration_id)


async def name_of(tx: Reads, integration_id: int) -> str:
    """Return the name of an integration, active or revoked."""
    name: str = await tx.value("select name from integration where id = $1", integration_id)
    return name


async def broken_sources(tx: Tx, since: datetime, integration_id: int | None = None) -> list[BrokenSource]:
    """Return the active integrations that sent unreadable messages since then, latest message first."""
    rows = await tx.fetch(
        """
        select
            integration.id as integration_id,
            service_id,
            name,
            newest.received_at as at,
            newest.error,
            recent.count
        from integration
        cross join lateral (
            select received_at, error
            from event
            where integration_id = integration.id
                and error is not null
            order by id desc
            limit 1
        ) newest
        cross join lateral (
            select count(*)
            from (
                select
                from event
                where integration_id = integration.id
                    and error is not null
                    and received_at > $1
                order by id desc
                limit 1000
            ) counted
        ) recent
        where revoked_at is null
            and newest.received_at > $1
            and ($2::bigint is null or integration.id = $2)
        order by newest.received_at desc, integration.id
        """,
        since,
        integration_id,
    )
    return [BrokenSource(**dict(row)) for row in rows]


async def activity(tx: Tx, ids: Collection[int], since: datetime) -> list[IntegrationActivity]:
    """Return what these integrations received, without those that never opened an alert; `since` begins the day.

    Test alerts, which Firebell sends itself, do not count.
    """
    # a range, because with an equality the planner may scan the alerts of all integrations backward
    rows = await tx.fetch(
        """
        select
            wanted.id as integration_id,
            recent.last_event_at,
            recent.alerts,
            coalesce(message.source, '') as source,
            coalesce(substring(message.body from 1 for $4), '') as body
        from unnest($1::bigint[]) wanted (id)
        cross join lateral (
            select
                max(last_seen) as last_event_at,
                count(*) filter (where last_seen > $2) as alerts,
                (array_agg(message_id order by id desc))[1] as message_id
            from (
                select id, last_seen, message_ids[cardinality(message_ids)] as message_id
                from alert
                where integration_id >= wanted.id
                    and (integration_id, id) < (wanted.id + 1, 0)
                    and not starts_with(dedup_key, $5)
                order by integration_id desc, id desc
                limit $3
            ) newest
        ) recent
        left join event as message on message.id = recent.message_id
        where recent.last_event_at is not null
        """,
        list(ids),
        since,
        ACTIVITY_ALERTS,
        MESSAGE_BYTES,
        TEST_KEY_PREFIX,
    )
    return [IntegrationActivity(**dict(row)) for row in rows]
