"""The SQL of calendar feeds."""

from collections.abc import Sequence
from datetime import datetime

from firebell.kit.db.database import Row, Tx
from firebell.oncall.calendars.model import Feed, FeedKind


async def insert_feed(
    tx: Tx, token_hash: bytes, kind: FeedKind, subject_id: int, created_by: int, now: datetime
) -> int:
    feed_id = await tx.value(
        """
        insert into calendar_feed (token_hash, kind, subject_id, created_by, created_at)
        values ($1, $2, $3, $4, $5)
        returning id
        """,
        token_hash,
        kind,
        subject_id,
        created_by,
        now,
    )
    assert isinstance(feed_id, int)
    return feed_id


_WORKING_FEEDS = """
    select
        feed.id,
        feed.kind,
        feed.subject_id,
        feed.created_by,
        feed.created_at,
        feed.last_used_at,
        coalesce(schedule.name, team.name, person.name) as name
    from calendar_feed feed
    join person creator on creator.id = feed.created_by
    left join schedule
        on feed.kind = 'schedule' and schedule.id = feed.subject_id and schedule.archived_at is null
    left join team on feed.kind = 'team' and team.id = feed.subject_id
    left join person on feed.kind = 'person' and person.id = feed.subject_id and person.active
    where feed.revoked_at is null
        and creator.active
        and coalesce(schedule.id, team.id, person.id) is not null
"""
"""Feeds that are not revoked and whose creator and subject still exist."""


def _feed(row: Row) -> Feed:
    return Feed(**{**dict(row.items()), "kind": FeedKind(row["kind"])})


async def feeds(tx: Tx, created_by: int) -> list[Feed]:
    rows = await tx.fetch(
        f"""
        {_WORKING_FEEDS}
            and feed.created_by = $1
        order by feed.id desc
        """,
        created_by,
    )
    return [_feed(row) for row in rows]


async def feed(tx: Tx, token_hash: bytes) -> Feed | None:
    row = await tx.row(
        f"""
        {_WORKING_FEEDS}
            and feed.token_hash = $1
        """,
        token_hash,
    )
    return _feed(row) if row else None


async def was_feed(tx: Tx, token_hash: bytes) -> bool:
    """Return True if this token was ever the token of a feed."""
    return bool(
        await tx.value(
            """
            select true
            from calendar_feed
            where token_hash = $1
            """,
            token_hash,
        )
    )


async def touch_feed(tx: Tx, feed_id: int, now: datetime) -> None:
    """Record the use of a feed, at most once a minute."""
    await tx.execute(
        """
        update calendar_feed
        set last_used_at = $2::timestamptz
        where id = $1
            and (last_used_at is null or last_used_at < $2::timestamptz - interval '1 minute')
        """,
        feed_id,
        now,
    )


async def revoke_feeds(tx: Tx, created_by: int, now: datetime) -> int:
    """Revoke every feed that a person created; return how many there were."""
    return await tx.changed(
        """
        update calendar_feed
        set revoked_at = $2
        where created_by = $1
            and revoked_at is null
        """,
        created_by,
        now,
    )


async def revoke_feed(tx: Tx, feed_id: int, created_by: int, now: datetime) -> bool:
    revoked = await tx.value(
        """
        update calendar_feed
        set revoked_at = $3
        where id = $1
            and created_by = $2
            and revoked_at is null
        returning true
        """,
        feed_id,
        created_by,
        now,
    )
    return bool(revoked)


async def restore_feed(tx: Tx, feed_id: int, revoked_at: datetime) -> bool:
    """Restore a feed that was revoked at this instant; return False if there is none."""
    restored = await tx.value(
        """
        update calendar_feed
        set revoked_at = null
        where id = $1
            and revoked_at = $2
        returning true
        """,
        feed_id,
        revoked_at,
    )
    return bool(restored)


async def changed_at(tx: Tx, schedule_ids: Sequence[int]) -> dict[int, datetime]:
    rows = await tx.fetch(
        """
        select id, changed_at
        from schedule
        where id = any($1::bigint[])
        """,
        list(schedule_ids),
    )
    return {row["id"]: row["changed_at"] for row in rows}
