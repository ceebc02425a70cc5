"""The SQL of events and their deliveries: queueing, leases, outcomes, and what is sent again."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from firebell.kit.db.database import Reads, Tx
from firebell.webhooks.model import RESTS_AFTER, AttemptResult, ClaimedDelivery, NewEvent

LEASE = timedelta(seconds=60)
BATCH_OF_ENDPOINT = 10
"""Deliveries of one endpoint that are sent at once, so that one that hangs leaves room for others."""
_IS_FOR = """
    (cardinality(endpoint.types) = 0 or event.type = any(endpoint.types))
    and (
        cardinality(endpoint.team_ids) + cardinality(endpoint.service_ids) = 0
        or cardinality(event.team_ids) + cardinality(event.service_ids) = 0
        or endpoint.team_ids && event.team_ids
        or endpoint.service_ids && event.service_ids
    )
"""
_IS_HIDDEN = """
    (
        not endpoint.is_private
        and (
            exists (
                select
                from incident
                where incident.id = any(event.incident_ids)
                    and incident.visibility = 'private'
            )
            or exists (
                select
                from manual_page
                where manual_page.page_id
                    = case when starts_with(event.subject, 'page:') then substr(event.subject, 6)::bigint end
                    and manual_page.is_private
            )
        )
    )
"""
"""Whether to withhold an event from an endpoint: its incident, or that of its page, is private now.

A manual page can be linked to a private incident after the event, which holds the page's reason.
"""


async def insert_events(tx: Tx, events: Sequence[tuple[str, NewEvent]], now: datetime) -> None:
    """Store events with their message ids, and queue each for the active endpoints that it is for.

    One that is for no endpoint, not even a paused one, is not stored.
    """
    await tx.many(
        f"""
        with event as (
            select
                $1::text as message_id, $2::text as type, $3::timestamptz as at, $4::text as subject,
                $5::bigint[] as team_ids, $6::bigint[] as service_ids, $7::bigint[] as incident_ids, $8::text as body
        ),
        stored as (
            insert into webhook_event (message_id, type, at, subject, team_ids, service_ids, incident_ids, body)
            select message_id, type, at, subject, team_ids, service_ids, incident_ids, body
            from event
            where exists (select from webhook_endpoint endpoint where endpoint.deleted_at is null and {_IS_FOR})
            returning id
        )
        insert into webhook_delivery (endpoint_id, event_id, subject, state, next_at, created_at)
        select endpoint.id, stored.id, event.subject, 'queued', $9, $9
        from stored
        cross join event
        join webhook_endpoint endpoint on endpoint.state = 'active' and {_IS_FOR}
        where not {_IS_HIDDEN}
        """,
        [
            (
                *(message_id, event.type, event.at, event.subject, sorted(event.team_ids)),
                *(sorted(event.service_ids), sorted(event.incident_ids), event.body.decode(), now),
            )
            for message_id, event in events
        ],
    )


async def queue_test(tx: Tx, endpoint_id: int, message_id: str, event: NewEvent, now: datetime) -> int:
    """Store a test event, queue it for one endpoint, and return the id of its delivery."""
    delivery_id: int = await tx.value(
        """
        with event as (
            insert into webhook_event (message_id, type, at, subject, team_ids, service_ids, incident_ids, body)
            values ($2, $3, $4, $5, '{}', '{}', '{}', $6)
            returning id
        )
        insert into webhook_delivery (endpoint_id, event_id, subject, state, next_at, created_at)
        select $1, id, $5, 'queued', $4, $4
        from event
        returning id
        """,
        endpoint_id,
        message_id,
        event.type,
        now,
        event.subject,
        event.body.decode(),
    )
    return delivery_id


async def requeue_lapsed(tx: Tx, now: datetime) -> None:
    """Queue again what a process claimed that is gone; it may have been sent, and keeps its message id."""
    await tx.execute(
        """
        update webhook_delivery
        set state = 'queued', lease_until = null, next_at = $1
        where state = 'claimed'
            and lease_until < $1
        """,
        now,
    )


async def claim(tx: Tx, limit: int, now: datetime, except_ids: Collection[int] = ()) -> list[ClaimedDelivery]:
    """Lease deliveries that are due, the oldest first: some of each endpoint but these, and one of each subject.

    An endpoint that rests gets nothing, after its rest one at a time until one succeeds. What hangs on an incident
    that became private is withheld from endpoints without access.
    """
    rows = await tx.fetch(
        f"""
        select due.id, {_IS_HIDDEN} as is_hidden
        from webhook_endpoint endpoint
        cross join lateral (
            select id, event_id, next_at
            from webhook_delivery waiting
            where waiting.endpoint_id = endpoint.id
                and waiting.state = 'queued'
                and waiting.next_at <= $1
                and not exists (
                    select
                    from webhook_delivery earlier
                    where earlier.endpoint_id = waiting.endpoint_id
                        and earlier.subject = waiting.subject
                        and earlier.state in ('queued', 'claimed')
                        and (earlier.state = 'claimed' or earlier.next_at <= $1)
                        and earlier.id < waiting.id
                )
            order by waiting.next_at, waiting.id
            limit case when endpoint.failures >= {RESTS_AFTER} then 1 else {BATCH_OF_ENDPOINT} end
            for update skip locked
        ) due
        join webhook_event event on event.id = due.event_id
        where endpoint.state = 'active'
            and endpoint.id <> all ($3::bigint[])
            and coalesce(endpoint.resting_until, $1) <= $1
            and not (
                endpoint.failures >= {RESTS_AFTER}
                and exists (
                    select
                    from webhook_delivery probe
                    where probe.endpoint_id = endpoint.id
                        and probe.state = 'claimed'
                )
            )
        order by due.next_at, due.id
        limit $2
        """,
        now,
        limit,
        list(except_ids),
    )
    if hidden := [row["id"] for row in rows if row["is_hidden"]]:
        await tx.execute(
            """
            update webhook_delivery
            set state = 'withheld', ended_at = $2, error = 'Its incident is private now.'
            where id = any($1::bigint[])
            """,
            hidden,
            now,
        )
    claimed = await tx.fetch(
        """
        with claimed as (
            update webhook_delivery
            set state = 'claimed', lease_until = $2
            where id = any($1::bigint[])
            returning id, endpoint_id, event_id, tries, lease_until
        )
        select
            claimed.id, endpoint.id as endpoint_id, endpoint.url, endpoint.secret,
            case when endpoint.previous_until > $3 then endpoint.previous_secret end as previous_secret,
            event.message_id, event.body, claimed.tries, claimed.lease_until
        from claimed
        join webhook_endpoint endpoint on endpoint.id = claimed.endpoint_id
        join webhook_event event on event.id = claimed.event_id
        order by claimed.id
        """,
        [row["id"] for row in rows if not row["is_hidden"]],
        now + LEASE,
        now,
    )
    return [ClaimedDelivery(**dict(row)) for row in claimed]


async def record(tx: Tx, result: AttemptResult, retry_at: datetime | None, now: datetime) -> None:
    """Store an attempt and what follows: it was delivered, it is tried again at `retry_at`, or it failed.

    A failure after the end of its lease changes nothing: another process may have sent the delivery since.
    """
    await tx.execute(
        """
        with delivery as (
            update webhook_delivery
            set state = case when $4 = '' then 'delivered' when $6::timestamptz is null then 'failed' else 'queued' end,
                attempts = attempts + 1,
                tries = tries + 1,
                status = $3,
                error = $4,
                next_at = coalesce($6, next_at),
                lease_until = null,
                ended_at = case when $4 = '' or $6 is null then $2::timestamptz end
            where id = $1
                and ($4 = '' or lease_until = $9)
            returning id
        )
        insert into webhook_attempt (delivery_id, at, duration_ms, status, error, response)
        select id, $7, $8, $3, $4, $5
        from delivery
        """,
        result.delivery.id,
        now,
        result.status,
        result.error,
        result.response,
        None if result.is_ok else retry_at,
        result.at,
        result.duration_ms,
        result.delivery.lease_until,
    )


async def fails_another(tx: Tx, endpoint_id: int, delivery_id: int, since: datetime) -> bool:
    """Return True if another delivery of an endpoint than this one has failed since an instant."""
    return bool(
        await tx.value(
            """
            select exists (
                select
                from webhook_delivery
                where endpoint_id = $1
                    and id <> $2
                    and error <> ''
                    and state = 'queued'
            )
            or exists (
                select
                from webhook_delivery
                where endpoint_id = $1
                    and id <> $2
                    and ended_at >= $3
                    and state = 'failed'
            )
            """,
            endpoint_id,
            delivery_id,
            since,
        )
    )


async def next_at(tx: Reads) -> tuple[bool, datetime | None]:
    """Return whether there is an endpoint, and when something may be composed or sent next, None if nothing waits."""
    row = await tx.row(
        """
        select
            exists (select from webhook_endpoint) as is_used,
            least(
                (select min(deleted_at) from webhook_endpoint),
                (select min(run_at) from webhook_change where dead_at is null),
                (
                    select min(greatest(first.next_at, endpoint.resting_until))
                    from webhook_endpoint endpoint
                    cross join lateral (
                        select next_at
                        from webhook_delivery
                        where endpoint_id = endpoint.id
                            and state = 'queued'
                        order by next_at
                        limit 1
                    ) first
                    where endpoint.state = 'active'
                ),
                (select min(lease_until) from webhook_delivery where state = 'claimed')
            ) as at
        """
    )
    assert row
    return row["is_used"], row["at"]


async def replay(tx: Tx, delivery_id: int, now: datetime) -> bool:
    """Queue a delivery again, with all its retries; return False while it is being sent."""
    return bool(
        await tx.changed(
            """
            update webhook_delivery
            set state = 'queued', tries = 0, next_at = $2, ended_at = null
            where id = $1
                and state <> 'claimed'
            """,
            delivery_id,
            now,
        )
    )


async def replay_failed(tx: Tx, endpoint_id: int, limit: int, now: datetime) -> int:
    """Queue the oldest failed deliveries of an endpoint again, and return how many."""
    return await tx.changed(
        """
        update webhook_delivery
        set state = 'queued', tries = 0, next_at = $3, ended_at = null
        where id in (
            select id
            from webhook_delivery
            where endpoint_id = $1
                and state = 'failed'
            order by id
            limit $2
            for update
        )
        """,
        endpoint_id,
        limit,
        now,
    )


async def events_between(tx: Tx, since: datetime, until: datetime, limit: int) -> int:
    """Return the number of events that happened in `[since, until)`, at most `limit`."""
    number: int = await tx.value(
        """
        select count(*)
        from (select from webhook_event where at >= $1 and at < $2 limit $3) event
        """,
        since,
        until,
        limit,
    )
    return number


async def replay_range(
    tx: Tx, endpoint_id: int, since: datetime, until: datetime, now: datetime, *, with_delivered: bool
) -> int:
    """Queue the events of `[since, until)` that are for an endpoint, and return how many.

    Those that it never got are included, such as what happened while it was paused; what was delivered only on request.
    """
    return await tx.changed(
        f"""
        insert into webhook_delivery (endpoint_id, event_id, subject, state, next_at, created_at)
        select endpoint.id, event.id, event.subject, 'queued', $4, $4
        from webhook_event event
        join webhook_endpoint endpoint on endpoint.id = $1 and {_IS_FOR}
        where event.at >= $2
            and event.at < $3
            and event.type <> 'webhook.test'
            and not {_IS_HIDDEN}
        order by event.id
        on conflict (endpoint_id, event_id) do update
        set state = 'queued', tries = 0, next_at = $4, ended_at = null
        where webhook_delivery.state in ('failed', 'withheld')
            or (webhook_delivery.state = 'delivered' and $5)
        """,
        endpoint_id,
        since,
        until,
        now,
        with_delivered,
    )
