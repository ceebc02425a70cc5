"""The SQL of alerts that expire, and of the sources that send them."""

from collections.abc import Collection, Sequence
from datetime import datetime

from firebell.alerts.expiry.rules import Expiries, ExpiringAlert, ExpiringSource
from firebell.kit.db.arrays import transpose
from firebell.kit.db.database import Tx


async def note_messages(tx: Tx, integration_ids: Sequence[int], now: datetime) -> None:
    """Record that the sources of these integrations sent something."""
    await tx.execute(
        """
        insert into expiring_source (integration_id, last_message_at)
        select integration_id, $2
        from unnest($1::bigint[]) as reporting (integration_id)
        on conflict (integration_id) do update
        set last_message_at = excluded.last_message_at
        """,
        integration_ids,
        now,
    )


async def save(tx: Tx, expiries: Expiries) -> None:
    """Set when alerts expire."""
    rows = [(integration_id, key, at) for (integration_id, key), at in sorted(expiries.items())]
    await tx.execute(
        """
        insert into alert_expiry (integration_id, dedup_key, expires_at)
        select integration_id, dedup_key, expires_at
        from unnest($1::bigint[], $2::text[], $3::timestamptz[]) as seen (integration_id, dedup_key, expires_at)
        on conflict (integration_id, dedup_key) do update
        set expires_at = excluded.expires_at
        """,
        *transpose(rows, 3),
    )


async def sources(tx: Tx, integration_ids: Collection[int]) -> list[ExpiringSource]:
    """Return the sources of these integrations whose alerts expire."""
    rows = await tx.fetch(
        """
        select
            integration_id,
            integration.service_id,
            integration.name,
            last_message_at,
            waiting_since,
            reported_at
        from expiring_source
        join integration on integration.id = integration_id
        where integration_id = any($1::bigint[])
        order by integration_id
        """,
        list(integration_ids),
    )
    return [ExpiringSource(**dict(row)) for row in rows]


async def delete_ended(tx: Tx, integration_id: int) -> None:
    """Forget the expiries of alerts that no longer fire, or flap and are resolved."""
    await tx.execute(
        """
        delete from alert_expiry
        where integration_id = $1
            and not exists (
                select
                from alert
                where alert.integration_id = $1
                    and alert.dedup_key = alert_expiry.dedup_key
                    and alert.status = 'firing'
                    and not coalesce(alert.flap ? 'resolved_at', false)
            )
        """,
        integration_id,
    )


async def expired(tx: Tx, integration_id: int, now: datetime, limit: int) -> list[ExpiringAlert]:
    """Return the firing alerts of an integration that have expired, earliest first."""
    rows = await tx.fetch(
        """
        select alert_expiry.dedup_key, alert.title, expires_at
        from alert_expiry
        join alert on alert.integration_id = alert_expiry.integration_id
            and alert.dedup_key = alert_expiry.dedup_key
            and alert.status = 'firing'
            and not coalesce(alert.flap ? 'resolved_at', false)
        where alert_expiry.integration_id = $1
            and expires_at <= $2
        order by expires_at, alert_expiry.dedup_key
        limit $3
        """,
        integration_id,
        now,
        limit,
    )
    return [ExpiringAlert(**dict(row)) for row in rows]


async def postpone(tx: Tx, integration_id: int, until: datetime) -> None:
    """Set the expiry of the alerts of an integration that expire before `until` to it."""
    await tx.execute(
        """
        update alert_expiry
        set expires_at = $2
        where integration_id = $1
            and expires_at < $2
        """,
        integration_id,
        until,
    )


async def save_source(tx: Tx, source: ExpiringSource) -> None:
    """Save since when alerts wait for a source, and whether that was reported."""
    await tx.execute(
        """
        update expiring_source
        set waiting_since = $2,
            reported_at = $3
        where integration_id = $1
        """,
        source.integration_id,
        source.waiting_since,
        source.reported_at,
    )


async def is_expiring(tx: Tx, integration_id: int) -> bool:
    """Return True if an alert of the integration has an expiry."""
    waits: bool = await tx.value(
        "select exists (select from alert_expiry where integration_id = $1)", integration_id
    )
    return waits
