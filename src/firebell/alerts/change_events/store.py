"""The SQL of change events."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from firebell.alerts.model import ChangeEvent, InboundRequest, NewChangeEvent
from firebell.kit.db.database import Reads, Tx


async def insert_change(
    tx: Tx,
    received: InboundRequest,
    change: NewChangeEvent,
    digest: bytes,
    now: datetime,
    redelivery: timedelta,
) -> bool:
    """Store a change and return True; return False if it is a duplicate.

    The same body is a duplicate for as long as it is kept if it has its own time, else for `redelivery`.
    """
    inserted = await tx.row(
        """
        insert into change_event (
            integration_id, service_id, at, received_at, digest, summary, source, links, details
        )
        select $1, $2, coalesce($3::timestamptz, $4), $4, $5, $6, $7, $8, $9
        where not exists (
            select from change_event
            where integration_id = $1
                and digest = $5
                and ($3::timestamptz is not null or received_at > $4 - $10::interval)
        )
        returning id
        """,
        received.integration_id,
        received.service_id,
        change.at,
        now,
        digest,
        change.summary,
        change.source,
        change.links,
        change.details,
        redelivery,
    )
    return inserted is not None


async def newest_of_integration(tx: Reads, integration_id: int) -> ChangeEvent | None:
    """Return the change that an integration received last, if it received one."""
    row = await tx.row(
        """
        select id, service_id, at, summary, source, links, details
        from change_event
        where integration_id = $1
        order by integration_id desc, id desc
        limit 1
        """,
        integration_id,
    )
    return ChangeEvent(**dict(row)) if row else None


async def changes(
    tx: Tx,
    service_ids: Sequence[int] | None,
    since: datetime | None,
    until: datetime | None,
    before: int | None,
    limit: int,
) -> list[ChangeEvent]:
    """Return the changes of these services, or of all, within `[since, until]`, last received first."""
    rows = await tx.fetch(
        """
        select id, service_id, at, summary, source, links, details
        from change_event
        where ($1::bigint[] is null or service_id = any($1))
            and ($2::timestamptz is null or at >= $2)
            and ($3::timestamptz is null or at <= $3)
            and ($4::bigint is null or id < $4)
        order by id desc
        limit $5
        """,
        None if service_ids is None else list(service_ids),
        since,
        until,
        before,
        limit,
    )
    return [ChangeEvent(**dict(row)) for row in rows]
