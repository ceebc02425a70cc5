"""The SQL of silences, which are mutes of their own kind."""

from collections.abc import Sequence
from datetime import datetime

from firebell.alerts.silences.model import NewSilence, Silence
from firebell.kit.db.database import Reads, Row, Tx

_COLUMNS = (
    "id, public_id::text, author, name as comment, matchers, service_ids, starts_at, ends_at, ended_at,"
    " created_at"
)


def _silence(row: Row) -> Silence:
    return Silence(**{**dict(row), "service_ids": tuple(row["service_ids"])})


async def insert(tx: Tx, author: str, new: NewSilence, now: datetime) -> Silence:
    row = await tx.row(
        f"""
        insert into alert_mute (kind, name, path, author, service_ids, matchers, starts_at, ends_at, created_at)
        values ('silence', $1, '', $2, $3, $4, $5, $6, $7)
        returning {_COLUMNS}
        """,
        new.comment,
        author,
        list(new.service_ids),
        new.matchers,
        new.starts_at,
        new.ends_at,
        now,
    )
    assert row
    return _silence(row)


async def update(tx: Tx, silence_id: int, new: NewSilence) -> None:
    """Change a silence that has not ended."""
    await tx.execute(
        """
        update alert_mute
        set name = $2,
            service_ids = $3,
            matchers = $4,
            starts_at = $5,
            ends_at = $6
        where id = $1
            and kind = 'silence'
            and ended_at is null
        """,
        silence_id,
        new.comment,
        list(new.service_ids),
        new.matchers,
        new.starts_at,
        new.ends_at,
    )


async def silence(tx: Reads, silence_id: int) -> Silence | None:
    row = await tx.row(
        f"""
        select {_COLUMNS}
        from alert_mute
        where id = $1
            and kind = 'silence'
        """,
        silence_id,
    )
    return _silence(row) if row else None


async def by_public_id(tx: Reads, public_id: str) -> Silence | None:
    row = await tx.row(
        f"""
        select {_COLUMNS}
        from alert_mute
        where public_id = $1::text::uuid
            and kind = 'silence'
        """,
        public_id,
    )
    return _silence(row) if row else None


async def silences(tx: Reads, expired_since: datetime, limit: int) -> list[Silence]:
    """Return the active silences, and those that ended since `expired_since`, newest first.

    If there are more than `limit`, active ones come first, because an old one may still hide alerts.
    """
    rows = await tx.fetch(
        f"""
        select {_COLUMNS}
        from (
            select *
            from alert_mute
            where kind = 'silence'
                and coalesce(ended_at, $1) >= $1
            order by ended_at is not null, id desc
            limit $2
        ) listed
        order by id desc
        """,
        expired_since,
        limit,
    )
    return [_silence(row) for row in rows]


async def between(tx: Reads, start: datetime, end: datetime, limit: int) -> list[Silence]:
    """Return the newest silences that ran, or will run, in an interval."""
    rows = await tx.fetch(
        f"""
        select {_COLUMNS}
        from alert_mute
        where kind = 'silence'
            and starts_at < $2
            and coalesce(ended_at, ends_at) > $1
        order by id desc
        limit $3
        """,
        start,
        end,
        limit,
    )
    return [_silence(row) for row in rows]


async def newest(tx: Reads, before: int, limit: int) -> list[Silence]:
    """Return silences with an id below `before`, newest first."""
    rows = await tx.fetch(
        f"""
        select {_COLUMNS}
        from alert_mute
        where kind = 'silence'
            and id < $1
        order by id desc
        limit $2
        """,
        before,
        limit,
    )
    return [_silence(row) for row in rows]


async def lock_creation(tx: Tx) -> None:
    """Let one transaction at a time create a silence, so that all of them together keep to the limit."""
    await tx.execute("select pg_advisory_xact_lock(hashtextextended('silence', 0))")


async def unended_count(tx: Reads) -> int:
    """Return how many silences have not ended."""
    count: int = await tx.value(
        """
        select count(*)
        from alert_mute
        where kind = 'silence'
            and ended_at is null
        """
    )
    return count


async def silenced_counts(tx: Reads, ids: Sequence[int]) -> dict[int, tuple[int, int]]:
    """Return how many firing alerts each silence silences now, and how many it silenced in all."""
    rows = await tx.fetch(
        """
        select
            mute_id,
            coalesce(sum(firing) filter (where released_at is null and closed_at is null), 0)::int as firing,
            sum(alerts)::int as alerts
        from alert_group
        where mute_id = any($1::bigint[])
        group by mute_id
        """,
        list(ids),
    )
    return {row["mute_id"]: (row["firing"], row["alerts"]) for row in rows}
