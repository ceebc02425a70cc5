"""The SQL of silences, which are mutes of their own kind."""

from collections.abc import Sequence
from datetime import datetime

from firebell.alerts.silences.model import NewSilence, PreviewedAlert, Silence
from firebell.kit.db.arrays import transpose
from firebell.kit.db.database import Reads, Row, Tx
from firebell.kit.matchers import Matcher, Op

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
    """Return the newest silences that have not ended, or that ended since an instant."""
    rows = await tx.fetch(
        f"""
        select {_COLUMNS}
        from alert_mute
        where kind = 'silence'
            and coalesce(ended_at, $1) >= $1
        order by id desc
        limit $2
        """,
        expired_since,
        limit,
    )
    return [_silence(row) for row in rows]


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


async def past_alerts(
    tx: Reads,
    service_ids: Sequence[int],
    conditions: Sequence[Matcher],
    since: datetime,
    compared: int,
    limit: int,
) -> tuple[list[PreviewedAlert], int, bool]:
    """Return alerts that began since an instant and may meet the conditions, newest first.

    The newest `compared` alerts are looked at, of these services or of all, and regular expressions are left to the
    caller. Also returns how many alerts were looked at, and whether there may be older ones.
    """
    plain = [
        (condition.name, condition.value, condition.op is Op.EQUAL)
        for condition in conditions
        if condition.op in (Op.EQUAL, Op.NOT_EQUAL)
    ]
    rows = await tx.fetch(
        """
        with newest as materialized (
            select
                alert.id, alert.dedup_key, alert.title, alert.severity, alert.labels, alert.status, alert.group_id,
                coalesce(alert.routed_service_id, integration.service_id) as service_id, alert.starts_at
            from (
                select *
                from alert
                order by id desc
                limit $1
            ) alert
            join integration on integration.id = alert.integration_id
            where alert.starts_at >= $2
                and (
                    $3::bigint[] = '{}'
                    or coalesce(alert.routed_service_id, integration.service_id) = any($3::bigint[])
                )
        ),
        looked_at as (
            select count(*) as alerts
            from newest
        ),
        matching as (
            select newest.*
            from newest
            where not exists (
                select
                from unnest($4::text[], $5::text[], $6::bool[]) as condition (name, value, is_equal)
                where condition.is_equal <> (
                    condition.value = coalesce(
                        newest.labels ->> condition.name,
                        case condition.name
                            when 'title' then newest.title
                            when 'severity' then newest.severity
                        end,
                        ''
                    )
                )
            )
            order by newest.id desc
            limit $7
        )
        select
            looked_at.alerts as looked_at, matching.id, matching.dedup_key, matching.title, matching.severity,
            matching.labels, matching.status = 'firing' as is_firing, matching.group_id, matching.service_id
        from looked_at
        left join matching on true
        order by matching.id desc
        """,
        compared,
        since,
        list(service_ids),
        *transpose(plain, 3),
        limit,
    )
    fields = ("id", "dedup_key", "title", "severity", "labels", "is_firing", "group_id", "service_id")
    alerts = [PreviewedAlert(**{name: row[name] for name in fields}) for row in rows if row["id"] is not None]
    looked_at = rows[0]["looked_at"]
    return alerts, looked_at, looked_at >= compared or len(alerts) >= limit
