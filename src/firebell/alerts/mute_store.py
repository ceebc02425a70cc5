"""The SQL of mutes: what they mute, and the groups that they hold."""

import logging
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from firebell.alerts.model import OpenedGroup
from firebell.alerts.mutes import Mute
from firebell.kit import matchers
from firebell.kit.db.arrays import transpose
from firebell.kit.db.database import Reads, Row, Tx
from firebell.kit.log import OncePerMinute

log = logging.getLogger(__name__)
_unreadable = OncePerMinute(log, "the matchers of a mute cannot be read, so it mutes nothing")

_COLUMNS = "id, name, path, service_ids, matchers, starts_at, ends_at"


@dataclass(frozen=True, slots=True)
class MuteMark:
    """Why the alerts of a group paged no one: `is_muted` is True until the group is released."""

    name: str
    path: str
    ends_at: datetime
    is_muted: bool


@dataclass(frozen=True, slots=True)
class MutedCount:
    """A running mute, and how many firing alerts it holds back."""

    id: int
    name: str
    path: str
    ends_at: datetime
    alerts: int


def _mutes(rows: Sequence[Row]) -> list[Mute]:
    """Return the mutes whose matchers can be read; one that cannot mutes nothing, and no alert is refused."""
    mutes = []
    for row in rows:
        try:
            parsed = matchers.parse(row["matchers"])
        except matchers.MatcherError as error:
            _unreadable.add(f"mute {row['id']}: {error}")
            continue
        mutes.append(Mute(**{**dict(row), "service_ids": frozenset(row["service_ids"]), "matchers": parsed}))
    return mutes


async def insert(
    tx: Tx,
    name: str,
    path: str,
    service_ids: Collection[int],
    matchers_text: str,
    starts_at: datetime,
    ends_at: datetime,
) -> int:
    """Insert a mute and return its id."""
    new_id: int = await tx.value(
        """
        insert into alert_mute (name, path, service_ids, matchers, starts_at, ends_at)
        values ($1, $2, $3, $4, $5, $6)
        returning id
        """,
        name,
        path,
        sorted(service_ids),
        matchers_text,
        starts_at,
        ends_at,
    )
    return new_id


async def unended(tx: Reads) -> list[Mute]:
    """Return the mutes that have not ended."""
    rows = await tx.fetch(
        f"""
        select {_COLUMNS}
        from alert_mute
        where ended_at is null
        order by ends_at, id
        """
    )
    return _mutes(rows)


async def hold(tx: Tx, ids: Collection[int], now: datetime) -> list[Mute]:
    """Return which of these mutes are running; they cannot end before the transaction does.

    The services must be locked: what a mute holds is released under their lock, after the mute has ended.
    """
    rows = await tx.fetch(
        f"""
        select {_COLUMNS}
        from alert_mute
        where id = any($1::bigint[])
            and ended_at is null
            and starts_at <= $2
            and ends_at > $2
        order by id
        for share
        """,
        list(ids),
        now,
    )
    return _mutes(rows)


async def change_end(tx: Tx, mute_id: int, ends_at: datetime) -> bool:
    """Set when a mute ends; return False if it has ended."""
    return bool(
        await tx.changed(
            """
            update alert_mute
            set ends_at = $2
            where id = $1
                and ended_at is null
            """,
            mute_id,
            ends_at,
        )
    )


async def end(tx: Tx, mute_id: int, now: datetime) -> bool:
    """End a mute; return False if it has ended."""
    return bool(
        await tx.changed(
            """
            update alert_mute
            set ended_at = $2
            where id = $1
                and ended_at is null
            """,
            mute_id,
            now,
        )
    )


async def end_overdue(tx: Tx, ids: Collection[int], now: datetime) -> set[int]:
    """End those of these mutes whose end has passed, and return the ids of all that have ended."""
    await tx.execute(
        """
        update alert_mute
        set ended_at = ends_at
        where id = any($1::bigint[])
            and ended_at is null
            and ends_at <= $2
        """,
        list(ids),
        now,
    )
    rows = await tx.fetch(
        """
        select id
        from alert_mute
        where id = any($1::bigint[])
            and ended_at is not null
        """,
        list(ids),
    )
    return {row["id"] for row in rows}


async def services(tx: Reads, ids: Collection[int]) -> list[int]:
    """Return the services of these mutes, in order."""
    rows = await tx.fetch(
        """
        select distinct unnest(service_ids) as service_id
        from alert_mute
        where id = any($1::bigint[])
        order by 1
        """,
        list(ids),
    )
    return [row["service_id"] for row in rows]


async def release(tx: Tx, mute_ids: Collection[int], now: datetime) -> list[OpenedGroup]:
    """Release the groups of these mutes in which an alert fires, and return them; idempotent."""
    rows = await tx.fetch(
        """
        update alert_group
        set released_at = $2
        where mute_id = any($1::bigint[])
            and released_at is null
            and closed_at is null
        returning id, service_id, title, urgency, lead_severity as severity
        """,
        list(mute_ids),
        now,
    )
    return sorted((OpenedGroup(**dict(row)) for row in rows), key=lambda group: group.id)


async def mark_released(tx: Tx, group_ids: Collection[int], now: datetime) -> None:
    """Record that groups page from now on."""
    await tx.execute(
        """
        update alert_group
        set released_at = $2
        where id = any($1::bigint[])
        """,
        list(group_ids),
        now,
    )


async def insert_muted_alerts(tx: Tx, alerts: Sequence[tuple[int, str, int]]) -> None:
    """Insert the newest alerts of integrations and deduplication keys into the list of muted alerts.

    Each comes with its service; a key that comes several times has as many new alerts.
    """
    await tx.execute(
        """
        insert into muted_alert (alert_id, service_id)
        select newest.id, created.service_id
        from (
            select integration_id, dedup_key, service_id, count(*) as alerts
            from unnest($1::bigint[], $2::text[], $3::bigint[]) as sent (integration_id, dedup_key, service_id)
            group by integration_id, dedup_key, service_id
        ) created
        cross join lateral (
            select alert.id
            from alert
            where alert.integration_id = created.integration_id
                and alert.dedup_key = created.dedup_key
            order by alert.id desc
            limit created.alerts
        ) newest
        on conflict do nothing
        """,
        *transpose(alerts, 3),
    )


async def marks_of_groups(tx: Reads, group_ids: Collection[int]) -> dict[int, MuteMark]:
    """Return the mark of each group that is or was muted."""
    rows = await tx.fetch(
        """
        select
            alert_group.id as group_id,
            alert_mute.name,
            alert_mute.path,
            coalesce(alert_mute.ended_at, alert_mute.ends_at) as ends_at,
            alert_group.released_at is null as is_muted
        from alert_group
        join alert_mute on alert_mute.id = alert_group.mute_id
        where alert_group.id = any($1::bigint[])
        """,
        list(group_ids),
    )
    return {
        row["group_id"]: MuteMark(row["name"], row["path"], row["ends_at"], row["is_muted"]) for row in rows
    }


async def muted_counts(tx: Reads, now: datetime, mute_id: int | None = None) -> list[MutedCount]:
    """Return the mutes that run, or the one with this id, in the order in which they end."""
    rows = await tx.fetch(
        """
        select alert_mute.id, name, path, ends_at, held.alerts
        from alert_mute
        cross join lateral (
            select coalesce(sum(firing), 0)::int as alerts
            from alert_group
            where alert_group.mute_id = alert_mute.id
                and released_at is null
                and closed_at is null
        ) held
        where ended_at is null
            and starts_at <= $1
            and ends_at > $1
            and ($2::bigint is null or alert_mute.id = $2)
        order by ends_at, alert_mute.id
        """,
        now,
        mute_id,
    )
    return [MutedCount(**dict(row)) for row in rows]


async def alert_ids(tx: Reads, mute_id: int, limit: int) -> list[int]:
    """Return the newest alerts that a mute held back, firing or not."""
    rows = await tx.fetch(
        """
        select alert.id
        from alert_group
        join alert on alert.group_id = alert_group.id
        where alert_group.mute_id = $1
        order by alert.id desc
        limit $2
        """,
        mute_id,
        limit,
    )
    return [row["id"] for row in rows]
