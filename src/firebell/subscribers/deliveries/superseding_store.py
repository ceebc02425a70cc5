"""The SQL of news that overtake one another: each reader gets those about a subject in their order."""

from collections.abc import Sequence
from datetime import datetime

from firebell.kit.db.database import Tx
from firebell.subscribers.model import Broadcast


async def void_earlier(
    tx: Tx, broadcast: Broadcast, subscriber_ids: Sequence[int], now: datetime
) -> dict[int, list[int]]:
    """Void what subscribers did not get yet about the subject of a broadcast, and return those by subscriber.

    Its steps are statements of their own: joined, PostgreSQL compares each subscriber with each queued delivery when
    it has no statistics yet.
    """
    earlier = await tx.fetch(
        """
        select id
        from status_broadcast
        where status_page_id = $1
            and subject = $2
            and seq < $3
        """,
        broadcast.status_page_id,
        broadcast.subject,
        broadcast.seq,
    )
    if not earlier:
        return {}
    rows = await tx.fetch(
        """
        update subscriber_delivery
        set state = 'void', reason = 'superseded', ended_at = $3
        where subscriber_id = any($1::bigint[])
            and state = 'queued'
            and broadcast_id = any($2::bigint[])
        returning subscriber_id, carried || broadcast_id as broadcast_ids
        """,
        list(subscriber_ids),
        [row["id"] for row in earlier],
        now,
    )
    carried: dict[int, list[int]] = {}
    for row in rows:
        carried.setdefault(row["subscriber_id"], []).extend(row["broadcast_ids"])
    return carried


async def add_to_later(tx: Tx, broadcast: Broadcast, subscriber_ids: Sequence[int]) -> set[int]:
    """Return which of these subscribers have later news about the subject of a broadcast.

    What was not sent yet of the later news carries the broadcast: news that are being sent now say it if they have to
    be tried again. Only a broadcast that was paused before its deliveries were queued can be overtaken.
    """
    later = await tx.fetch(
        """
        select id
        from status_broadcast
        where status_page_id = $1
            and subject = $2
            and seq > $3
            and queued > 0
        """,
        broadcast.status_page_id,
        broadcast.subject,
        broadcast.seq,
    )
    if not later:
        return set()
    later_ids = [row["id"] for row in later]
    waiting = await tx.fetch(
        """
        update subscriber_delivery
        set carried = carried || $3::bigint
        where subscriber_id = any($1::bigint[])
            and state = 'queued'
            and broadcast_id = any($2::bigint[])
        returning subscriber_id
        """,
        list(subscriber_ids),
        later_ids,
        broadcast.id,
    )
    # the locked ones are skipped: who records an outcome locks its deliveries, then waits for their broadcasts
    await tx.execute(
        """
        with under_way as (
            select id
            from subscriber_delivery
            where subscriber_id = any($1::bigint[])
                and state in ('queued', 'claimed')
                and broadcast_id = any($2::bigint[])
            for update skip locked
        )
        update subscriber_delivery later
        set carried = later.carried || $3::bigint
        from under_way
        where later.id = under_way.id
        """,
        sorted(set(subscriber_ids) - {row["subscriber_id"] for row in waiting}),
        later_ids,
        broadcast.id,
    )
    rows = await tx.fetch(
        """
        select subscriber_id
        from subscriber_delivery
        where subscriber_id = any($1::bigint[])
            and state in ('queued', 'claimed', 'sent')
            and broadcast_id = any($2::bigint[])
        """,
        list(subscriber_ids),
        later_ids,
    )
    return {row["subscriber_id"] for row in rows}


async def supersede_requeued(tx: Tx, ids: Sequence[int], now: datetime) -> None:
    """Void deliveries that wait again while their reader waits for something later, which carries their text."""
    if not ids:
        return
    await tx.execute(
        """
        with superseded as (
            select d.id, d.carried || d.broadcast_id as broadcast_ids, later.id as later_id
            from subscriber_delivery d
            join subscriber s on s.id = d.subscriber_id
            join status_broadcast b on b.id = d.broadcast_id
            join status_broadcast later_b
                on later_b.status_page_id = b.status_page_id
                and later_b.subject = b.subject
                and later_b.seq > b.seq
            join subscriber_delivery later
                on later.broadcast_id = later_b.id
                and later.subscriber_id = d.subscriber_id
                and later.state = 'queued'
            where d.id = any($1::bigint[])
                and d.state = 'queued'
                and s.channel <> 'webhook'
        ), voided as (
            update subscriber_delivery d
            set state = 'void', reason = 'superseded', ended_at = $2
            from superseded
            where d.id = superseded.id
        )
        update subscriber_delivery later
        set carried = later.carried || superseded.broadcast_ids
        from superseded
        where later.id = superseded.later_id
        """,
        list(ids),
        now,
    )
